"""Fit certainty and its thresholds on scans with truth that neither network was trained on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from model.affine import FloatArray
from model.labels import LABELS, split
from model.landmark import Point
from model.localiser import evidence
from model.localiser.answer import Answer
from model.localiser.certainty import CertaintySpec, fit, threshold
from model.localiser.chain import ChainSpec

WITHIN_MM: Final = 5.0
_OTHER_LEVELS: Final = 3  # points that carry another level's name make a shifted scan


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """One answered scan with its truth.

    Attributes:
        levels: evidence of `evidence.SCAN`.
        levels_right: no shift, and levels could be told at all.
        points: label to evidence of `evidence.FORAMEN`.
        distance_mm: label to in-plane distance from the truth of the same label.
    """

    levels: FloatArray
    levels_right: bool
    points: Mapping[str, FloatArray] = field(default_factory=dict)
    distance_mm: Mapping[str, float] = field(default_factory=dict)


def judge(said: Answer, truth: Mapping[str, Point], numbered: bool, chain: ChainSpec) -> Judged:
    """Compare an answer with the truth.

    Args:
        said: the answer.
        truth: label to point, mm.
        numbered: whether the levels can be told; False with a transitional S1.
        chain: the costs that the levels were found with.
    """
    known = {name: said.found[name].point_mm for name in said.found if name in truth}
    distance = {name: _in_plane(point, truth[name]) for name, point in known.items()}
    elsewhere = sum(_nearest(point, name, truth) != name for name, point in known.items())
    right = numbered and bool(known) and elsewhere < min(_OTHER_LEVELS, len(known))
    points = {name: evidence.of_foramen(said, name) for name in known}
    return Judged(evidence.of_scan(said, chain), right, points, distance)


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
        least_scans: share of scans to answer at least, whatever that costs.
        least_points: share of points to answer at least.
        calibrated_on: the scans, in words shown to people.

    Raises:
        ValueError: too few scans.
    """
    every: Sequence[Judged] = list(judged)
    if len(every) < 20:
        raise ValueError(f"{len(every)} scans; expected at least 20 to calibrate on")
    rows = np.array([one.levels for one in every])
    right = np.array([one.levels_right for one in every])
    levels = fit(evidence.SCAN, rows, right)
    sure = np.array([levels.probability(row) for row in rows])
    numbered = [one for one in every if one.levels_right]
    place_rows = np.array([row for one in numbered for row in one.points.values()])
    near = np.array([one.distance_mm[name] <= WITHIN_MM for one in numbered for name in one.points])
    point = fit(evidence.FORAMEN, place_rows, near)
    point_sure = np.array([point.probability(row) for row in place_rows])
    return CertaintySpec(
        levels=levels,
        least_levels=threshold(sure, right, most_shifted, least_scans),
        point=point,
        least_point=threshold(point_sure, near, most_far, least_points),
        calibrated_on=calibrated_on,
    )


def _nearest(point: FloatArray, name: str, truth: Mapping[str, Point]) -> str:
    side = split(name)[1]
    same = [other for other in LABELS if other in truth and split(other)[1] == side]
    return min(same, key=lambda other: _in_plane(point, truth[other]))


def _in_plane(point: FloatArray, other: Sequence[float]) -> float:
    return float(np.hypot(*(point - np.asarray(other))[1:]))
