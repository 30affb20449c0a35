"""Many small networks trained, to see what matters."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from model import tensorflow_environment
from model.commands import data
from model.commands.progress import Report, silent
from model.commands.training import sized

if TYPE_CHECKING:
    from model.search import SearchSpace
    from model.search.trial import Trial

_BY_THE_CLOCK: Final = 1_000_000  # steps that no trial reaches


def search(
    out: Path,
    *,
    preset: str = "singlenet-base",
    cases: Path | None = None,
    phantoms: int = 24,
    trials: int = 51,
    seconds: float | None = None,
    steps: int | None = None,
    norm_spacing_mm: float | None = None,
    greatest_patch: int = 481,
    most_compressions: int = 5,
    schedule: str = "thesis",
    seed: int = 0,
    report: Report = silent,
) -> "list[Trial]":
    """Search hyper-parameters at random (Table A.1); the same command continues.

    After each trial the results are written anew.

    Args:
        out: folder of the search.
        preset: what all trials have in common.
        cases: index file or folder of cases; None draws `phantoms` of them.
        trials: how many networks.
        seconds: training time of each; the clock decides unless steps are given too.
        steps: most steps of each; None takes the preset's, as for `norm_spacing_mm`.
        greatest_patch: larger patches are not drawn.
        most_compressions: deeper networks are not drawn.
        schedule: name in `model.train.SCHEDULES`; the learning rate is drawn.
        seed: of what is drawn.
        report: told about progress.

    Raises:
        ValueError: unknown preset; unusable cases; another search there; no size left to draw.
    """
    from model import search as searching
    from model.train import plan

    tensorflow_environment.prepare()
    if seconds is not None and steps is None:
        steps = _BY_THE_CLOCK
    chosen = sized(preset, steps=steps, norm_spacing_mm=norm_spacing_mm)
    plan(chosen, schedule=schedule, precision="float32")  # refuses early, without TensorFlow
    found = data.read(cases, phantoms, chosen.preprocess, seed, report)
    base = plan(chosen, schedule=schedule, seed=seed, cases=found.in_words(chosen.training_cases))
    space = _space(greatest_patch, most_compressions)
    spec = searching.SearchSpec(base, space, trials, seconds, seed)
    data.claim(out, found)

    def after(done: "list[Trial]") -> None:
        searching.write_results(done, out)
        report("trials", sum(one.state != "running" for one in done), trials)

    training, validation = ([one.volume for one in part] for part in found.parts)
    objective = searching.trainer(training, validation, spec.measured_px)
    report("trials", 0, trials)
    done = searching.search(spec, objective, out, after)
    searching.write_results(done, out)  # also when nothing was left to do
    return done


def _space(greatest_patch: int, most_compressions: int) -> "SearchSpace":
    """Leave out of Table A.1 what is too large."""
    from model.search import SearchSpace

    whole = SearchSpace()
    return dataclasses.replace(
        whole,
        patch_size=tuple(size for size in whole.patch_size if size <= greatest_patch),
        compressions=tuple(one for one in whole.compressions if one <= most_compressions),
    )
