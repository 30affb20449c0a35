"""The thesis's measures, worked out by hand."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import metrics
from model.intervals import Redrawn, redraw
from model.labels import LABELS, split
from model.landmark import Landmark, Point, Prediction
from model.metrics import Distance, Summary

TRUTH: dict[str, Point] = {
    name: (
        15.0 if split(name)[1] == "left" else -15.0,
        0.0,
        100.0 - 30.0 * ("L1", "L2", "L3", "L4", "L5").index(split(name)[0]),
    )
    for name in LABELS
}


def prediction(**points: Point) -> Prediction:
    given = {name.replace("_", "-"): point for name, point in points.items()}
    landmarks = tuple(
        Landmark(name, given[name], 0.9) if name in given else Landmark(name, reason="dark")
        for name in LABELS
    )
    return Prediction(landmarks, "b", "1", "d")


def moved(levels: float) -> Prediction:
    """Predict every point so many levels above the truth."""
    landmarks = (Landmark(n, (x, y, z + 30.0 * levels), 0.9) for n, (x, y, z) in TRUTH.items())
    return Prediction(tuple(landmarks), "b", "1", "d")


def line(
    label: str, x: float | None = None, yz: float | None = None, nearest: str | None = None,
    patient: str = "s",
) -> Distance:  # fmt: skip
    return Distance(patient, patient, label, x, yz, nearest)


def redrawn(measured: Sequence[Distance]) -> Redrawn:
    return redraw([one.patient for one in measured], np.random.default_rng(0))


def summarise(*measured: Distance) -> Summary:
    return metrics.summarise(measured, redrawn(measured))


def test_distances_in_x_and_in_the_sagittal_plane() -> None:
    first, second, *others = metrics.distances(
        "scan", prediction(L1_left=(19.0, 3.0, 96.0)), TRUTH, "anna"
    )
    assert len(others) == 8
    assert first == Distance(
        "scan", "anna", "L1-left", 4.0, 5.0, "L1", (15.0, 0.0, 100.0), (19.0, 3.0, 96.0), 0.9
    )
    assert first.hit
    assert second == Distance(
        "scan", "anna", "L1-right", truth_mm=(-15.0, 0.0, 100.0), reason="dark"
    )
    assert not second.found


def test_a_scan_without_a_patient_is_its_own() -> None:
    assert {one.patient for one in metrics.distances("scan", prediction(), TRUTH)} == {"scan"}


def test_just_beyond_5_mm_is_not_within() -> None:
    assert line("L1-left", 90.0, 5.0).hit  # x does not matter
    assert not line("L1-left", 0.0, 5.001).hit
    assert not line("L1-left").hit


def test_a_point_nearer_to_the_next_foramen_is_at_the_wrong_level() -> None:
    truth = {name: TRUTH[name] for name in ("L1-left", "L2-left")}
    one = metrics.distances("s", prediction(L2_left=(15, 0, 99)), truth)[1]
    assert (one.nearest, one.right_level) == ("L1", False)
    assert one.yz_mm == pytest.approx(29.0)


def test_t12_taken_for_l1_is_at_the_wrong_level() -> None:
    measured = metrics.distances("s", prediction(L1_left=(15, 0, 128), L5_left=(15, 0, -48)), TRUTH)
    by_label = {one.label: one for one in measured}
    assert by_label["L1-left"].nearest == "T12"
    assert by_label["L5-left"].nearest == "S1"
    assert not by_label["L1-left"].right_level


def test_only_what_the_truth_knows_is_measured() -> None:
    truth = {"L4-left": TRUTH["L4-left"]}
    measured = metrics.distances(
        "s", prediction(L4_left=TRUTH["L4-left"], L1_left=(0, 0, 0)), truth
    )
    assert [one.label for one in measured] == ["L4-left"]


def test_summary_by_hand() -> None:
    summary = summarise(
        line("L1-left", 1.0, 2.0, "L1", "a"),
        line("L1-right", 3.0, 5.0, "L1", "a"),
        line("L2-left", 2.0, 31.0, "L1", "b"),
        line("L2-right", patient="b"),
    )
    assert (summary.foramina, summary.missed, summary.wrong_level) == (4, 1, 1)
    assert summary.mean_x_mm == pytest.approx(2.0)
    assert summary.mean_yz_mm == pytest.approx(38 / 3)
    assert (summary.within_5_mm, summary.recall) == (2, 0.5)
    assert (summary.right_level, summary.right_level_share) == (2, 0.5)
    assert summary.recall_interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    # two patients: redrawn they are aa, ab, ba or bb
    assert summary.recall_by_patient == pytest.approx((0.0, 1.0))
    assert summary.mean_yz_interval == pytest.approx((3.5, 31.0))


def test_a_missed_foramen_counts_in_the_recall_and_not_in_the_mean() -> None:
    found, missed = line("L1-left", 1.0, 2.0, "L1"), line("L1-right")
    assert summarise(found, missed).mean_yz_mm == summarise(found).mean_yz_mm == 2.0
    assert (summarise(found, missed).recall, summarise(found).recall) == (0.5, 1.0)


def test_groups_are_all_the_levels_the_sides_and_the_foramina_present() -> None:
    measured = [line("L1-left", 1, 1, "L1"), line("L5-left"), line("L5-right")]
    groups = metrics.by_group(measured, redrawn(measured))
    assert list(groups) == ["all", "L1", "L5", "left", "right", "L1-left", "L5-left", "L5-right"]
    assert groups["L5"].missed == 2
    assert groups["L5"].mean_yz_mm is None
    assert groups["left"].recall == 0.5
    assert groups["all"].recall == pytest.approx(1 / 3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LABELS), st.none() | st.floats(0, 99)), min_size=1))
def test_levels_sides_and_foramina_each_add_up_to_all(
    lines: list[tuple[str, float | None]],
) -> None:
    measured = [line(name, far, far, None if far is None else "L1") for name, far in lines]
    groups = metrics.by_group(measured, redrawn(measured))
    whole = groups["all"]
    for part in (lambda name: len(name) == 2, lambda name: name in {"left", "right"},
                 lambda name: "-" in name):  # fmt: skip
        chosen = [group for name, group in groups.items() if part(name)]
        assert sum(group.foramina for group in chosen) == whole.foramina
        assert sum(group.within_5_mm for group in chosen) == whole.within_5_mm
        assert sum(group.missed for group in chosen) == whole.missed


@pytest.mark.parametrize(("levels", "expected"), [(0, 0), (1, 1), (-1, -1), (0.3, 0)])
def test_a_whole_scan_shifted_by_a_level_is_seen(levels: float, expected: int) -> None:
    measured = metrics.distances("s", moved(levels), TRUTH)
    assert metrics.shift(measured) == expected
    assert metrics.whole_scans(measured).shifted == abs(expected)


def test_confusion_counts_where_the_points_lie() -> None:
    measured = metrics.distances(
        "s", prediction(L1_left=(15, 0, 128), L1_right=(-15, 0, 99), L3_left=(15, 0, 70)), TRUTH
    )
    counts = metrics.confusion(measured)
    assert (counts["L1"]["T12"], counts["L1"]["L1"], counts["L1"]["missed"]) == (1, 1, 0)
    assert (counts["L3"]["L2"], counts["L3"]["missed"], counts["L5"]["missed"]) == (1, 1, 2)
    assert sum(sum(row.values()) for row in counts.values()) == 10


def test_one_wrong_point_is_no_shift() -> None:
    alone = metrics.distances("s", prediction(L1_left=(15, 0, 70)), TRUTH)
    assert metrics.shift(alone) == 0


def test_whole_scans_by_hand() -> None:
    measured = [
        *metrics.distances("one", moved(0), TRUTH, "anna"),
        *metrics.distances("two", moved(1), TRUTH, "anna"),
        *metrics.distances("three", prediction(), TRUTH, "bert"),
    ]
    whole = metrics.whole_scans(measured)
    assert (whole.scans, whole.patients, whole.complete, whole.shifted) == (3, 2, 1, 1)


def test_plain_values_can_be_written() -> None:
    summary = summarise(line("L1-left", 1.23456789, 2.0, "L1"))
    written = json.loads(json.dumps(metrics.plain(summary)))
    assert written["mean_x_mm"] == 1.2346
    assert written["recall_by_patient"] is None
    assert len(written["recall_interval"]) == 2


def test_nothing_to_summarise_is_told() -> None:
    with pytest.raises(ValueError, match="at least one foramen"):
        metrics.summarise([], redraw(["a"], np.random.default_rng(0)))
    with pytest.raises(ValueError, match="0 hits in 0 trials"):
        metrics.whole_scans([])
