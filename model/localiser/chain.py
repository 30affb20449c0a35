"""Naming levels: the cheapest strict order of foramina, by dynamic programming.

A candidate is a place that looks like a foramen. The chain gives each of seven levels (T12/L1,
the five lumbar ones, S1/S2; the outer two are decoys and never reported) a candidate on each
side, or none. Levels go strictly downwards, so none is repeated or out of order. How far apart
neighbours lie, relative to the scan's own gap, is known from 1,964 real series; the appearance
(the heatmaps) decides which level is which, since geometry alone cannot tell a shift of one.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.labels import LEVELS, SIDES, Side

STATES: Final = ("T12", *LEVELS, "S1")
"""The foramina from head to feet, each under its vertebra."""

_FARTHEST_SIDES: Final = 0.6  # gaps between the heights of left and right of one level
_NEAREST_GAP: Final = 0.1  # gaps between the lower foramen of a level and the upper of the next
_MOST_GAP_COST: Final = 50.0


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """The costs, in units of a negative log likelihood.

    Attributes:
        gaps: distance of neighbouring foramina in the sagittal plane, from T12/L1 to S1/S2, in
            units of the scan's median gap: mean of 1,964 real series for the four lumbar gaps;
            the outer two are taken from the synthetic anatomy.
        gap_sd: their standard deviations; wider than measured, since candidates jitter.
        unit_mm: mean and standard deviation of the gap itself (1,821 CT spines).
        side_sd: standard deviation of the height difference of left and right, in gaps.
        skip: greatest cost of a lumbar level without candidate, for each side.
        unmatched: cost of a candidate that no level takes, times how sure it is.
        floor: share of a heatmap's mass that is believed to be anywhere.
    """

    gaps: tuple[float, ...] = (0.97, 1.021, 1.044, 0.989, 0.936, 0.86)
    gap_sd: tuple[float, ...] = (0.12, 0.1, 0.1, 0.1, 0.12, 0.16)
    unit_mm: tuple[float, float] = (33.0, 3.5)
    side_sd: float = 0.14
    skip: float = 4.0
    unmatched: float = 2.0
    floor: float = 0.01


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A place that looks like a foramen.

    Attributes:
        side: by the patient's x.
        point_mm: (x, y, z).
        mass: (state,) share of each state's heatmap (of this side) that lies around the place.
        sure: how much it looks like any foramen, 0..1.
    """

    side: Side
    point_mm: FloatArray
    mass: FloatArray
    sure: float


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """The cheapest chain, and how much dearer the cheapest different one is.

    Attributes:
        chosen: (state, side) to candidate.
        cost: of the chain.
        margin: cost of the cheapest chain in which no candidate keeps its level, less `cost`;
            the confidence that the levels are not shifted. Infinite where there is none.
        unit_mm: the scan's gap.
    """

    chosen: Mapping[tuple[str, Side], Candidate]
    cost: float
    margin: float
    unit_mm: float


def name_levels(
    found: Sequence[Candidate], presence: Mapping[tuple[str, Side], float], spec: ChainSpec
) -> Chain:
    """Find the cheapest chain.

    Args:
        found: at most about ten candidates a side.
        presence: (state, side) to the probability that the foramen lies in the image; a level
            that is likely outside costs little to leave out.
        spec: the costs.
    """
    search = _Search(found, presence, spec)
    cost, taken, unit_mm = search.run(set())
    other = search.run(set(taken))[0]
    chosen = {(STATES[state], found[index].side): found[index] for state, index in taken}
    return Chain(chosen, cost, other - cost if chosen else 0.0, unit_mm)


