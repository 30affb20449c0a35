"""Localisation on crafted probability volumes (thesis sections 7.4.4 and 7.5.3)."""

from typing import Any

import numpy as np
import pytest

from model.labels import LABELS, LEVELS, split
from model.landmark import Landmark
from model.localise import (
    Candidate,
    LocaliseSpec,
    candidates,
    dividing_slice,
    localise,
    probability_volume,
)
from model.preprocess import Prepared

SPEC = LocaliseSpec()
SHAPE = (15, 60, 40)
ROWS = {"L1": 5, "L2": 17, "L3": 29, "L4": 41, "L5": 53}


def prepared(rising: bool = True) -> Prepared:
    affine = np.eye(4)
    affine[:3, 0] = (4 if rising else -4, 0, 0)
    affine[:3, 1] = (0, 0, -1.4)
    affine[:3, 2] = (0, 1.4, 0)
    affine[:3, 3] = (-28 if rising else 28, -20, 40)
    return Prepared(np.zeros(SHAPE, np.float32), affine)


def blob(  # noqa: PLR0917 - a test helper
    probability: np.ndarray, level: str, index: int, row: int | None = None, value: float = 0.9,
    size: int = 2, column: int = 20,
) -> None:  # fmt: skip
    row = ROWS[level] if row is None else row
    probability[
        index, row - size : row + size + 1, column - size : column + size + 1, LEVELS.index(level)
    ] = value


def ten() -> np.ndarray:
    probability = np.zeros((*SHAPE, 5), np.float32)
    for level in LEVELS:
        blob(probability, level, 3)
        blob(probability, level, 11)
    return probability


def found(landmarks: tuple[Landmark, ...]) -> dict[str, Any]:
    return {mark.label: mark.point_mm for mark in landmarks if mark.found}


def test_ten_blobs_are_ten_landmarks_at_their_centres() -> None:
    landmarks = localise(ten(), prepared(), SPEC)
    assert [mark.label for mark in landmarks] == list(LABELS)
    assert all(mark.confidence == pytest.approx(0.9) for mark in landmarks)
    for name, point in found(landmarks).items():
        level, side = split(name)
        x = 16.0 if side == "left" else -16.0
        assert point == pytest.approx((x, 8.0, 40 - 1.4 * ROWS[level]), abs=1e-5)


def test_left_is_where_patient_x_is_larger() -> None:
    for rising in (True, False):
        points = found(localise(ten(), prepared(rising), SPEC))
        assert all(points[f"{level}-left"][0] > points[f"{level}-right"][0] for level in LEVELS)


def test_the_largest_component_per_channel_and_side_wins() -> None:
    probability = ten()
    blob(probability, "L3", 11, row=20, size=1, value=1.0)
    assert found(localise(probability, prepared(), SPEC))["L3-left"][2] == pytest.approx(
        40 - 1.4 * ROWS["L3"]
    )
    blob(probability, "L3", 11, row=22, size=3, column=30)
    assert found(localise(probability, prepared(), SPEC))["L3-left"][2] == pytest.approx(
        40 - 1.4 * 22
    )


def test_rounding_is_at_one_half() -> None:
    probability = ten()
    probability[3, :, :, 0] = np.minimum(probability[3, :, :, 0], 0.499)
    landmarks = localise(probability, prepared(), SPEC)
    assert [mark.label for mark in landmarks if not mark.found] == ["L1-right"]
    missed = landmarks[1]
    assert missed.reason == "no image region on the right looks like a foramen of L1/L2"
    blob(probability, "L1", 3, value=0.5)
    assert len(found(localise(probability, prepared(), SPEC))) == 10


def test_components_are_three_dimensional_and_confidence_is_their_mean() -> None:
    probability = np.zeros((*SHAPE, 5), np.float32)
    blob(probability, "L2", 3, value=0.6, size=1)
    blob(probability, "L2", 4, value=1.0, size=1)
    (one,) = candidates(probability, 0.5)
    assert one == Candidate(1, (3.5, 17.0, 20.0), 18, pytest.approx(0.8))


def test_components_that_touch_at_a_corner_only_are_two() -> None:
    probability = np.zeros((*SHAPE, 5), np.float32)
    blob(probability, "L2", 3, row=10, size=0)
    blob(probability, "L2", 4, row=11, size=0)
    assert len(candidates(probability, 0.5)) == 2


def test_nothing_found_is_ten_missed() -> None:
    landmarks = localise(np.zeros((*SHAPE, 5), np.float32), prepared(), SPEC)
    assert found(landmarks) == {}
    assert all(mark.reason for mark in landmarks)


def test_values_that_are_not_numbers_are_no_candidates() -> None:
    probability = ten()
    probability[7] = np.nan
    assert len(found(localise(probability, prepared(), SPEC))) == 10


def test_points_in_impossible_order_become_missed_with_the_reason() -> None:
    probability = ten()
    probability[11, :, :, 3] = 0
    blob(probability, "L4", 11, row=35)
    assert len(found(localise(probability, prepared(), SPEC))) == 10
    probability[11, :, :, 3] = 0
    blob(probability, "L4", 11, row=57)
    landmarks = localise(probability, prepared(), SPEC)
    missed = {mark.label: mark.reason for mark in landmarks if not mark.found}
    assert missed == {
        "L4-left": "found in impossible order: not above the L5/S1 left foramen",
        "L5-left": "found in impossible order: not below the L4/L5 left foramen",
    }


def at(*slices: float) -> list[Candidate]:
    return [Candidate(0, (s, 0.0, 0.0), 1, 1.0) for s in slices]


