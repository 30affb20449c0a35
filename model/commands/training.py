"""One network trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from model import tensorflow_environment
from model.commands import data
from model.commands.progress import Report, silent

if TYPE_CHECKING:
    from model.networks import Precision, Preset
    from model.train import Progress

PHANTOM_STEPS: Final = 1_000


def train(
    out: Path,
    *,
    preset: str = "multinet-lower-resolution",
    cases: Path | None = None,
    phantoms: int = 96,
    schedule: str | None = None,
    seed: int = 1,
    precision: "Precision | Literal['auto']" = "auto",
    checkpoint_every_s: float = 60.0,
    report: Report = silent,
    **sizes: Any,
) -> Path:
    """Train a preset; the same command continues a run that was stopped.

    All cases are read and checked before the first step.

    Args:
        out: run folder, see `model.run`; `data.json` in it tells what it learns from.
        preset: name in `model.networks.PRESETS`.
        cases: index file or folder of cases, see `model.commands.data.read`; None draws phantoms.
        phantoms: how many to draw.
        schedule: name in `model.train.SCHEDULES`; by default `short` for phantoms, else `thesis`.
        seed: of the run.
        precision: what the layers compute in.
        checkpoint_every_s: what a kill costs at most.
        report: told about progress.
        sizes: see `sized`; on phantoms 1,000 steps by default.

    Returns:
        the path of the weights.

    Raises:
        ValueError: unknown preset or schedule; unusable cases; a folder with another run.
    """
    from model.train import plan
    from model.train import train as run

    tensorflow_environment.prepare()
    if cases is None and sizes.get("steps") is None:
        sizes["steps"] = PHANTOM_STEPS
    chosen = sized(preset, **sizes)
    driven = schedule or ("short" if cases is None else "thesis")
    plan(chosen, schedule=driven, precision="float32")  # refuses early, without TensorFlow
    found = data.read(cases, phantoms, chosen.preprocess, seed, report)
    words = found.in_words(chosen.training_cases)
    spec = plan(chosen, schedule=driven, seed=seed, cases=words, precision=precision)
    data.claim(out, found)
    training, validation = ([one.volume for one in part] for part in found.parts)
    return run(
        spec,
        training,
        validation,
        out,
        report=lambda state: report("training", state.step, state.steps, _in_words(state)),
        checkpoint_every_s=checkpoint_every_s,
    )


def sized(name: str, *, reduced: bool = False, **sizes: Any) -> "Preset":
    """Look a preset up and give it other sizes.

    Args:
        name: of the preset.
        reduced: first take its form for two processor cores.
        sizes: see `model.networks.Preset.adapted`; None keeps what the preset says.

    Raises:
        ValueError: there is none of that name, or a size does not fit it.
    """
    from model import networks

    chosen = networks.preset(name)
    if reduced:
        chosen = networks.reduced(chosen)
    return chosen.adapted(**sizes)


def _in_words(state: "Progress") -> str:
    return f"loss {state.loss:.3f}, Dice {sum(state.dice) / len(state.dice):.2f}"