class _Search:
    """The dynamic programmes of one scan, one for each gap that it may have.

    Their nodes are (level, pair of candidates); a pair may lack one side. All arrays begin with
    the axis of the gaps.
    """

    def __init__(
        self,
        found: Sequence[Candidate],
        presence: Mapping[tuple[str, Side], float],
        spec: ChainSpec,
    ) -> None:
        self.found, self.spec = found, spec
        self.units = spec.unit_mm[0] + spec.unit_mm[1] * np.linspace(-2.0, 2.0, 9)
        sides = [[None, *(i for i, one in enumerate(found) if one.side == s)] for s in SIDES]
        self.pairs = [pair for pair in itertools.product(*sides) if pair != (None, None)]
        absent = [
            [_absence(presence.get((state, side), 0.5), spec) for side in SIDES] for state in STATES
        ]
        self.absent = np.array(absent)
        self.left_out = np.array([spec.unmatched * one.sure for one in found])
        self.places = np.full((len(self.pairs), 2, 2), np.nan)
        for row, pair in enumerate(self.pairs):
            for side, index in enumerate(pair):
                if index is not None:
                    self.places[row, side] = found[index].point_mm[1:]
        if self.pairs:
            self._measure()

    def run(self, forbidden: set[tuple[int, int]]) -> tuple[float, list[tuple[int, int]], float]:
        """Give the cost of the cheapest chain, its (state, candidate)s, and the gap.

        Args:
            forbidden: (state, candidate)s that may not be used.
        """
        prior = 0.5 * ((self.units - self.spec.unit_mm[0]) / self.spec.unit_mm[1]) ** 2
        start = prior + float(self.left_out.sum())
        skipped = np.concatenate([[0.0], np.cumsum(self.absent.sum(axis=1))])
        nothing = float(start.min() + skipped[-1])  # no level at all
        if not self.pairs:
            return nothing, [], self.spec.unit_mm[0]
        own = self._own(forbidden)
        shape = (len(self.units), len(STATES), len(self.pairs))
        costs = (start[:, None, None] + skipped[None, :-1, None]) + own
        came = np.full((*shape, 2), -1)
        for state in range(1, len(STATES)):
            for above in range(state):
                between = skipped[state] - skipped[above + 1]
                step = costs[:, above, :, None] + self._gap(above, state)
                row = step.argmin(axis=1)
                value = np.take_along_axis(step, row[:, None], axis=1)[:, 0]
                value += between + own[:, state]
                better = value < costs[:, state]
                costs[:, state] = np.where(better, value, costs[:, state])
                came[:, state][better] = np.stack([np.full_like(row, above), row], -1)[better]
        ends = costs + (skipped[-1] - skipped[1:])[None, :, None]
        unit, state, pair = (int(n) for n in np.unravel_index(int(ends.argmin()), shape))
        if ends[unit, state, pair] >= nothing:
            return nothing, [], self.spec.unit_mm[0]
        path = self._walk(came[unit], state, pair)
        return float(ends[unit, state, pair]), path, float(self.units[unit])

    def _walk(self, came: npt.NDArray[np.int_], state: int, pair: int) -> list[tuple[int, int]]:
        taken: list[tuple[int, int]] = []
        while state >= 0:
            taken += [(state, index) for index in self.pairs[pair] if index is not None]
            state, pair = (int(n) for n in came[state, pair])
        return taken

    def _own(self, forbidden: set[tuple[int, int]]) -> FloatArray:
        """Give what it costs that a pair has a level: (gap, state, pair)."""
        cost = np.zeros((len(STATES), len(self.pairs)))
        for row, pair in enumerate(self.pairs):
            for side, index in enumerate(pair):
                if index is None:
                    cost[:, row] += self.absent[:, side]
                    continue
                mass = self.found[index].mass
                cost[:, row] += -np.log(self.spec.floor + (1 - self.spec.floor) * mass)
                cost[:, row] -= self.left_out[index]
                for state in range(len(STATES)):
                    if (state, index) in forbidden:
                        cost[state, row] = np.inf
        apart = np.nan_to_num(self.places[:, 0, 1] - self.places[:, 1, 1])
        height = np.abs(apart) / self.units[:, None]
        sides = np.where(height > _FARTHEST_SIDES, np.inf, 0.5 * (height / self.spec.side_sd) ** 2)
        return np.asarray(cost[None] + sides[:, None])

    def _measure(self) -> None:
        """Measure how far pairs lie apart, once for all gaps."""
        apart = np.linalg.norm(self.places[:, None] - self.places[None], axis=-1)
        self.shared = ~np.isnan(apart)  # (pair, pair, side)
        middle = np.nanmean(self.places, axis=1)
        across = np.linalg.norm(middle[:, None] - middle[None], axis=-1)
        lone = ~self.shared.any(axis=-1)  # one has only a left place, the other only a right one
        apart[lone] = across[lone, None]
        self.lone = lone
        self.shared[lone] = True
        self.distance = np.nan_to_num(apart)
        top, bottom = np.nanmax(self.places[..., 1], 1), np.nanmin(self.places[..., 1], 1)
        self.drop = bottom[:, None] - top[None]
        self._gaps: dict[tuple[int, int], FloatArray] = {}  # asked for by both programmes

    def _gap(self, above: int, below: int) -> FloatArray:
        """Give what the distance of two neighbours costs: (gap, pair above, pair below)."""
        if (above, below) not in self._gaps:
            self._gaps[above, below] = self._gap_cost(above, below)
        return self._gaps[above, below]

    def _gap_cost(self, above: int, below: int) -> FloatArray:
        expected = sum(self.spec.gaps[above:below])
        sd = float(np.linalg.norm(self.spec.gap_sd[above:below]))
        wide = np.where(self.lone, sd + self.spec.side_sd, sd)[None]
        total = np.zeros((len(self.units), *self.lone.shape))
        for side in range(2):
            far = self.distance[None, ..., side] / self.units[:, None, None]
            cost = 0.5 * np.minimum(((far - expected) / wide) ** 2, _MOST_GAP_COST)
            total += np.where(self.shared[..., side], cost, 0.0)
        total /= self.shared.sum(axis=-1)
        in_order = self.drop[None] > _NEAREST_GAP * self.units[:, None, None]
        return np.where(in_order, total, np.inf)


def _absence(presence: float, spec: ChainSpec) -> float:
    """Give the cost of a level without a candidate; a level out of the image costs nothing."""
    return float(min(spec.skip, -np.log(max(1.0 - presence, 1e-6))))
