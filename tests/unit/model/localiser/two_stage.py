"""Small two-stage bundles for tests: networks of a few hundred weights, a certainty that trusts."""

import dataclasses
from pathlib import Path
from typing import Any

from model.localiser import evidence
from model.localiser.certainty import CertaintySpec, Logistic
from model.localiser.chain import ChainSpec
from model.localiser.method import TwoStageMethod
from model.localiser.spec import CoarseSpec, FineSpec

COARSE = CoarseSpec(widths=(8, 8, 16))
FINE = FineSpec(shape=(5, 24, 24), widths=(8, 8))


def trusting(names: tuple[str, ...]) -> Logistic:
    """Make a certainty of 99 %, whatever the evidence is."""
    count = len(names)
    return Logistic(names, (0.0,) * count, (1.0,) * count, (0.0,) * count, 4.6)


def method(**changes: Any) -> TwoStageMethod:
    """Make a method of small networks."""
    certainty = CertaintySpec(
        trusting(evidence.SCAN), 0.5, trusting(evidence.FORAMEN), 0.5, "not calibrated"
    )
    return dataclasses.replace(TwoStageMethod(COARSE, FINE, ChainSpec(), certainty), **changes)


def save_weights(folder: Path, made: TwoStageMethod) -> tuple[Path, Path]:
    """Write random weights of both networks; needs TensorFlow."""
    import tensorflow as tf

    from model.localiser import coarse, fine

    tf.keras.utils.set_random_seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "a.weights.h5", folder / "b.weights.h5"
    coarse.build(made.coarse).save_weights(str(paths[0]))
    fine.build(made.fine).save_weights(str(paths[1]))
    return paths
