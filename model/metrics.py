"""How far off, how often missed: the thesis's measures (section 7.1)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.labels import LABELS, LEVELS, split
from model.landmark import Point, Prediction

WITHIN_MM: Final = 5.0  # the limit in y and z that a stenosis classifier bears (section 5.1)
_Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Distance:
    """One foramen of one scan: how far the point lies from the truth.

    Attributes:
        case: name of the scan.
        label: which foramen.
        x_mm: distance along x, unsigned; None when missed.
        yz_mm: distance in the sagittal plane; None when missed.
        right_level: of the true points on its side, the nearest in z is its own; None when missed.
    """

    case: str
    label: str
    x_mm: float | None = None
    yz_mm: float | None = None
    right_level: bool | None = None


def distances(case: str, prediction: Prediction, truth: Mapping[str, Point]) -> list[Distance]:
    """Measure each foramen that the truth knows, in the order of `LABELS`."""
    found = {mark.label: mark.point_mm for mark in prediction.found}
    return [_distance(case, name, found.get(name), truth) for name in LABELS if name in truth]


def _distance(case: str, name: str, point: Point | None, truth: Mapping[str, Point]) -> Distance:
    if point is None:
        return Distance(case, name)
    target = truth[name]
    side = split(name)[1]
    near = min(
        (other for other in truth if split(other)[1] == side),
        key=lambda other: abs(truth[other][2] - point[2]),
    )
    yz_mm = math.hypot(point[1] - target[1], point[2] - target[2])
    return Distance(case, name, abs(point[0] - target[0]), yz_mm, near == name)


@dataclass(frozen=True, slots=True)
class Summary:
    """The measures over a group of foramina.

    Attributes:
        foramina: how many the truth has.
        missed: how many got no point.
        mean_x_mm: mean x distance of the found ones; None when none was found.
        mean_yz_mm: their mean distance in the sagittal plane.
        within_5_mm: how many of all lie within 5 mm in the sagittal plane (missed ones do not).
        recall: within_5_mm as a share of all.
        recall_interval: its Wilson interval at 95 %.
        right_level: how many of all were found at their own level.
        right_level_share: as a share of all.
        right_level_interval: its Wilson interval at 95 %.
    """

    foramina: int
    missed: int
    mean_x_mm: float | None
    mean_yz_mm: float | None
    within_5_mm: int
    recall: float
    recall_interval: tuple[float, float]
    right_level: int
    right_level_share: float
    right_level_interval: tuple[float, float]


def summarise(measured: Sequence[Distance]) -> Summary:
    """Sum a group up.

    Raises:
        ValueError: the group is empty.
    """
    if not measured:
        raise ValueError("there is nothing to summarise; expected at least one foramen")
    count = len(measured)
    x_mm = [one.x_mm for one in measured if one.x_mm is not None]
    yz_mm = [one.yz_mm for one in measured if one.yz_mm is not None]
    within = sum(distance <= WITHIN_MM for distance in yz_mm)
    right = sum(one.right_level is True for one in measured)
    return Summary(
        foramina=count,
        missed=count - len(yz_mm),
        mean_x_mm=_mean(x_mm),
        mean_yz_mm=_mean(yz_mm),
        within_5_mm=within,
        recall=within / count,
        recall_interval=wilson(within, count),
        right_level=right,
        right_level_share=right / count,
        right_level_interval=wilson(right, count),
    )


def by_group(measured: Sequence[Distance]) -> dict[str, Summary]:
    """Sum up over all and per level: `all`, `L1` .. `L5`; groups without a foramen are absent."""
    groups: dict[str, list[Distance]] = {"all": list(measured)}
    for level in LEVELS:
        groups[level] = [one for one in measured if split(one.label)[0] == level]
    return {name: summarise(group) for name, group in groups.items() if group}


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Give the Wilson score interval of a share at 95 % (Wilson 1927).

    Raises:
        ValueError: there are no trials, or more hits than trials.
    """
    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits in {trials} trials; expected 0 <= hits <= trials >= 1")
    share = hits / trials
    scale = 1.0 + _Z_95**2 / trials
    centre = (share + _Z_95**2 / (2 * trials)) / scale
    spread = share * (1.0 - share) / trials + _Z_95**2 / (4 * trials**2)
    half = _Z_95 * math.sqrt(spread) / scale
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def plain(summary: Summary) -> dict[str, Any]:
    """Give a summary as values that `json` can write, rounded to what they can bear."""
    return {
        "foramina": summary.foramina,
        "missed": summary.missed,
        "mean_x_mm": _rounded(summary.mean_x_mm, 3),
        "mean_yz_mm": _rounded(summary.mean_yz_mm, 3),
        "within_5_mm": summary.within_5_mm,
        "recall": round(summary.recall, 4),
        "recall_interval": [round(value, 4) for value in summary.recall_interval],
        "right_level": summary.right_level,
        "right_level_share": round(summary.right_level_share, 4),
        "right_level_interval": [round(value, 4) for value in summary.right_level_interval],
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
