"""Bowel: wandering loops with wall, content and gas, and the vessels of the mesentery between them.

The loops are random walks inside the cavity. Their distance field is made on a coarse grid and
brought to the canvas slice by slice, which is cheap and gives irregular, never repeating outlines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from model.affine import FloatArray
from model.synthetic import layers, strand
from model.synthetic.canvas import Canvas
from model.synthetic.column import wander
from model.synthetic.ladder import Ladder
from model.synthetic.layers import Surfaces
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_CELL_MM: Final = 3.6
_STEP_MM: Final = 5.0
_WALL_MM: Final = 2.2
_FAR_MM: Final = 20.0
_NO_GAS_MM: Final = -1e4


@dataclass(frozen=True, eq=False, slots=True)
class Loop:
    """A stretch of gut.

    Attributes:
        points_mm: (n, 3) its axis.
        radius_mm: (n,).
        gas_mm: gas stands in front of this y (the patient lies on the back).
    """

    points_mm: FloatArray
    radius_mm: FloatArray
    gas_mm: float


@dataclass(frozen=True, eq=False, slots=True)
class _Cavity:
    """Where loops may run: y between a front and a back that depend on height."""

    z_mm: FloatArray
    front_mm: FloatArray
    back_mm: FloatArray
    half_width_mm: float

    def held(self, point: FloatArray, radius: float) -> FloatArray:
        """Push a point back into the cavity."""
        z = float(np.clip(point[2], self.z_mm[0], self.z_mm[-1]))
        front = float(np.interp(z, self.z_mm, self.front_mm)) + radius + point[0] ** 2 / 420
        back = max(front + 1.0, float(np.interp(z, self.z_mm, self.back_mm)) - radius)
        x = float(np.clip(point[0], -self.half_width_mm, self.half_width_mm))
        return np.array([x, np.clip(point[1], front, back), z])


def paint(
    canvas: Canvas, ladder: Ladder, surfaces: Surfaces, traits: Traits, rng: np.random.Generator
) -> None:
    """Paint the gut into what is left of the visceral fat."""
    cavity = _cavity(canvas, ladder, surfaces)
    loops = [
        _rectum(ladder, rng),
        *_colon(ladder, cavity, traits, rng),
        *_small_bowel(ladder, cavity, traits, rng),
    ]
    _paint_loops(canvas, loops, surfaces, rng)
    _paint_mesentery(canvas, ladder, cavity, rng)


def _cavity(canvas: Canvas, ladder: Ladder, surfaces: Surfaces) -> _Cavity:
    z = canvas.axes_mm()[1][::-1].astype(np.float64)
    level = ladder.level_at(z)
    middle = canvas.labels.shape[0] // 2
    clear = np.interp(level, [-4.0, -1.0, 0.0, 1.0, 4.0, 7.0], [4.0, 6.0, 8.0, 20.0, 26.0, 34.0])
    keep = (level < 6.5) & (level > -5.0)
    front = surfaces.cavity_front[middle, ::-1].astype(np.float64)
    back = ladder.front_at(z) - clear
    return _Cavity(z[keep], front[keep], back[keep], 108.0)


def _walk(
    cavity: _Cavity, start: FloatArray, count: int, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Walk with slowly turning direction; the walls of the cavity push back."""
    direction = rng.normal(size=3)
    point = start
    points = []
    for turn in rng.normal(0.0, 0.55, (count, 3)):
        direction = direction + turn
        direction /= np.linalg.norm(direction)
        wanted = point + _STEP_MM * direction
        point = cavity.held(wanted, radius)
        direction = np.where(np.abs(point - wanted) > 1e-6, -0.4 * direction, direction)
        points.append(point)
    return np.array(points)