def test_kmeans_finds_a_middle_that_is_not_the_volumes() -> None:
    assert dividing_slice(at(1, 1, 2, 7, 8, 8), 15, SPEC) == pytest.approx((4 / 3 + 23 / 3) / 2)


def test_five_candidates_or_fewer_take_the_volumes_middle() -> None:
    assert dividing_slice(at(1, 1, 2, 2, 8), 15, SPEC) == 7.0
    assert dividing_slice([], 15, SPEC) == 7.0
    assert dividing_slice(at(1, 1, 2, 2, 8, 8), 15, SPEC) != 7.0


def test_a_spread_below_four_slices_takes_the_volumes_middle() -> None:
    assert dividing_slice(at(1, 2, 2, 3, 4, 4.9), 14, SPEC) == 6.5
    assert dividing_slice(at(1, 2, 2, 3, 4, 5), 14, SPEC) == pytest.approx(3.0, abs=0.5)


def test_the_fallback_names_one_sided_findings_rightly() -> None:
    probability = np.zeros((*SHAPE, 5), np.float32)
    for level in LEVELS:
        blob(probability, level, 3)
        blob(probability, level, 5, size=1)
    names = set(found(localise(probability, prepared(), SPEC)))
    assert names == {f"{level}-right" for level in LEVELS}


def test_off_centre_spine_is_divided_between_its_clusters() -> None:
    probability = np.zeros((*SHAPE, 5), np.float32)
    for level in LEVELS:
        blob(probability, level, 0)
        blob(probability, level, 6)
    points = found(localise(probability, prepared(), SPEC))
    assert len(points) == 10
    assert points["L1-left"][0] == pytest.approx(-4.0)


def echo(inputs: np.ndarray) -> np.ndarray:
    """Answer the middle slice in every channel, as a network would."""
    return np.repeat(inputs[:, 1:2], 5, axis=-1)


@pytest.mark.parametrize("shape", [(3, 33, 33), (4, 20, 50), (3, 60, 65), (3, 66, 33), (3, 90, 10)])
def test_tiles_cover_any_size_and_come_back_in_place(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    probability = probability_volume(pixels, 33, echo, batch_size=4)
    assert probability.shape == (*shape, 5)
    np.testing.assert_allclose(probability[..., 3], pixels, atol=1e-6)


def test_each_slice_is_seen_between_its_neighbours_and_ends_are_empty() -> None:
    pixels = np.arange(1, 5, dtype=np.float32)[:, None, None] * np.ones((4, 33, 33), np.float32)
    seen: list[tuple[float, ...]] = []

    def infer(inputs: np.ndarray) -> np.ndarray:
        seen.extend(tuple(window[:, 16, 16, 0]) for window in inputs)
        return echo(inputs)

    probability_volume(pixels, 33, infer, batch_size=3)
    assert seen == [(0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 0)]


def test_four_overlapping_tiles_per_slice_are_merged_by_their_mean() -> None:
    calls: list[int] = []

    def infer(inputs: np.ndarray) -> np.ndarray:
        answer = np.zeros((len(inputs), 1, 33, 33, 5), np.float32)
        for window in answer:
            window[...] = len(calls) % 4
            calls.append(1)
        return answer

    probability = probability_volume(np.zeros((1, 45, 45), np.float32), 33, infer, batch_size=2)
    assert len(calls) == 4
    plane = probability[0, :, :, 0]
    assert plane[0, 0] == 0
    assert plane[-1, -1] == 3
    assert plane[22, 22] == pytest.approx(1.5)


def single(*rows: int, size: int = 2) -> np.ndarray:
    """Give a SingleNet's answer: blobs at these rows on both sides."""
    probability = np.zeros((*SHAPE, 1), np.float32)
    for row in rows:
        for index in (3, 11):
            probability[index, row - size : row + size + 1, 18:23] = 0.8
    return probability


def test_one_channel_is_named_by_its_order_from_head_to_feet() -> None:
    points = found(localise(single(5, 17, 29, 41, 53), prepared(), SPEC))
    assert set(points) == set(LABELS)
    for name, point in points.items():
        level, side = split(name)
        x = 16.0 if side == "left" else -16.0
        assert point == pytest.approx((x, 8.0, 40 - 1.4 * ROWS[level]), abs=1e-5)


def test_of_one_channel_the_five_largest_per_side_are_taken() -> None:
    probability = single(14, 23, 32, 41, 50)
    probability[11, 4:6, 18:23] = 0.9  # a small T12 on the left
    points = found(localise(probability, prepared(), SPEC))
    assert points["L1-left"][2] == pytest.approx(40 - 1.4 * 14)
    probability[11, 1:8, 12:28] = 0.9  # a large one shifts every level (thesis section 7.4.5.1)
    shifted = found(localise(probability, prepared(), SPEC))
    assert shifted["L1-left"][2] == pytest.approx(40 - 1.4 * 4)
    assert len(shifted) == 10


def test_fewer_than_five_in_one_channel_are_counted_from_below() -> None:
    probability = single(17, 29, 41, 53)
    landmarks = localise(probability, prepared(), SPEC)
    assert [mark.label for mark in landmarks if not mark.found] == ["L1-left", "L1-right"]
    points = found(landmarks)
    assert points["L5-left"][2] == pytest.approx(40 - 1.4 * 53)
    assert points["L2-left"][2] == pytest.approx(40 - 1.4 * 17)


def test_nothing_in_one_channel_is_ten_missed() -> None:
    assert found(localise(np.zeros((*SHAPE, 1), np.float32), prepared(), SPEC)) == {}


def test_progress_reaches_one() -> None:
    shares: list[float] = []
    probability_volume(np.zeros((4, 33, 33), np.float32), 33, echo, 3, shares.append)
    assert shares == [0.75, 1.0]
