"""The two-stage predictor: what it finds, and every odd input ends in an abstention."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle import ModelBundle
from model.labels import LABELS
from model.landmark import Prediction
from model.localiser import predictor as module
from model.localiser.answer import Networks
from model.localiser.method import TtaSpec, TwoStageMethod
from model.localiser.predictor import TwoStagePredictor
from model.volume import Volume
from tests.unit.model.localiser.conftest import Spine, knowing, spine
from tests.unit.model.localiser.two_stage import method


def bundled(made: TwoStageMethod, folder: Path = Path()) -> ModelBundle:
    return ModelBundle("two-1", "1", folder, made, {}, "d" * 64, "card")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TwoStagePredictor]:
    """Give the factory of predictors whose networks are functions."""

    def factory(networks: Networks, **changes: Any) -> TwoStagePredictor:
        monkeypatch.setattr(module, "_networks", lambda *_: (networks, "functions"))
        made = method(**changes)
        return TwoStagePredictor(bundled(made), made)

    return factory


def volume_of(scan: Spine) -> Volume:
    return Volume(scan.pixels, scan.affine, "", ("1",) * len(scan.pixels), "digest")


def errors(prediction: Prediction, scan: Spine) -> dict[str, float]:
    return {
        mark.label: math.dist(mark.point_mm[1:], scan.points[mark.label][1:])
        for mark in prediction.found
        if mark.point_mm
    }


def test_what_the_networks_see_is_answered(
    make: Callable[..., TwoStagePredictor], scan: Spine
) -> None:
    steps: list[str] = []
    said = make(knowing(scan)).predict(volume_of(scan), lambda step, _: steps.append(step))
    assert said.abstained is None
    assert errors(said, scan).keys() == set(LABELS)
    assert max(errors(said, scan).values()) < 0.5
    assert all(0.9 < (mark.confidence or 0) < 1 for mark in said.landmarks)
    assert list(dict.fromkeys(steps)) == ["prepare", "coarse", "levels", "fine"]
    assert set(said.seconds) == {"prepare", "coarse", "levels", "fine"}
    assert (said.bundle, said.bundle_digest) == ("two-1", "d" * 64)


def test_rows_and_columns_exchanged_in_the_file_give_the_same_points(
    make: Callable[..., TwoStagePredictor], scan: Spine
) -> None:
    affine = scan.affine.copy()
    affine[:, [1, 2]] = affine[:, [2, 1]]
    turned = dataclasses.replace(
        volume_of(scan), pixels=scan.pixels.transpose(0, 2, 1), affine=affine
    )
    said = make(knowing(scan)).predict(turned)
    assert max(errors(said, scan).values()) < 0.5
    assert len(said.found) == 10


def test_augmentation_of_the_method_is_used(
    make: Callable[..., TwoStagePredictor], scan: Spine
) -> None:
    asked: list[int] = []
    networks = knowing(scan)

    def fine(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(crops))
        return networks.fine(crops)

    counting = dataclasses.replace(networks, fine=fine)
    said = make(counting, tta=TtaSpec(fine_shifts=((1, 0), (0, 1)))).predict(volume_of(scan))
    assert len(said.found) == 10
    assert asked == [10] * 6  # two passes of three members


def blind(_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    raise AssertionError("the networks must not be asked")


def flat_coarse(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = (1, inputs.shape[1], inputs.shape[2] // 2, inputs.shape[3] // 2, 23)
    return np.zeros(shape, np.float32), np.zeros((1, 22), np.float32)


def odd(scan: Spine, change: str) -> Volume:
    volume = volume_of(scan)
    pixels = volume.pixels.copy()
    slices = {"five slices": pixels[:5], "sixty slices": np.repeat(pixels, 4, axis=0)}
    if change in slices:
        return dataclasses.replace(volume, pixels=slices[change])
    if change == "black":
        pixels[:] = 0.0
    elif change == "one NaN":
        pixels[3, 4, 5] = np.nan
    elif change == "infinite":
        pixels[3] = np.inf
    elif change == "enormous values":
        pixels *= 1e20
    return dataclasses.replace(volume, pixels=pixels)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("five slices", "the series has 5 slices; the model knows 7 to 40"),
        ("sixty slices", "the series has 60 slices"),
        ("black", "the image is blank: every pixel has the same value"),
        ("one NaN", "the image has values that are not numbers"),
        ("infinite", "the image has values that are not numbers"),
        ("enormous values", "the image has values beyond 1e+09, which no scanner gives"),
    ],
)
def test_what_cannot_be_looked_at_is_abstained_from_before_any_network_is_asked(
    make: Callable[..., TwoStagePredictor], scan: Spine, change: str, reason: str
) -> None:
    seeing = knowing(scan)
    said = make(dataclasses.replace(seeing, coarse=blind, fine=blind)).predict(odd(scan, change))
    assert said.abstained is not None
    assert said.abstained.startswith(reason)
    assert said.found == ()
    assert {mark.reason for mark in said.landmarks} == {said.abstained}


def test_heatmaps_that_say_nothing_leave_no_point(
    make: Callable[..., TwoStagePredictor], scan: Spine
) -> None:
    seeing = knowing(scan)
    said = make(dataclasses.replace(seeing, coarse=flat_coarse)).predict(volume_of(scan))
    assert said.abstained is not None
    assert said.abstained.startswith("the levels are unknown")
    assert said.found == ()


def test_where_the_fine_network_sees_no_foramen_a_trusting_certainty_does_not_help(
    make: Callable[..., TwoStagePredictor], scan: Spine
) -> None:
    """A knee or a neck: the coarse network may be led astray, the fine one finds nothing there."""
    seeing = knowing(scan)

    def nothing(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return crops, np.full(len(crops), -4.0, np.float32)

    said = make(dataclasses.replace(seeing, fine=nothing)).predict(volume_of(scan))
    assert said.abstained is not None
    assert "no of the ten lumbar foramina were recognised" in said.abstained


@pytest.mark.parametrize("moved_mm", [(300.0, 0.0, 0.0), (0.0, 900.0, -900.0)])
def test_a_series_far_from_its_origin_is_answered_there(
    make: Callable[..., TwoStagePredictor], moved_mm: tuple[float, float, float]
) -> None:
    scan = spine(3)
    affine = scan.affine.copy()
    affine[:3, 3] += moved_mm
    points = {n: tuple(np.add(p, moved_mm)) for n, p in scan.everything.items()}
    moved = Spine(
        scan.pixels, affine, {n: points[n] for n in scan.points},
        {n: points[n] for n in scan.decoys}, {n: points[n] for n in scan.anchors},
    )  # fmt: skip
    said = make(knowing(moved)).predict(volume_of(moved))
    assert len(said.found) == 10
    assert max(errors(said, moved).values()) < 0.5


def test_a_certainty_of_other_evidence_is_refused() -> None:
    made = method()
    levels = dataclasses.replace(made.certainty.levels, names=("margin", "luck"))
    other = dataclasses.replace(made, certainty=dataclasses.replace(made.certainty, levels=levels))
    with pytest.raises(ValueError, match="its certainty of levels is fitted on margin, luck; this"):
        TwoStagePredictor(bundled(other), other)
