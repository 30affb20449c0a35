"""From the coarse network's answer to candidates for the chain; numpy alone."""

import itertools
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.labels import SIDES, Side
from model.localiser.chain import STATES, Candidate

Logits = npt.NDArray[np.float32]

_PEAKS: Final = 2  # of each heatmap
_LEAST_PEAK: Final = 0.03  # share of a heatmap's mass around a peak that is worth a look
_LEAST_SURE: Final = 0.3  # of the any-foramen map
_AROUND_MM: Final = 9.0  # in-plane radius of what belongs to a place
_AROUND_SLICES: Final = 1.6
_SAME_MM: Final = 11.0  # places nearer than this in-plane are one
_MOST: Final = 10  # candidates a side


class Heatmaps:
    """The answer for one volume, ready to be asked.

    Attributes:
        share: (cell, point), each column sums to one.
        sure: (cell,), any-foramen probability.
        position: (cell, 3), slice index, and row and column in mm from the first.
        points: names of the columns.
    """

    def __init__(
        self, logits: Logits, points: Iterable[str], affine: FloatArray, stride: int
    ) -> None:
        """Take logits (slice, row, column, point + 1) of cells of an input with this affine."""
        self.points = tuple(points)
        shape = logits.shape[:3]
        flat = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
        raised = np.exp(flat[:, :-1] - flat[:, :-1].max(axis=0))
        self.share = raised / raised.sum(axis=0)
        self.sure = 1.0 / (1.0 + np.exp(-np.clip(flat[:, -1], -50, 50)))
        self._cells = affine.copy()
        self._cells[:3, 3] += (affine[:3, 1] + affine[:3, 2]) * (stride - 1) / 2
        self._cells[:3, 1:3] *= stride
        self._step = np.linalg.norm(self._cells[:3, :3], axis=0)
        spacing = (1.0, self._step[1], self._step[2])
        self._axes = [np.arange(n) * mm for n, mm in zip(shape, spacing, strict=True)]
        grid = np.stack(np.meshgrid(*self._axes, indexing="ij"), axis=-1)
        self.position = grid.reshape(-1, 3)

    def column(self, name: str) -> FloatArray:
        """Give one point's heatmap over the cells."""
        return np.asarray(self.share[:, self.points.index(name)])

    def near(self, place: FloatArray) -> npt.NDArray[np.bool_]:
        """Tell which cells belong to a place (slice, row mm, column mm)."""
        slices, rows, columns = (
            axis - middle for axis, middle in zip(self._axes, place, strict=True)
        )
        in_plane = np.hypot(rows[:, None], columns) <= _AROUND_MM
        across = np.abs(slices) <= _AROUND_SLICES
        return np.asarray((across[:, None, None] & in_plane).ravel())

    def centre(self, weight: FloatArray, place: FloatArray) -> FloatArray:
        """Give the centre of a map around a place, in the same coordinates."""
        inside = self.near(place)
        local = weight[inside]
        if local.sum() <= 0:
            return place
        return np.asarray((self.position[inside] * local[:, None]).sum(axis=0) / local.sum())

    def to_patient(self, place: FloatArray) -> FloatArray:
        """Map (slice, row mm, column mm) to patient mm."""
        index = place / np.array([1.0, self._step[1], self._step[2]])
        return np.asarray(self._cells[:3, :3] @ index + self._cells[:3, 3])

    def peaks(self, weight: FloatArray, count: int) -> list[FloatArray]:
        """Find the highest places of a map, each apart from the others."""
        left = weight.copy()
        found = []
        for _ in range(count):
            top = int(left.argmax())
            if left[top] <= 0:
                break
            place = self.centre(left, self.position[top])
            found.append(place)
            left[self.near(place) | self.near(self.position[top])] = 0.0
        return found


def candidates(maps: Heatmaps) -> list[Candidate]:
    """List what looks like a foramen: peaks of each level's heatmap and of the any-foramen map."""
    return [one for side in SIDES for one in _of_side(maps, side)]


def _of_side(maps: Heatmaps, side: Side) -> list[Candidate]:
    columns = np.stack([maps.column(f"{state}-{side}") for state in STATES], axis=1)
    other = np.stack(
        [maps.column(f"{state}-{one}") for state in STATES for one in SIDES if one != side], axis=1
    )
    places: list[tuple[float, FloatArray]] = []
    for state in range(len(STATES)):
        for place in maps.peaks(columns[:, state], _PEAKS):
            mass = float(columns[maps.near(place), state].sum())
            if mass >= _LEAST_PEAK:
                places.append((mass, place))
    own = np.where(columns.sum(axis=1) >= other.sum(axis=1), maps.sure, 0.0)
    for place in maps.peaks(own, len(STATES) + 1):
        sure = float(own[maps.near(place)].max())
        if sure >= _LEAST_SURE:
            places.append((0.5 * sure, place))
    found: list[Candidate] = []
    kept: list[FloatArray] = []
    for _, place in sorted(places, key=lambda entry: -entry[0]):
        if any(_same(place, one) for one in kept) or len(kept) == _MOST:
            continue
        kept.append(place)
        near = maps.near(place)
        found.append(
            Candidate(
                side,
                maps.to_patient(place),
                np.minimum(columns[near].sum(axis=0), 1.0),
                float(maps.sure[near].max()),
            )
        )
    return found


def _same(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.hypot(*(one - other)[1:]) < _SAME_MM)


def place_of(maps: Heatmaps, name: str) -> tuple[FloatArray, float]:
    """Give a point's most likely place in patient mm, and the share of its map around it."""
    column = maps.column(name)
    [place] = maps.peaks(column, 1)
    return maps.to_patient(place), float(column[maps.near(place)].sum())


def presence_by_state(
    points: Iterable[str], probability: npt.NDArray[np.floating]
) -> dict[tuple[str, Side], float]:
    """Sort presence probabilities (point,) by level and side."""
    by_name = dict(zip(points, (float(value) for value in probability), strict=True))
    return {
        (state, side): by_name[f"{state}-{side}"]
        for state, side in itertools.product(STATES, SIDES)
    }
