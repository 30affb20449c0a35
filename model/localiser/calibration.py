"""Fit certainty and its thresholds on scans with truth that neither network was trained on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.expected import Expected
from model.labels import LABELS, split
from model.landmark import Point
from model.localiser import evidence
from model.localiser.answer import Answer
from model.localiser.certainty import CertaintySpec, fit, threshold
from model.localiser.chain import ChainSpec

WITHIN_MM: Final = 5.0
_FAR_MM: Final = 99.0  # of a point for a foramen that is not in the image
_LEAST_SCANS: Final = 20
_OTHER_LEVELS: Final = 3  # points that carry another level's name make a shifted scan


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """One answered scan with its truth.

    Attributes:
        levels: evidence of `evidence.SCAN`.
        levels_right: no shift, and levels could be told at all.
        unclear: nobody can tell its levels (S1 is transitional), and nothing in the evidence can:
            neither right nor wrong, left out.
        points: label to evidence of `evidence.FORAMEN`.
        distance_mm: label to in-plane distance from the truth of the same label.
        ordinary: abstaining from the scan would be a fault.
    """

    levels: FloatArray
    levels_right: bool
    points: Mapping[str, FloatArray] = field(default_factory=dict)
    distance_mm: Mapping[str, float] = field(default_factory=dict)
    ordinary: bool = True
    unclear: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Outcomes:
    """What was said with which probability, and whether it was right.

    Each scan's probabilities come from models fitted on the other scans, so that neither the
    thresholds nor the tables flatter the fit.

    Attributes:
        levels: (scan,) probability of right levels.
        levels_right: (scan,).
        ordinary: (scan,).
        point: (point,) probability that a point is right, of the scans with right levels.
        point_right: (point,).
    """

    levels: FloatArray
    levels_right: npt.NDArray[np.bool_]
    ordinary: npt.NDArray[np.bool_]
    point: FloatArray
    point_right: npt.NDArray[np.bool_]


def judge(
    said: Answer,
    truth: Mapping[str, Point],
    told: Expected,
    chain: ChainSpec,
) -> Judged:
    """Compare an answer with the truth.

    Args:
        said: the answer.
        truth: label to point, mm.
        told: what an honest answer is; a point for a foramen beyond the image is far off.
        chain: the costs that the levels were found with.
    """
    known = {name: said.found[name].point_mm for name in said.found if name in truth}
    distance = {name: _in_plane(point, truth[name]) for name, point in known.items()}
    elsewhere = sum(_nearest(point, name, truth) != name for name, point in known.items())
    right = told.numbered and bool(known) and elsewhere < min(_OTHER_LEVELS, len(known))
    distance |= {name: _FAR_MM for name in said.found if name in told.outside}
    points = {name: evidence.of_foramen(said, name) for name in distance}
    return Judged(
        evidence.of_scan(said, chain), right, points, distance, told.ordinary, not told.numbered
    )


def as_control(one: Judged) -> Judged:
    """Give the judgement on a control, for the levels alone; abstaining from it is no fault."""
    return Judged(one.levels, one.levels_right, ordinary=False, unclear=one.unclear)


def calibrate(
    judged: Iterable[Judged],
    *,
    most_shifted: float,
    most_far: float,
    least_scans: float,
    least_points: float,
    calibrated_on: str,
) -> CertaintySpec:
    """Fit both models and choose thresholds.

    Args:
        judged: scans with truth.
        most_shifted: accepted share of wrong levels among the answered scans.
        most_far: accepted share of points beyond 5 mm among the answered ones.
        least_scans: share of ordinary scans to answer at least, whatever that costs.
        least_points: share of points to answer at least.
        calibrated_on: the scans, in words shown to people.

    Raises:
        ValueError: too few scans.
    """
    every = clear(judged)
    seen = crossed(every)
    return CertaintySpec(
        levels=fit(evidence.SCAN, *_levels(every)),
        least_levels=min(
            threshold(seen.levels, seen.levels_right, most_shifted, 0.0),
            _keeping(seen.levels[seen.ordinary], least_scans),
        ),
        point=fit(evidence.FORAMEN, *_points(every)),
        least_point=threshold(seen.point, seen.point_right, most_far, least_points),
        calibrated_on=calibrated_on,
    )


def clear(judged: Iterable[Judged]) -> list[Judged]:
    """Leave out the scans whose levels nobody can tell."""
    return [one for one in judged if not one.unclear]


def crossed(judged: Sequence[Judged], folds: int = 5) -> Outcomes:
    """Say of each scan what models that were fitted on the others say.

    Raises:
        ValueError: fewer than 20 scans, or no point.
    """
    if len(judged) < _LEAST_SCANS:
        raise ValueError(f"{len(judged)} scans; expected at least {_LEAST_SCANS} to calibrate on")
    if not len(_points(judged)[1]):
        raise ValueError("no scan has right levels; train longer before calibrating")
    levels = np.zeros(len(judged))
    point, near = [], []
    for fold in range(folds):
        rest = [one for number, one in enumerate(judged) if number % folds != fold]
        of_levels = fit(evidence.SCAN, *_levels(rest))
        for number in range(fold, len(judged), folds):
            levels[number] = of_levels.probability(judged[number].levels)
        rows, right = _points(judged[fold::folds])
        if len(rows) and len(_points(rest)[0]):
            of_point = fit(evidence.FORAMEN, *_points(rest))
            point += [of_point.probability(row) for row in rows]
            near += list(right)
    return Outcomes(
        levels,
        np.array([one.levels_right for one in judged]),
        np.array([one.ordinary for one in judged]),
        np.array(point),
        np.array(near, bool),
    )


def _levels(judged: Sequence[Judged]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    return np.array([one.levels for one in judged]), np.array([one.levels_right for one in judged])


def _points(judged: Sequence[Judged]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Give evidence of the points of scans with right levels, and whether they are near."""
    right = [one for one in judged if one.levels_right]
    rows = [row for one in right for row in one.points.values()]
    near = [one.distance_mm[name] <= WITHIN_MM for one in right for name in one.points]
    return np.array(rows).reshape(-1, len(evidence.FORAMEN)), np.array(near, bool)


def _keeping(probability: FloatArray, share: float) -> float:
    """Give the threshold that at least this share reaches; 1 where there is none."""
    if not len(probability):
        return 1.0
    kept = int(np.ceil(share * len(probability)))
    return float(np.sort(probability)[::-1][max(kept, 1) - 1])


def to_line(one: Judged) -> dict[str, Any]:
    """Give a judged scan as values that `json` can write; `from_line` is the inverse."""
    return {
        "levels": [float(value) for value in one.levels],
        "levels_right": one.levels_right,
        "points": {name: [float(value) for value in row] for name, row in one.points.items()},
        "distance_mm": dict(one.distance_mm),
        "ordinary": one.ordinary,
        "unclear": one.unclear,
    }


def from_line(line: Mapping[str, Any]) -> Judged:
    """Read what `to_line` gave."""
    return Judged(
        np.array(line["levels"]),
        line["levels_right"],
        {name: np.array(row) for name, row in line["points"].items()},
        line["distance_mm"],
        line["ordinary"],
        line["unclear"],
    )


def _nearest(point: FloatArray, name: str, truth: Mapping[str, Point]) -> str:
    side = split(name)[1]
    same = [other for other in LABELS if other in truth and split(other)[1] == side]
    return min(same, key=lambda other: _in_plane(point, truth[other]))


def _in_plane(point: FloatArray, other: Sequence[float]) -> float:
    return float(np.hypot(*(point - np.asarray(other))[1:]))