def _small_bowel(
    ladder: Ladder, cavity: _Cavity, traits: Traits, rng: np.random.Generator
) -> Iterator[Loop]:
    """Give loops between the heights of L1 and the small pelvis; a fat mesentery spreads them."""
    crowd = rng.uniform(0.5, 1.5) * ((60 + traits.trunk_depth_mm) / 145)
    for _ in range(int(52 * crowd)):
        radius = rng.uniform(5.0, 13.0)
        z = ladder.height(rng.uniform(-4.0, 4.6))
        y = np.interp(z, cavity.z_mm, cavity.front_mm) + rng.beta(1.3, 1.5) * 110
        start = cavity.held(np.array([rng.uniform(-80, 80), y, z]), radius)
        points = _walk(cavity, start, int(rng.integers(10, 34)), radius, rng)
        radii = radius * np.clip(1 + wander(rng, len(points), 0.22), 0.45, 1.6)
        gas = float(points[:, 1].mean() - rng.uniform(-2, 6)) if rng.random() < 0.2 else _NO_GAS_MM
        yield Loop(points, radii, gas)


def _colon(
    ladder: Ladder, cavity: _Cavity, traits: Traits, rng: np.random.Generator
) -> Iterator[Loop]:
    """Give ascending, descending and transverse colon, with their haustra."""
    gas = rng.random()
    front = float(np.interp(ladder.height(3.0), cavity.z_mm, cavity.front_mm))
    courses = (
        (np.linspace(-0.5, 4.0, 34), np.full(34, -98.0), np.full(34, 55.0)),
        (np.linspace(0.0, 5.5, 40), np.full(40, 104.0), np.full(40, 70.0)),
        (3.6 - 1.3 * np.sin(np.linspace(0, np.pi, 36)) * rng.random() + np.zeros(36),
         np.linspace(-90, 90, 36), np.full(36, 26.0)),
    )  # fmt: skip
    for level, x, behind in courses:
        points = np.stack([x, front + behind, ladder.height(level)], axis=1)
        points += np.stack([wander(rng, len(x), 5.0) for _ in range(3)], axis=1)
        radius = rng.uniform(13, 22)
        points = np.array([cavity.held(one, radius) for one in points])
        haustra = 1 + 0.16 * np.sin(np.cumsum(rng.uniform(0.2, 2.2, len(x))))
        level_mm = float(np.median(points[:, 1])) - rng.uniform(-0.6, 0.9) * radius
        yield Loop(points, radius * haustra, level_mm if gas > 0.5 else _NO_GAS_MM)


def _rectum(ladder: Ladder, rng: np.random.Generator) -> Loop:
    """Give rectum and sigmoid: along the sacrum's hollow, then to the left and forward."""
    count = 34
    share = np.linspace(0, 1, count)
    z = ladder.height(np.interp(share, [0, 0.55, 1], [-5.2, -1.6, -0.3 + rng.normal(0, 0.4)]))
    radius = rng.uniform(10, 19)
    hollow = ladder.front_at(np.maximum(z, ladder.height(-3.6)))
    y = hollow - radius - rng.uniform(6, 14) - 45 * np.clip(share - 0.6, 0, 1)
    x = 60 * np.clip(share - 0.5, 0, 1) + wander(rng, count, 6.0)
    points = np.stack([x, y + wander(rng, count, 3.0), z], axis=1)
    gas = float(y.mean() - rng.uniform(-6, 10)) if rng.random() < 0.5 else _NO_GAS_MM
    return Loop(points, radius * (1 + wander(rng, count, 0.12)), gas)


