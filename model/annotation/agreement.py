"""How far two annotators agree (thesis section 5.3).

The thesis's measure: for every foramen, at least one mark of both lies on the same slice. Beside
it stand the distances between the middles of their marks, and the foramina that only one of them
marked, which count as disagreement.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from model.annotation.record import Annotation, Mark, middle
from model.intervals import wilson
from model.labels import LABELS, LEVELS, SIDES, split
from model.metrics import WITHIN_MM


@dataclass(frozen=True, slots=True)
class Agreement:
    """One foramen of one series, as two annotators have it.

    Attributes:
        series_instance_uid: the series.
        label: the foramen.
        marks_a, marks_b: how many marks each has set.
        same_slice: at least one slice bears marks of both; None when one has no mark.
        x_mm: distance of the middles along x; None when one has no mark.
        yz_mm: distance of the middles in the sagittal plane; None when one has no mark.
        same_level: B's middle is nearer in z to A's at this level than to A's at any other level
            of its side; None when one has no mark.
    """

    series_instance_uid: str
    label: str
    marks_a: int
    marks_b: int
    same_slice: bool | None = None
    x_mm: float | None = None
    yz_mm: float | None = None
    same_level: bool | None = None


def compare(a: Annotation, b: Annotation) -> list[Agreement]:
    """Compare two annotations of one series, foramen by foramen; those nobody marked are absent.

    Raises:
        ValueError: they are of two series, or marks do not name their slices.
    """
    if a.series_instance_uid != b.series_instance_uid:
        raise ValueError(
            f"annotations of two series, {a.series_instance_uid} and {b.series_instance_uid}; "
            "expected one"
        )
    return [_compared(a, b, label) for label in LABELS if a.marks.get(label) or b.marks.get(label)]


def _compared(a: Annotation, b: Annotation, label: str) -> Agreement:
    ours, theirs = a.marks.get(label, ()), b.marks.get(label, ())
    counted = Agreement(a.series_instance_uid, label, len(ours), len(theirs))
    if not ours or not theirs:
        return counted
    left, right = middle(ours), middle(theirs)
    side = split(label)[1]
    levels = [other for other in a.points if split(other)[1] == side]
    nearest = min(levels, key=lambda other: abs(a.points[other][2] - right[2]))
    return Agreement(
        series_instance_uid=a.series_instance_uid,
        label=label,
        marks_a=len(ours),
        marks_b=len(theirs),
        same_slice=bool(_slices(a, label, ours) & _slices(b, label, theirs)),
        x_mm=abs(left[0] - right[0]),
        yz_mm=math.hypot(left[1] - right[1], left[2] - right[2]),
        same_level=nearest == label,
    )


def _slices(annotation: Annotation, label: str, marks: Sequence[Mark]) -> set[str]:
    if any(not mark.sop_instance_uid for mark in marks):
        raise ValueError(
            f"a mark of {label} in series {annotation.series_instance_uid} does not name its "
            "slice; expected its SOPInstanceUID: give the folder with the images"
        )
    return {mark.sop_instance_uid for mark in marks}


@dataclass(frozen=True, slots=True)
class Summary:
    """Agreement over a group of foramina.

    Attributes:
        foramina: how many at least one of both has marked.
        only_a, only_b: how many only one has marked.
        same_slice: how many have a slice with marks of both.
        same_slice_share: as a share of all.
        same_slice_interval: its Wilson interval at 95 %.
        same_slice_of_both: how many of `both` have one, as a share; None when there are none.
        both: how many both have marked.
        same_level: how many of those lie at one level.
        mean_x_mm, mean_yz_mm, median_yz_mm, largest_yz_mm: distances of the middles over those;
            None when there are none.
        within_5_mm: how many of those lie within 5 mm in the sagittal plane.
        within_5_mm_share: as a share of all.
        within_5_mm_interval: its Wilson interval at 95 %.
    """

    foramina: int
    only_a: int
    only_b: int
    same_slice: int
    same_slice_share: float
    same_slice_interval: tuple[float, float]
    same_slice_of_both: float | None
    both: int
    same_level: int
    mean_x_mm: float | None
    mean_yz_mm: float | None
    median_yz_mm: float | None
    largest_yz_mm: float | None
    within_5_mm: int
    within_5_mm_share: float
    within_5_mm_interval: tuple[float, float]


def summarise(group: Sequence[Agreement]) -> Summary:
    """Sum a group up.

    Raises:
        ValueError: the group is empty.
    """
    if not group:
        raise ValueError("there is nothing to summarise; expected at least one foramen")
    count = len(group)
    x_mm = [one.x_mm for one in group if one.x_mm is not None]
    yz_mm = [one.yz_mm for one in group if one.yz_mm is not None]
    same = sum(one.same_slice is True for one in group)
    within = sum(distance <= WITHIN_MM for distance in yz_mm)
    return Summary(
        foramina=count,
        only_a=sum(not one.marks_b for one in group),
        only_b=sum(not one.marks_a for one in group),
        same_slice=same,
        same_slice_share=same / count,
        same_slice_interval=wilson(same, count),
        same_slice_of_both=same / len(yz_mm) if yz_mm else None,
        both=len(yz_mm),
        same_level=sum(one.same_level is True for one in group),
        mean_x_mm=statistics.fmean(x_mm) if x_mm else None,
        mean_yz_mm=statistics.fmean(yz_mm) if yz_mm else None,
        median_yz_mm=statistics.median(yz_mm) if yz_mm else None,
        largest_yz_mm=max(yz_mm, default=None),
        within_5_mm=within,
        within_5_mm_share=within / count,
        within_5_mm_interval=wilson(within, count),
    )


def by_group(measured: Sequence[Agreement]) -> dict[str, Summary]:
    """Sum up over all, per level and per side; groups without a foramen are absent."""
    groups: dict[str, list[Agreement]] = {"all": list(measured)}
    for place, names in enumerate((LEVELS, SIDES)):
        for name in names:
            groups[name] = [one for one in measured if split(one.label)[place] == name]
    return {name: summarise(group) for name, group in groups.items() if group}
