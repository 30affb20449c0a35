"""Two results in one Frame of Reference: the same levels, or off by one."""

from dataclasses import replace

import pytest

from model.labels import LABELS, LEVELS, SIDES, label
from model.landmark import Landmark, Prediction
from node.agreement import HALF_LEVEL_MM, disagreement

GAP_MM = 32.0


def result(*, shift: int = 0, off_mm: float = 0.0, without: tuple[str, ...] = ()) -> Prediction:
    """Answer a straight spine, its numbering shifted by levels, its points by millimetres."""
    marks = []
    for name in LABELS:
        level, side = name.split("-")
        z_mm = -GAP_MM * (LEVELS.index(level) + shift) + off_mm
        point = (15.0 if side == "left" else -15.0, 0.0, z_mm)
        marks.append(
            Landmark(name, reason="hidden") if name in without else Landmark(name, point, 0.9)
        )
    return Prediction(tuple(marks), "b", "1", "0" * 64)


@pytest.mark.parametrize("off_mm", [0.0, 6.0, -6.0, HALF_LEVEL_MM - 0.1])
def test_the_same_numbering_agrees(off_mm: float) -> None:
    assert disagreement(result(), result(off_mm=off_mm)) is None


@pytest.mark.parametrize("shift", [1, -1, 2])
@pytest.mark.parametrize("off_mm", [0.0, 6.0, -6.0])
def test_a_shift_by_levels_is_named(shift: int, off_mm: float) -> None:
    said = disagreement(result(), result(shift=shift, off_mm=off_mm))

    assert said is not None
    assert "nearer to the" in said
    assert disagreement(result(shift=shift, off_mm=off_mm), result()) is not None


def test_one_shifted_point_is_enough() -> None:
    only = tuple(name for name in LABELS if name != "L3-left")

    assert disagreement(result(), result(shift=1, without=only)) == (
        "the L3/L4 left foramen of one lies 32 mm from that of the other, nearer to the L4/L5 "
        "left foramen"
    )


def test_a_patient_who_moved_less_than_half_a_level_is_no_disagreement() -> None:
    moved = result()
    marks = tuple(
        replace(mark, point_mm=(mark.point_mm[0] + 14, mark.point_mm[1], mark.point_mm[2] + 5))
        for mark in moved.landmarks
        if mark.point_mm is not None
    )

    assert disagreement(result(), replace(moved, landmarks=marks)) is None


def test_what_is_far_from_everything_and_nearest_to_its_namesake_is_no_level_shift() -> None:
    assert disagreement(result(), result(off_mm=0.0)) is None
    far = tuple(
        replace(mark, point_mm=(mark.point_mm[0], mark.point_mm[1] + 80, mark.point_mm[2]))
        for mark in result().landmarks
        if mark.point_mm is not None
    )
    assert disagreement(result(), replace(result(), landmarks=far)) is None


def test_sides_are_not_mixed_and_missed_points_say_nothing() -> None:
    left = tuple(label(level, SIDES[0]) for level in LEVELS)
    right = tuple(label(level, SIDES[1]) for level in LEVELS)

    assert disagreement(result(without=left), result(shift=1, without=right)) is None
