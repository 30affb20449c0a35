"""Training: a run folder that goes on where it was killed; imports TensorFlow where it runs."""

import dataclasses
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from model.augment import OFF, AugmentSpec
from model.dataset import Example, Sampler, TrainingVolume
from model.networks import Precision, Preset
from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec

_VALIDATION_EXAMPLES: Final = 8


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """Everything that decides what a run learns; saved as `train.json` in its folder.

    Attributes:
        network: what is trained.
        preprocess: what it sees.
        augmentation: what is done to what it sees.
        loss: name in `model.losses.LOSSES`.
        steps: number of optimisation steps; a single step is a single batch.
        batch_size: examples per step.
        learning_rate: of Adam, the greatest.
        warmup_steps: steps over which it rises linearly from zero.
        final_learning_rate: at the last step (cosine in between); equal means constant.
        foramen_share: share of examples whose middle slice shows a foramen; None: as it comes.
        seed: of initial weights, examples and augmentation.
        cases: what it learned from, in words, for the model card.
        training_cases: how many of the training volumes are used, the first ones; None: all.
        validate_every: steps between two measurements on the validation volumes.
        precision: what the layers compute in.
    """

    network: NetworkSpec
    preprocess: PreprocessSpec
    augmentation: AugmentSpec = field(default_factory=AugmentSpec)
    loss: str = "normalised-dice"
    steps: int = 30_000
    batch_size: int = 8
    learning_rate: float = 0.001
    warmup_steps: int = 0
    final_learning_rate: float = 0.001
    foramen_share: float | None = None
    seed: int = 0
    cases: str = ""
    training_cases: int | None = None
    validate_every: int = 100
    precision: Precision = "float32"

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain


@dataclass(frozen=True, slots=True)
class Schedule:
    """How hard a run is driven: augmentation, learning rates, which slices it sees.

    Attributes: as in `TrainSpec`; the augmentation is meant for the thesis's patch and spacing.
    """

    augmentation: AugmentSpec
    learning_rate: float
    warmup_steps: int
    final_learning_rate: float
    foramen_share: float | None


SCHEDULES: Final[dict[str, Schedule]] = {
    # thesis sections 7.2 and 7.4.2: tens of thousands of steps
    "thesis": Schedule(AugmentSpec(), 0.001, 0, 0.001, None),
    # some hundred steps: milder rotation, a learning rate that rises and falls, and
    # three quarters of the examples show a foramen
    "short": Schedule(AugmentSpec(rotation_deg=20.0, deformation_sd=6.0), 0.002, 40, 0.0001, 0.75),
}


def plan(
    preset: Preset,
    *,
    schedule: str = "thesis",
    seed: int = 0,
    cases: str = "",
    precision: Precision | Literal["auto"] = "auto",
) -> TrainSpec:
    """Make the specification of a run from a preset.

    Args:
        preset: what to train; `Preset.adapted` and `networks.reduced` change its sizes.
        schedule: name in `SCHEDULES`.
        seed: of the run.
        cases: what it learns from, in words.
        precision: `auto` computes in half width where a GPU has it, else in float32.

    Raises:
        ValueError: there is no such schedule.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"no schedule is called {schedule!r}; there are {', '.join(SCHEDULES)}")
    if precision == "auto":
        from model.learner import precision as best

        precision = best()
    driven = SCHEDULES[schedule]
    spacing_mm = preset.preprocess.norm_spacing_mm
    augmentation = driven.augmentation
    if spacing_mm is not None:
        augmentation = augmentation.fitted(preset.network.patch_size, spacing_mm)
    return TrainSpec(
        network=preset.network,
        preprocess=preset.preprocess,
        augmentation=augmentation,
        loss=preset.loss,
        steps=preset.steps,
        batch_size=preset.batch_size,
        learning_rate=driven.learning_rate,
        warmup_steps=driven.warmup_steps,
        final_learning_rate=driven.final_learning_rate,
        foramen_share=driven.foramen_share,
        seed=seed,
        cases=cases,
        training_cases=preset.training_cases,
        precision=precision,
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step reports: its number, its loss, the Dice per channel, and the time left."""

    step: int
    steps: int
    loss: float
    dice: tuple[float, ...]
    seconds_left: float = 0.0


