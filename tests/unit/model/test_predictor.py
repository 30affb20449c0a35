"""What all predictors share: volumes that no method can look at, the clock, who answered."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model import bundle
from model.clock import Clock
from model.labels import LABELS
from model.landmark import Landmark
from model.predictor import Predictor, Said
from model.volume import Volume


class Placing(Predictor):
    """Puts every foramen at the volume's first pixel."""

    def __init__(self) -> None:
        self.bundle = bundle.load("phantom-1")
        self.runtime = "no network"

    def _refusal(self, volume: Volume) -> str | None:
        return "too many slices" if len(volume.pixels) > 9 else None

    def _find(self, volume: Volume, clock: Clock) -> Said:
        with clock.step("place"):
            x, y, z = (float(value) for value in volume.affine[:3, 3])
        return tuple(Landmark(name, (x, y, z), 0.5) for name in LABELS), None


def sagittal(slices: int = 5) -> Volume:
    affine = np.array([[4.0, 0, 0, 1], [0, 0, 1, 2], [0, -1, 0, 3], [0, 0, 0, 1]])
    return Volume(np.ones((slices, 6, 7), np.float32), affine, "", ("1",) * slices, "")


def test_the_prediction_says_who_answered_and_how_long_it_took() -> None:
    steps: list[tuple[str, float]] = []
    prediction = Placing().predict(sagittal(), lambda step, share: steps.append((step, share)))
    assert [mark.point_mm for mark in prediction.landmarks] == [(1.0, 2.0, 3.0)] * 10
    assert prediction.abstained is None
    assert (prediction.bundle, prediction.bundle_version) == ("phantom-1", "1.0.0")
    assert prediction.bundle_digest == bundle.load("phantom-1").digest
    assert steps == [("place", 0.0), ("place", 1.0)]
    assert list(prediction.seconds) == ["place"]


def turned(volume: Volume) -> Volume:
    return dataclasses.replace(volume, affine=np.diag([1.0, 1.0, 4.0, 1.0])[:, [2, 1, 0, 3]])


def with_affine(value: float) -> Callable[[Volume], Volume]:
    return lambda volume: dataclasses.replace(volume, affine=np.full((4, 4), value))


def flat(volume: Volume) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 0] = affine[:3, 1]
    return dataclasses.replace(volume, affine=affine)


def empty(volume: Volume) -> Volume:
    return dataclasses.replace(volume, pixels=np.ones((5, 0, 7), np.float32))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (turned, "the slices are not sagittal"),
        (with_affine(np.nan), "the image has no usable geometry"),
        (with_affine(np.inf), "the image has no usable geometry"),
        (with_affine(0.0), "the image has no usable geometry"),
        (flat, "the image has no usable geometry"),
        (empty, "the image has shape (5, 0, 7); expected slices, rows and columns"),
        (lambda _: sagittal(10), "too many slices"),
    ],
)
def test_a_volume_that_cannot_be_looked_at_is_abstained_from(
    change: Callable[[Volume], Volume], reason: str
) -> None:
    prediction = Placing().predict(change(sagittal()))
    assert prediction.abstained == reason
    assert {mark.reason for mark in prediction.landmarks} == {reason}
    assert prediction.seconds == {}


def test_the_module_needs_no_network_library() -> None:
    code = "import model.predictor, sys; print({'tensorflow', 'openvino'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == "set()"