def _paint_loops(
    canvas: Canvas, loops: list[Loop], surfaces: Surfaces, rng: np.random.Generator
) -> None:
    x, z, y = canvas.axes_mm()
    last = int(layers.columns(canvas, surfaces.cavity_back).max())
    first = min(int(layers.columns(canvas, surfaces.cavity_front).min()), last - 2)
    y = y[first:last]
    axes = [np.arange(line.min(), line.max() + 2 * _CELL_MM, _CELL_MM) for line in (x, z, y)]
    shape = tuple(len(one) for one in axes)
    distance, gas = _field(axes, loops, _bumps(shape, rng), 0.8 * _bumps(shape, rng))
    rows, columns = _weights(z, axes[1]), _weights(y, axes[2])
    across = _weights(x, axes[0])
    for index, weight in enumerate(across):
        low = int(np.flatnonzero(weight)[0])
        pair = distance[low : low + 2]
        coarse = np.tensordot(weight[low : low + len(pair)], pair, axes=1)
        fine = rows @ coarse @ columns.T
        part = canvas.labels[index, :, first:last]
        free = part == Tissue.VISCERAL_FAT
        part[free & (fine < 0)] = Tissue.BOWEL_WALL
        hollow = free & (fine < -_WALL_MM)
        part[hollow] = Tissue.BOWEL_CONTENT
        airy = rows @ np.tensordot(weight[low : low + len(pair)], gas[low : low + 2], axes=1)
        part[hollow & (airy @ columns.T < 0)] = Tissue.BOWEL_GAS


def _bumps(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw what makes a gut's outline irregular, mm: folds over a broader unevenness."""
    fine = rng.standard_normal(shape, dtype=np.float32)
    broad = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 1.6, truncate=2.5)
    return np.asarray(0.8 * fine + 2.6 * broad / broad.std(), dtype=np.float32)


def _field(
    axes: list[npt.NDArray[np.float64]],
    loops: list[Loop],
    bumps: npt.NDArray[np.float32],
    waves: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Stamp all loops into a signed distance field, and their gas into a second one.

    `bumps` (mm) move the gut's outline, `waves` the level of its fluid, which wets the wall.
    """
    shape = tuple(len(one) for one in axes)
    distance = np.full(shape, _FAR_MM, dtype=np.float32)
    gas = np.full(shape, _FAR_MM, dtype=np.float32)
    for loop in loops:
        for (px, py, pz), radius in zip(loop.points_mm, loop.radius_mm, strict=True):
            reach = radius + 1.5 * _CELL_MM
            part = tuple(
                slice(*np.searchsorted(axis, (centre - reach, centre + reach)))
                for axis, centre in zip(axes, (px, pz, py), strict=True)
            )
            dx, dz, dy = (
                (axis[one] - centre) ** 2
                for axis, one, centre in zip(axes, part, (px, pz, py), strict=True)
            )
            here = np.sqrt(dx[:, None, None] + dz[None, :, None] + dy[None, None, :]) - radius
            here += bumps[part]
            np.minimum(distance[part], here, out=distance[part])
            if loop.gas_mm > _NO_GAS_MM:
                ahead = axes[2][part[2]][None, None, :] - loop.gas_mm + waves[part]
                np.minimum(gas[part], np.maximum(here + _WALL_MM, ahead), out=gas[part])
    return distance, gas


def _weights(
    fine: npt.NDArray[np.float32], coarse: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Give the matrix (fine, coarse) of linear interpolation on an even grid."""
    place = (fine - coarse[0]) / (coarse[1] - coarse[0])
    return np.asarray(
        np.clip(1 - np.abs(place[:, None] - np.arange(len(coarse))[None, :]), 0, 1),
        dtype=np.float32,
    )


def _paint_mesentery(
    canvas: Canvas, ladder: Ladder, cavity: _Cavity, rng: np.random.Generator
) -> None:
    """Paint thin vessels and nodes into the fat, mostly running down and forward."""
    for _ in range(240):
        z = float(ladder.height(rng.uniform(-3.0, 5.0)))
        y = float(np.interp(z, cavity.z_mm, cavity.back_mm)) + rng.uniform(-90, 6)
        heading = rng.normal((0.0, -0.6, -1.0), 1.0)
        line = strand.course((rng.uniform(-75, 75), y, z), heading, rng.uniform(4, 50), 3.5, rng)
        radius_mm = rng.uniform(0.7, 1.9)
        strand.paint(canvas, line, radius_mm, Tissue.VESSEL, Tissue.VISCERAL_FAT)
