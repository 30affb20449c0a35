"""Training: a run folder, resumable; imports TensorFlow where it runs."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.augment import AugmentSpec
from model.dataset import Sampler, TrainingVolume
from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec


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

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain


@dataclass(frozen=True, slots=True)
class Schedule:
    """How hard a run is driven: augmentation, learning rates, which slices it sees.

    Attributes: as in `TrainSpec`.
    """

    augmentation: AugmentSpec
    learning_rate: float
    warmup_steps: int
    final_learning_rate: float
    foramen_share: float | None


SCHEDULES: Final[dict[str, Schedule]] = {
    # thesis sections 7.2 and 7.4.2: tens of thousands of steps
    "thesis": Schedule(AugmentSpec(), 0.001, 0, 0.001, None),
    # some hundred steps: milder augmentation, a learning rate that rises and falls, and
    # three quarters of the examples show a foramen
    "short": Schedule(AugmentSpec(rotation_deg=20.0, deformation_sd=3.0), 0.002, 40, 0.0001, 0.75),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step reports: its number, its loss, and the Dice per channel."""

    step: int
    steps: int
    loss: float
    dice: tuple[float, ...]


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

    The folder receives `train.json` (the specification), `history.jsonl` (loss and Dice per
    channel of each step; validation Dice at each checkpoint), `checkpoint/` and, at the end,
    `network.weights.h5`.

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
        ValueError: the folder holds a run with another specification.
    """
    import tensorflow as tf

    _claim(folder, spec)
    run = _Run(spec)
    manager = tf.train.CheckpointManager(run.checkpoint, str(folder / "checkpoint"), max_to_keep=2)
    if manager.latest_checkpoint:
        run.checkpoint.restore(manager.latest_checkpoint)
    start = int(run.step.numpy())
    held_out = list(_examples(_validation_sampler(spec, validation), range(8)))
    sampler = Sampler(
        training, spec.network.patch_size, spec.augmentation, spec.seed, spec.foramen_share
    )
    saved_at = time.monotonic()
    _forget_after(folder / "history.jsonl", start)
    with (folder / "history.jsonl").open("a", encoding="utf-8") as history:
        for batch in _batches(sampler, spec, start):
            loss, dice = run.optimise(batch)
            step = int(run.step.numpy())
            line: dict[str, Any] = {"step": step, "loss": loss, "dice": dice}
            due = time.monotonic() - saved_at > checkpoint_every_s or step == spec.steps
            if due:
                manager.save()
                saved_at = time.monotonic()
                line["validation_dice"] = run.validate(held_out)
            history.write(json.dumps(line) + "\n")
            history.flush()
            if report is not None:
                report(Progress(step, spec.steps, loss, tuple(dice)))
    weights = folder / "network.weights.h5"
    run.network.save_weights(weights)
    return weights


class _Run:
    """Network, optimiser and step counter, as one checkpoint holds them."""

    def __init__(self, spec: TrainSpec) -> None:
        import tensorflow as tf

        from model import networks
        from model.losses import LOSSES

        keras = tf.keras
        keras.utils.set_random_seed(spec.seed)
        self.network = networks.build(spec.network)
        self.loss = LOSSES[spec.loss]
        self.step = tf.Variable(0, dtype=tf.int64)
        warm = spec.warmup_steps > 0
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warm else spec.learning_rate,
            max(spec.steps - spec.warmup_steps, 1),
            alpha=spec.final_learning_rate / spec.learning_rate,
            warmup_target=spec.learning_rate if warm else None,
            warmup_steps=spec.warmup_steps,
        )
        self.optimiser = keras.optimizers.Adam(rate)
        self.optimiser.build(self.network.trainable_variables)
        self.checkpoint = tf.train.Checkpoint(
            network=self.network, optimiser=self.optimiser, step=self.step
        )
        self._optimise = tf.function(self._one_step, reduce_retracing=True)

    def optimise(self, batch: tuple[Any, Any]) -> tuple[float, list[float]]:
        """Make one step; give the loss and the Dice per channel."""
        loss, dice = self._optimise(*batch)
        return float(loss), [round(float(value), 4) for value in dice]

    def validate(self, examples: Sequence[tuple[Any, Any]]) -> list[float]:
        """Give the Dice per channel over fixed examples with the moving statistics."""
        from model.losses import dice_per_channel

        if not examples:
            return []
        images, targets = (np.stack(part) for part in zip(*examples, strict=True))
        dice = dice_per_channel(targets, self.network(images, training=False))
        return [round(float(value), 4) for value in dice]

    def _one_step(self, images: Any, targets: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        from model.losses import dice_per_channel

        with tf.GradientTape() as tape:
            probability = self.network(images, training=True)
            loss = self.loss(targets, probability)
        variables = self.network.trainable_variables
        self.optimiser.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        self.step.assign_add(1)
        return loss, dice_per_channel(targets, probability)


def _claim(folder: Path, spec: TrainSpec) -> None:
    """Write the specification into a new folder, or check it against an old one's."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "train.json"
    if not path.exists():
        path.write_text(json.dumps(spec.to_json(), indent=2) + "\n", encoding="utf-8")
        return
    old, new = json.loads(path.read_text(encoding="utf-8")), spec.to_json()
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if changed:
        raise ValueError(
            f"{folder} holds a run with other settings ({', '.join(changed)}); "
            "continue it with its own settings or give another folder"
        )


def _forget_after(path: Path, step: int) -> None:
    """Drop the lines of steps after the checkpoint: they are made again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = (line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step)
        path.write_text("".join(kept), encoding="utf-8")


def _validation_sampler(spec: TrainSpec, volumes: Sequence[TrainingVolume]) -> Sampler | None:
    if not volumes:
        return None
    plain = AugmentSpec(deformation_sd=0, rotation_deg=0, noise_sd=0, random_patch=False)
    return Sampler(volumes, spec.network.patch_size, plain, spec.seed + 1, foramen_share=1.0)


def _examples(sampler: Sampler | None, numbers: range) -> Iterator[tuple[Any, Any]]:
    if sampler is not None:
        for number in numbers:
            yield sampler.example(number)


def _batches(sampler: Sampler, spec: TrainSpec, start: int) -> Iterator[tuple[Any, Any]]:
    """Yield the batches of the steps after `start`; batch n is the same after a restart."""
    import tensorflow as tf

    size, channels = spec.network.patch_size, len(spec.network.channels)
    numbers = range(start * spec.batch_size, spec.steps * spec.batch_size)
    data = tf.data.Dataset.from_generator(
        lambda: _examples(sampler, numbers),
        output_signature=(
            tf.TensorSpec((spec.network.slices_in, size, size, 1), tf.float32),
            tf.TensorSpec((1, size, size, channels), tf.float32),
        ),
    )
    yield from data.batch(spec.batch_size, drop_remainder=True).prefetch(2)