def train(
    spec: TrainSpec,
    training: Sequence[TrainingVolume],
    validation: Sequence[TrainingVolume],
    folder: Path,
    *,
    report: Callable[[Progress], None] | None = None,
    checkpoint_every_s: float = 180.0,
) -> Path:
    """Train until `spec.steps`, continuing from the folder's last checkpoint if it has one.

    A run that was killed goes on with the same batches, weights, dropout and optimiser: its
    history is the one it would have had. What the folder receives is told in `model.run`.

    Args:
        spec: what to learn.
        training: prepared volumes to draw examples from.
        validation: volumes that are never trained on; fixed examples of them, not augmented.
        folder: run folder; made when missing.
        report: called after each step.
        checkpoint_every_s: seconds between two checkpoints.

    Returns:
        the path of the weights.

    Raises:
        ValueError: too few training volumes, or the folder holds a run with another
            specification.
    """
    from model import curves, run
    from model.inputs import batches
    from model.learner import Learner

    used = _used(spec, training)
    run.claim(folder, spec.to_json())
    learner = Learner(spec, folder / run.CHECKPOINT)
    start = learner.restore()
    run.enter(folder, start, _device())
    held_out = _held_out(spec, validation)
    sampler = Sampler(
        used, spec.network.patch_size, spec.augmentation, spec.seed, spec.foramen_share
    )
    began = saved_at = time.monotonic()
    with curves.History(folder, spec.network.channels, start) as history:
        for images, targets in batches(sampler, spec, start):
            loss, dice = learner.optimise(images, targets)
            step, now = learner.step, time.monotonic()
            due = now - saved_at > checkpoint_every_s or step == spec.steps
            line: dict[str, Any] = {"step": step, "loss": loss, "dice": dice}
            if step % spec.validate_every == 0 or step == spec.steps:
                line["validation_dice"] = learner.validate(held_out)
            history.append(line)  # before the checkpoint: a line without one is made again
            if due:
                learner.save()
                curves.write(folder, spec.network.channels)
                saved_at = time.monotonic()
            if report is not None:
                left_s = (now - began) / (step - start) * (spec.steps - step)
                report(Progress(step, spec.steps, loss, tuple(dice), left_s))
    return _save_weights(learner, folder / run.WEIGHTS)


def _used(spec: TrainSpec, training: Sequence[TrainingVolume]) -> Sequence[TrainingVolume]:
    """Take the training volumes that the specification asks for."""
    wanted = 1 if spec.training_cases is None else spec.training_cases
    if len(training) < wanted:
        raise ValueError(f"{len(training)} training volumes; expected at least {wanted}")
    return training[: spec.training_cases]


def _held_out(spec: TrainSpec, volumes: Sequence[TrainingVolume]) -> list[Example]:
    """Draw the fixed examples to validate on: whole foramina, nothing augmented."""
    from model.inputs import example

    if not volumes:
        return []
    sampler = Sampler(volumes, spec.network.patch_size, OFF, spec.seed + 1, foramen_share=1.0)
    return [example(sampler, spec, number) for number in range(_VALIDATION_EXAMPLES)]


def _save_weights(learner: Any, path: Path) -> Path:
    """Write the weights whole or not at all."""
    partial = path.with_name("partial.weights.h5")
    learner.network.save_weights(partial)
    os.replace(partial, path)
    return path


def _device() -> str:
    """Name what TensorFlow runs on."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "") for gpu in gpus]
    return ", ".join(filter(None, names)) or ("GPU" if gpus else "CPU")
