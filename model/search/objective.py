"""What a search measures: the Dice of a network trained within a budget."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from model import curves, run
from model.augment import OFF
from model.search.trial import OutOfTimeError, TrialError, Watch
from model.train import Progress, TrainSpec, train

if TYPE_CHECKING:
    from model.dataset import TrainingVolume

_CHECKPOINTS: Final = 5.0  # at least so many in a trial's time
_CHECKPOINT_EVERY_S: Final = 180.0
_EXAMPLES: Final = 16

Objective = Callable[[TrainSpec, Path, Watch], float]
"""Trains a specification in a run folder until it is done or the watch stops it; gives the Dice."""


def trainer(
    training: "Sequence[TrainingVolume]",
    validation: "Sequence[TrainingVolume]",
    measured_px: int,
    report: Callable[[Progress], None] | None = None,
) -> Objective:
    """Make the objective that trains a network and measures its Dice.

    Args:
        training: prepared volumes to learn from.
        validation: prepared volumes of other patients, at least one.
        measured_px: rows and columns of what the Dice is measured on, see `validation_dice`;
            `SearchSpec.measured_px`.
        report: called after each step.

    Raises:
        ValueError: there is no validation volume.
    """
    if not validation:
        raise ValueError("no validation volume; a search needs at least one to measure the Dice on")

    def objective(spec: TrainSpec, folder: Path, watch: Watch) -> float:
        import tensorflow as tf

        def after(state: Progress) -> None:
            if report is not None:
                report(state)
            watch.tick(state.step)

        every_s = min(_CHECKPOINT_EVERY_S, (watch.seconds or math.inf) / _CHECKPOINTS)
        try:
            _train(spec, training, folder, after, every_s)
            return validation_dice(spec, validation, folder, measured_px)
        except tf.errors.ResourceExhaustedError as error:
            raise TrialError("the network does not fit into the memory of the device") from error
        finally:
            tf.keras.backend.clear_session()  # else the graphs of all trials stay in memory

    return objective


def _train(
    spec: TrainSpec,
    training: "Sequence[TrainingVolume]",
    folder: Path,
    after: Callable[[Progress], None],
    every_s: float,
) -> None:
    """Train until the last step or the end of the time; the Dice is measured elsewhere."""
    try:
        train(spec, training, [], folder, report=after, checkpoint_every_s=every_s)
    except OutOfTimeError:
        return


def validation_dice(
    spec: TrainSpec, validation: "Sequence[TrainingVolume]", folder: Path, size: int
) -> float:
    """Measure the last checkpoint of a run: the mean over the channels of the fuzzy Dice.

    Patches as large as the trial's own would favour small ones, or empty them of foramina; so
    every trial of a search is measured on the same examples of one size. Weights fit any size.

    Args:
        spec: of the run.
        validation: volumes that were not trained on.
        folder: of the run.
        size: rows and columns of the examples, of the form that the network takes.

    Raises:
        TrialError: the run has no checkpoint.
    """
    from model import networks
    from model.dataset import Sampler
    from model.inputs import example
    from model.learner import Learner

    learner = Learner(spec, folder / run.CHECKPOINT)
    if learner.restore() == 0:
        raise TrialError("not one checkpoint was reached within the budget")
    wide = dataclasses.replace(spec, network=dataclasses.replace(spec.network, patch_size=size))
    network = networks.build(wide.network, spec.precision)
    network.set_weights(learner.network.get_weights())
    sampler = Sampler(validation, size, OFF, spec.seed + 1, foramen_share=1.0)
    overlap = total = np.zeros(len(spec.network.channels))
    for number in range(_EXAMPLES):
        image, target = example(sampler, wide, number)
        probability = np.asarray(network(image[None], training=False))[0]
        overlap = overlap + (probability * target).sum(axis=(0, 1, 2))
        total = total + probability.sum(axis=(0, 1, 2)) + target.sum(axis=(0, 1, 2))
    return float(np.mean(2.0 * overlap / np.maximum(total, 1e-6)))


def dice_curve(folder: Path) -> list[tuple[int, float]]:
    """Read (step, validation Dice) of a run folder, the mean of the channels."""
    return [
        (line["step"], float(np.mean(line["validation_dice"])))
        for line in curves.read(folder)
        if line.get("validation_dice")
    ]
