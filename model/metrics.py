"""How far off, how often missed: the thesis's measures (section 7.1)."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.intervals import Interval, Redrawn, wilson
from model.labels import LABELS, LEVELS, SIDES, label, split
from model.landmark import Landmark, Point, Prediction

WITHIN_MM: Final = 5.0  # the limit in y and z that a stenosis classifier bears (section 5.1)

PLACES: Final = ("T12", *LEVELS, "S1")  # where a point can lie, from the head down


@dataclass(frozen=True, slots=True)
class Distance:
    """One foramen of one scan: how far the point lies from the truth.

    Attributes:
        case: name of the scan.
        patient: whose scan it is; scans of one patient are not independent.
        label: which foramen.
        x_mm: distance along x, unsigned; None when missed.
        yz_mm: distance in the sagittal plane; None when missed.
        nearest: level whose true foramen on this side is the nearest in z: `T12`, `L1` .. `L5` or
            `S1`; None when missed.
        truth_mm: the true point.
        point_mm: the predicted point; None when missed.
        confidence: of the predicted point; None when missed.
        reason: why there is no point; None when found.
    """

    case: str
    patient: str
    label: str
    x_mm: float | None = None
    yz_mm: float | None = None
    nearest: str | None = None
    truth_mm: Point | None = None
    point_mm: Point | None = None
    confidence: float | None = None
    reason: str | None = None

    @property
    def found(self) -> bool:
        """Tell whether there is a point at all."""
        return self.yz_mm is not None

    @property
    def hit(self) -> bool:
        """Tell whether the point lies within 5 mm in y and z; a missed foramen does not."""
        return self.yz_mm is not None and self.yz_mm <= WITHIN_MM

    @property
    def right_level(self) -> bool:
        """Tell whether the point belongs to its own level; a missed foramen does not."""
        return self.nearest == split(self.label)[0]


def distances(
    case: str, prediction: Prediction, truth: Mapping[str, Point], patient: str = ""
) -> list[Distance]:
    """Measure each foramen that the truth knows, in the order of `LABELS`.

    Args:
        case: name of the scan.
        prediction: what was found.
        truth: label to the true point, mm (LPS).
        patient: whose scan it is; empty takes the scan's name.
    """
    marks = {mark.label: mark for mark in prediction.landmarks}
    owner = patient or case
    return [_distance(case, owner, marks[name], truth) for name in LABELS if name in truth]


def _distance(case: str, patient: str, mark: Landmark, truth: Mapping[str, Point]) -> Distance:
    target, point = truth[mark.label], mark.point_mm
    if point is None:
        return Distance(case, patient, mark.label, truth_mm=target, reason=mark.reason)
    return Distance(
        case,
        patient,
        mark.label,
        x_mm=abs(point[0] - target[0]),
        yz_mm=math.hypot(point[1] - target[1], point[2] - target[2]),
        nearest=_nearest(split(mark.label)[1], point[2], truth),
        truth_mm=target,
        point_mm=point,
        confidence=mark.confidence,
    )


def _nearest(side: str, z_mm: float, truth: Mapping[str, Point]) -> str:
    heights = dict(_heights(side, truth))
    return min(heights, key=lambda level: abs(heights[level] - z_mm))


def _heights(side: str, truth: Mapping[str, Point]) -> Iterator[tuple[str, float]]:
    """Yield level and z of the true foramina of a side, and of the neighbours above and below.

    The thesis's commonest error takes T12 for L1 (section 7.4.5.1). The truth does not hold T12
    and S1, so they are placed one motion segment beyond L1 and L5.
    """
    known = {split(name)[0]: point[2] for name, point in truth.items() if split(name)[1] == side}
    yield from known.items()
    for beyond, last, inner in (("T12", "L1", "L2"), ("S1", "L5", "L4")):
        if last in known and inner in known:
            yield beyond, 2 * known[last] - known[inner]


@dataclass(frozen=True, slots=True)
class Summary:
    """The measures over a group of foramina; every interval is at 95 %.

    Attributes:
        foramina: how many the truth has.
        missed: how many got no point.
        wrong_level: how many got a point that belongs to another level.
        mean_x_mm: mean x distance of the found ones; None when none was found.
        mean_x_interval: by redrawing patients; None with fewer than two of them.
        mean_yz_mm: their mean distance in the sagittal plane.
        mean_yz_interval: by redrawing patients.
        within_5_mm: how many of all lie within 5 mm in the sagittal plane (missed ones do not).
        recall: within_5_mm as a share of all.
        recall_interval: its Wilson interval, as if foramina were independent.
        recall_by_patient: its interval by redrawing patients.
        right_level: how many of all were found at their own level.
        right_level_share: as a share of all.
        right_level_interval: its Wilson interval.
    """

    foramina: int
    missed: int
    wrong_level: int
    mean_x_mm: float | None
    mean_x_interval: Interval | None
    mean_yz_mm: float | None
    mean_yz_interval: Interval | None
    within_5_mm: int
    recall: float
    recall_interval: Interval
    recall_by_patient: Interval | None
    right_level: int
    right_level_share: float
    right_level_interval: Interval


def summarise(measured: Sequence[Distance], redrawn: Redrawn) -> Summary:
    """Sum a group up.

    Args:
        measured: the foramina of the group.
        redrawn: resamples of patients, among them all of the group's.

    Raises:
        ValueError: the group is empty.
    """
    if not measured:
        raise ValueError("there is nothing to summarise; expected at least one foramen")
    count = len(measured)
    x_mm = [(one.patient, one.x_mm) for one in measured if one.x_mm is not None]
    yz_mm = [(one.patient, one.yz_mm) for one in measured if one.yz_mm is not None]
    within = sum(one.hit for one in measured)
    right = sum(one.right_level for one in measured)
    return Summary(
        foramina=count,
        missed=count - len(yz_mm),
        wrong_level=len(yz_mm) - right,
        mean_x_mm=_mean(x_mm),
        mean_x_interval=redrawn.interval(x_mm),
        mean_yz_mm=_mean(yz_mm),
        mean_yz_interval=redrawn.interval(yz_mm),
        within_5_mm=within,
        recall=within / count,
        recall_interval=wilson(within, count),
        recall_by_patient=redrawn.interval((one.patient, float(one.hit)) for one in measured),
        right_level=right,
        right_level_share=right / count,
        right_level_interval=wilson(right, count),
    )


def _mean(values: Sequence[tuple[str, float]]) -> float | None:
    return sum(value for _, value in values) / len(values) if values else None


def by_group(measured: Sequence[Distance], redrawn: Redrawn) -> dict[str, Summary]:
    """Sum up over all, per level, per side and per foramen.

    Returns:
        `all`, `L1` .. `L5`, `left`, `right`, `L1-left` .. `L5-right`; groups without a foramen
        are absent.
    """
    members: dict[str, Callable[[Distance], bool]] = {"all": lambda _: True}
    members |= {level: _of_level(level) for level in LEVELS}
    members |= {side: _of_side(side) for side in SIDES}
    members |= {
        label(level, side): _of_label(label(level, side)) for level in LEVELS for side in SIDES
    }
    groups = {name: [one for one in measured if holds(one)] for name, holds in members.items()}
    return {name: summarise(group, redrawn) for name, group in groups.items() if group}


def _of_level(level: str) -> Callable[[Distance], bool]:
    return lambda one: split(one.label)[0] == level


def _of_side(side: str) -> Callable[[Distance], bool]:
    return lambda one: split(one.label)[1] == side


def _of_label(name: str) -> Callable[[Distance], bool]:
    return lambda one: one.label == name


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """The measures over whole scans.

    Attributes:
        scans: how many.
        patients: of how many people.
        complete: scans with all their foramina within 5 mm.
        complete_interval: Wilson interval of their share, at 95 %.
        shifted: scans whose points, at least half of the foramina, all lie off by the same number
            of levels in the same direction (section 7.5.4.1).
        shifted_interval: Wilson interval of their share, at 95 %.
    """

    scans: int
    patients: int
    complete: int
    complete_interval: Interval
    shifted: int
    shifted_interval: Interval


def whole_scans(measured: Sequence[Distance]) -> ScanSummary:
    """Sum up per scan.

    Raises:
        ValueError: there is no scan.
    """
    scans: dict[str, list[Distance]] = {}
    for one in measured:
        scans.setdefault(one.case, []).append(one)
    complete = sum(all(one.hit for one in scan) for scan in scans.values())
    shifted = sum(shift(scan) != 0 for scan in scans.values())
    return ScanSummary(
        scans=len(scans),
        patients=len({one.patient for one in measured}),
        complete=complete,
        complete_interval=wilson(complete, len(scans)),
        shifted=shifted,
        shifted_interval=wilson(shifted, len(scans)),
    )


def confusion(measured: Sequence[Distance]) -> dict[str, dict[str, int]]:
    """Count at which level the points of each level lie: own level to `PLACES` and `missed`."""
    counts: dict[str, dict[str, int]] = {
        level: dict.fromkeys((*PLACES, "missed"), 0) for level in LEVELS
    }
    for one in measured:
        counts[split(one.label)[0]][one.nearest or "missed"] += 1
    return counts


def shift(scan: Sequence[Distance]) -> int:
    """Count by how many levels a whole scan is off: 1 is a full shift up, 0 is none."""
    off = [
        PLACES.index(split(one.label)[0]) - PLACES.index(one.nearest)
        for one in scan
        if one.nearest is not None
    ]
    return off[0] if len(set(off)) == 1 and len(off) * 2 >= len(scan) else 0


def plain(summary: Summary | ScanSummary) -> dict[str, Any]:
    """Give a summary as values that `json` can write, rounded to what they can bear."""
    return {name: _rounded(getattr(summary, name)) for name in summary.__slots__}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [round(part, 4) for part in value]
    return round(value, 4) if isinstance(value, float) else value
