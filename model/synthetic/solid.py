"""Implicit solids: arrays that are negative inside and about the distance in mm near the surface.

Every solid is evaluated at the local coordinates of a window; unions are rounded, because bone has
no sharp inner corners.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.canvas import Canvas, Corner, Window
from model.synthetic.frame import Frame
from model.synthetic.noise import FloatGrid

FAR_MM = np.float32(50.0)


class Place(Protocol):
    """Local coordinates: a window, or a part of one."""

    @property
    def u(self) -> FloatGrid:
        """To the left, mm."""

    @property
    def v(self) -> FloatGrid:
        """To the back, mm."""

    @property
    def w(self) -> FloatGrid:
        """To the head, mm."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rod with elliptical section that may taper: pedicle, lamina, process, root.

    Attributes:
        start: (u, v, w) mm.
        end: (u, v, w) mm.
        upright: half size across, along `up`: at the start and at the end.
        broad: half size across the other way: at the start and at the end.
        up: direction (u, v, w) of `upright`; made perpendicular to the rod.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    upright: tuple[float, float]
    broad: tuple[float, float]
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)

    def box(self, margin_mm: float = 1.0) -> tuple[Corner, Corner]:
        """Give two corners of a box round the rod."""
        reach = max(*self.upright, *self.broad) + margin_mm
        ends = np.array([self.start, self.end])
        lower, upper = ends.min(axis=0) - reach, ends.max(axis=0) + reach
        return lower.tolist(), upper.tolist()

    def distance(self, place: Place) -> FloatGrid:
        """Evaluate at every voxel."""
        first = np.asarray(self.start)
        axis = np.asarray(self.end) - first
        length = float(np.linalg.norm(axis))
        axis = axis / length
        up = np.asarray(self.up) - axis * (np.asarray(self.up) @ axis)
        up = up / np.linalg.norm(up)
        side = np.cross(axis, up)
        along = _dot(place, axis, first)
        share = np.clip(along / np.float32(length), 0, 1)
        past = along - share * np.float32(length)
        high = self.upright[0] + np.float32(self.upright[1] - self.upright[0]) * share
        wide = self.broad[0] + np.float32(self.broad[1] - self.broad[0]) * share
        least = np.minimum(high, wide)
        radius = np.sqrt(
            (_dot(place, up, first) / high) ** 2
            + (_dot(place, side, first) / wide) ** 2
            + (past / least) ** 2
        )
        return np.asarray((radius - 1) * least)


def _dot(place: Place, axis: FloatArray, origin: FloatArray) -> FloatGrid:
    a, b, c = (np.float32(one) for one in axis)
    return np.asarray(place.u * a + place.v * b + place.w * c - np.float32(axis @ origin))


def plane(place: Place, point: npt.ArrayLike, normal: npt.ArrayLike) -> FloatGrid:
    """Give the signed distance from a plane, positive on the side of its unit normal."""
    return _dot(place, np.asarray(normal, dtype=np.float64), np.asarray(point, dtype=np.float64))


def ellipsoid(
    place: Place, centre: tuple[float, float, float], radii: tuple[float, float, float]
) -> FloatGrid:
    """Evaluate an ellipsoid whose axes are the frame's."""
    radius = np.sqrt(
        ((place.u - centre[0]) / radii[0]) ** 2
        + ((place.v - centre[1]) / radii[1]) ** 2
        + ((place.w - centre[2]) / radii[2]) ** 2
    )
    return np.asarray((radius - 1) * np.float32(min(radii)))


def unite(a: FloatGrid, b: FloatGrid, blend_mm: float) -> FloatGrid:
    """Join two solids with a rounded fillet (polynomial smooth minimum)."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    mix = np.maximum(np.float32(blend_mm) - np.abs(a - b), 0)
    return np.asarray(np.minimum(a, b) - mix * mix * np.float32(0.25 / blend_mm))


def intersect(a: FloatGrid, b: FloatGrid, blend_mm: float = 0.0) -> FloatGrid:
    """Keep what lies in both solids, edges rounded."""
    return np.asarray(-unite(-a, -b, blend_mm))


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A solid that grows part by part inside one window; each part is evaluated in its own box.

    Attributes:
        canvas: what it will be painted on.
        frame: of the part.
        window: the voxels it may reach.
        value: implicit value at them, float32, changed in place.
    """

    canvas: Canvas
    frame: Frame
    window: Window
    value: FloatGrid

    @classmethod
    def open(cls, canvas: Canvas, frame: Frame, lower_mm: Corner, upper_mm: Corner) -> "Field":
        """Start with nothing inside."""
        window = canvas.window(frame, lower_mm, upper_mm)
        return cls(canvas, frame, window, np.full(window.labels.shape, FAR_MM, dtype=np.float32))

    def part(self, lower_mm: Corner, upper_mm: Corner) -> tuple["Part", tuple[slice, ...]]:
        """See a smaller box, cut at the field's own; give its coordinates and its place."""
        inner = self.canvas.window(self.frame, lower_mm, upper_mm)
        cuts = []
        for begin, count, start, limit in zip(
            inner.start, inner.labels.shape, self.window.start, self.value.shape, strict=True
        ):
            first = min(max(begin - start, 0), limit)
            cuts.append(slice(first, max(first, min(begin - start + count, limit))))
        part = tuple(cuts)
        return Part(self.window.u[part], self.window.v[part], self.window.w[part]), part

    def add(self, bar: Bar, blend_mm: float = 1.5) -> None:
        """Join a rod to what is there."""
        place, part = self.part(*bar.box(blend_mm + 1.0))
        self.value[part] = unite(self.value[part], bar.distance(place), blend_mm)

    def join(self, part: tuple[slice, ...], solid: FloatGrid, blend_mm: float) -> None:
        """Join a solid that was evaluated on a part."""
        self.value[part] = unite(self.value[part], solid, blend_mm)

    def carve(self, part: tuple[slice, ...], solid: FloatGrid, blend_mm: float = 0.8) -> None:
        """Take a solid away."""
        self.value[part] = intersect(self.value[part], -solid, blend_mm)


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Local coordinates of a part of a field (see `Place`)."""

    u: FloatGrid
    v: FloatGrid
    w: FloatGrid
