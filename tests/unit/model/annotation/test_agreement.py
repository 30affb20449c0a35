"""Two annotators compared: numbers worked out by hand."""

import pytest

from model.annotation import Annotation, Mark
from model.annotation.agreement import Agreement, by_group, compare, summarise
from model.labels import LABELS


def annotation(uid: str = "1.2.3", **marks: list[tuple[float, float, float, str]]) -> Annotation:
    """Make marks of (x, y, z, slice); `L4_left` is a label."""
    return Annotation(
        series_instance_uid=uid,
        marks={
            label.replace("_", "-"): tuple(
                Mark(point_mm=(x, y, z), sop_instance_uid=slice_) for x, y, z, slice_ in some
            )
            for label, some in marks.items()
        },
    )


def test_one_common_slice_is_enough_and_distances_are_between_the_middles() -> None:
    a = annotation(L4_left=[(10, 0, 0, "1.1"), (14, 0, 0, "1.2")])
    b = annotation(L4_left=[(14, 3, 4, "1.2"), (18, 3, 4, "1.3")])
    assert compare(a, b) == [Agreement("1.2.3", "L4-left", 2, 2, True, 4.0, 5.0, True)]


def test_no_common_slice_is_disagreement() -> None:
    a, b = annotation(L4_left=[(0, 0, 0, "1.1")]), annotation(L4_left=[(0, 0, 0, "1.2")])
    assert compare(a, b)[0].same_slice is False


def test_what_one_did_not_mark_is_named_and_what_nobody_marked_is_absent() -> None:
    a, b = annotation(L1_left=[(0, 0, 90, "1.1")]), annotation(L2_left=[(0, 0, 60, "1.1")])
    first, second = compare(a, b)
    assert (first.label, first.marks_a, first.marks_b) == ("L1-left", 1, 0)
    assert (second.label, second.marks_a, second.marks_b) == ("L2-left", 0, 1)
    assert first.same_slice is first.yz_mm is first.same_level is None


def test_a_shift_by_a_level_is_seen() -> None:
    a = annotation(L3_left=[(0, 0, 30, "1.1")], L4_left=[(0, 0, 0, "1.1")])
    b = annotation(L3_left=[(0, 0, 60, "1.1")], L4_left=[(0, 0, 29, "1.1")])
    assert [one.same_level for one in compare(a, b)] == [True, False]


def test_the_summary_counts_missing_ones_as_disagreement() -> None:
    same = Agreement("1.2", "L4-left", 1, 1, True, 1.0, 3.0, True)
    off = Agreement("1.2", "L4-right", 1, 1, False, 3.0, 7.0, False)
    missed = Agreement("1.2", "L5-left", 1, 0)
    found = summarise([same, off, missed, missed])
    assert (found.foramina, found.both, found.only_a, found.only_b) == (4, 2, 2, 0)
    assert (found.same_slice, found.same_slice_share, found.same_slice_of_both) == (1, 0.25, 0.5)
    assert found.same_slice_interval == pytest.approx((0.0456, 0.6994), abs=1e-4)
    assert (found.mean_x_mm, found.mean_yz_mm, found.largest_yz_mm) == (2.0, 5.0, 7.0)
    assert (found.within_5_mm, found.within_5_mm_share, found.same_level) == (1, 0.25, 1)
    assert set(by_group([same, off, missed])) == {"all", "L4", "L5", "left", "right"}


def test_an_annotation_agrees_with_itself() -> None:
    marks = {
        label.replace("-", "_"): [(0.0, 0.0, -10.0 * number, "1.1")]
        for number, label in enumerate(LABELS)
    }
    same = summarise(compare(annotation(**marks), annotation(**marks)))
    assert (same.same_slice, same.same_level, same.largest_yz_mm) == (10, 10, 0.0)


def test_what_cannot_be_compared_is_refused() -> None:
    a, b = annotation(L4_left=[(0, 0, 0, "1.1")]), annotation(L4_left=[(0, 0, 0, "")])
    with pytest.raises(ValueError, match=r"of L4-left .* does not name its slice; .*the images"):
        compare(a, b)
    with pytest.raises(ValueError, match="two series"):
        compare(a, annotation("1.2.4", L4_left=[(0, 0, 0, "1.1")]))
    with pytest.raises(ValueError, match="nothing to summarise"):
        summarise([])
