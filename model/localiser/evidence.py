"""What speaks for and against an answer, as numbers: of the scan's levels, and of each foramen.

The two counts (up from the sacrum, down from T12) come from the same network and are no
independent proof; ribs are rarely seen on sagittal lumbar MR.
"""

import itertools
from typing import Final

import numpy as np

from model.affine import FloatArray
from model.labels import LABELS, SIDES, split
from model.localiser.answer import Answer
from model.localiser.chain import STATES, ChainSpec

SCAN: Final = (
    "margin", "least level mass", "mean level mass", "found", "gap residual", "side difference",
    "count from S1", "count from T12", "S1 seen", "T12 seen", "mean fine mass",
)  # fmt: skip
FORAMEN: Final = (
    "present", "fine mass", "level mass", "moved", "coarse to fine", "side difference", "margin",
)  # fmt: skip

_MOST_MARGIN: Final = 15.0


def of_scan(said: Answer, spec: ChainSpec) -> FloatArray:
    """Give the numbers named by `SCAN`, for the levels of a whole scan."""
    masses = [one.level_mass for one in said.found.values()] or [0.0]
    fine = [one.mass for one in said.found.values()] or [0.0]
    return np.array(
        [
            min(said.chain.margin, _MOST_MARGIN),
            min(masses),
            float(np.mean(masses)),
            len(said.found) / len(LABELS),
            gap_residual(said, spec),
            max([side_difference(said, name) for name in said.found] or [0.0]),
            count_from_s1(said),
            count_from_t12(said),
            said.anchors["S1-endplate"][2],
            said.anchors["T12-body"][2],
            float(np.mean(fine)),
        ]
    )


def of_foramen(said: Answer, name: str) -> FloatArray:
    """Give the numbers named by `FORAMEN`, for one found foramen."""
    one = said.found[name]
    apart = float(np.hypot(*(one.point_mm - one.coarse_mm)[1:]))
    return np.array(
        [
            one.present,
            one.mass,
            one.level_mass,
            one.moved_mm,
            apart,
            side_difference(said, name),
            min(said.chain.margin, _MOST_MARGIN),
        ]
    )


def gap_residual(said: Answer, spec: ChainSpec) -> float:
    """Give the largest deviation of a gap from what is usual, in standard deviations."""
    worst = 0.0
    for side in SIDES:
        places = [
            (index, said.found[f"{state}-{side}"].point_mm)
            for index, state in enumerate(STATES)
            if f"{state}-{side}" in said.found
        ]
        for (above, upper), (below, lower) in itertools.pairwise(places):
            gap = float(np.hypot(*(upper - lower)[1:])) / said.chain.unit_mm
            sd = float(np.linalg.norm(spec.gap_sd[above:below]))
            worst = max(worst, abs(gap - sum(spec.gaps[above:below])) / sd)
    return min(worst, 10.0)


def side_difference(said: Answer, name: str) -> float:
    """Give how far left and right of a level lie apart in the sagittal plane, in gaps."""
    level, side = split(name)
    other = f"{level}-{'right' if side == 'left' else 'left'}"
    if other not in said.found:
        return 0.5
    apart = said.found[name].point_mm - said.found[other].point_mm
    return float(np.hypot(*apart[1:])) / said.chain.unit_mm


def count_from_s1(said: Answer) -> float:
    """Tell whether the lowest foramen above S1's upper endplate is the chain's L5."""
    point, _, present = said.anchors["S1-endplate"]
    above = [state for state, height in _heights(said) if height > point[2]]
    return float(bool(above) and above[-1] == "L5") if present > 0.5 else 0.5


def count_from_t12(said: Answer) -> float:
    """Tell whether the first foramen below the middle of T12 is the chain's T12/L1."""
    point, _, present = said.anchors["T12-body"]
    below = [state for state, height in _heights(said) if height < point[2]]
    expected = "T12" if any(state == "T12" for state, _ in _heights(said)) else "L1"
    return float(bool(below) and below[0] == expected) if present > 0.5 else 0.5


def _heights(said: Answer) -> list[tuple[str, float]]:
    """List the chain's levels from head to feet with their mean height, mm."""
    found = []
    for state in STATES:
        heights = [
            float(said.chain.chosen[state, side].point_mm[2])
            for side in SIDES
            if (state, side) in said.chain.chosen
        ]
        if heights:
            found.append((state, float(np.mean(heights))))
    return found
