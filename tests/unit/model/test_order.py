"""Impossible order: every point of a broken pair is named, and nothing else."""

from model.labels import LABELS, split
from model.landmark import Point
from model.order import impossible


def good() -> dict[str, Point]:
    heights = {"L1": 100.0, "L2": 66.0, "L3": 32.0, "L4": -2.0, "L5": -34.0}
    return {
        name: (15.0 if split(name)[1] == "left" else -15.0, 20.0, heights[split(name)[0]])
        for name in LABELS
    }


def test_a_normal_spine_is_possible() -> None:
    assert impossible(good()) == {}


def test_absent_points_break_nothing() -> None:
    points = good()
    assert impossible({name: points[name] for name in ("L1-left", "L5-right")}) == {}
    assert impossible({}) == {}


def test_swapped_levels_name_both_points_of_that_side() -> None:
    points = good()
    points["L2-left"], points["L3-left"] = points["L3-left"], points["L2-left"]
    assert impossible(points) == {
        "L2-left": "found in impossible order: not above the L3/L4 left foramen",
        "L3-left": "found in impossible order: not below the L2/L3 left foramen",
    }


def test_two_levels_at_one_height_are_impossible() -> None:
    points = good()
    points["L4-right"] = points["L5-right"]
    assert set(impossible(points)) == {"L4-right", "L5-right"}


def test_a_level_below_two_others_breaks_with_each() -> None:
    points = good()
    points["L1-left"] = (15.0, 20.0, 20.0)
    broken = impossible(points)
    assert set(broken) == {"L1-left", "L2-left", "L3-left"}
    assert "L2/L3" in broken["L1-left"]
    assert "L3/L4" in broken["L1-left"]


def test_swapped_sides_name_both() -> None:
    points = good()
    points["L5-left"], points["L5-right"] = points["L5-right"], points["L5-left"]
    assert impossible(points) == {
        "L5-left": "found in impossible order: not to the left of the L5/S1 right foramen",
        "L5-right": "found in impossible order: not to the right of the L5/S1 left foramen",
    }


def test_all_reasons_of_a_point_are_told_in_ascii() -> None:
    points = good()
    points["L1-left"] = (-40.0, 20.0, 50.0)
    reason = impossible(points)["L1-left"]
    assert "not above the L2/L3 left foramen" in reason
    assert "not to the left of the L1/L2 right foramen" in reason
    assert reason.isascii()
