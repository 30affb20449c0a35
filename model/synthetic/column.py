"""Solids given height by height: an ellipse in each axial plane. Most of the trunk is made of them.

Vessels, muscles, kidneys and the gut's straight parts run along the body, so a list of heights with
a centre and two half axes each says where they are; between the heights all is interpolated.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.canvas import Canvas, Window
from model.synthetic.noise import FloatGrid, Noise
from model.synthetic.tissue import Tissue


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """A solid by its axial ellipses.

    Attributes:
        knots: (n, 5), each row z, x, y, half x, half y in mm; z rising.
        turn_deg: rotation of the ellipses; positive turns the left end backwards.
    """

    knots: FloatArray
    turn_deg: float = 0.0

    @classmethod
    def of(cls, knots: Sequence[Sequence[float]] | FloatArray, turn_deg: float = 0.0) -> Self:
        """Sort knots by height."""
        array = np.asarray(knots, dtype=np.float64)
        return cls(array[np.argsort(array[:, 0], kind="stable")], turn_deg)

    @classmethod
    def ellipsoid(
        cls,
        centre_mm: Sequence[float] | FloatArray,
        half_mm: Sequence[float] | FloatArray,
        lean: tuple[float, float] = (0.0, 0.0),
        turn_deg: float = 0.0,
    ) -> Self:
        """Make an ellipsoid; `lean` moves its axis in x and y per mm of height."""
        share = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 13))
        width = np.sqrt(np.maximum(0.0, 1 - share**2))
        z = half_mm[2] * share
        return cls(
            np.stack(
                [
                    centre_mm[2] + z,
                    centre_mm[0] + lean[0] * z,
                    centre_mm[1] + lean[1] * z,
                    np.maximum(0.01, half_mm[0] * width),
                    np.maximum(0.01, half_mm[1] * width),
                ],
                axis=1,
            ),
            turn_deg,
        )

    def window(self, canvas: Canvas, margin_mm: float = 3.0) -> Window:
        """Cut the box of the canvas that holds the column."""
        z, x, y, half_x, half_y = self.knots.T
        if self.turn_deg:
            half_x = half_y = np.maximum(half_x, half_y)
        lower = (x - half_x).min() - margin_mm, (y - half_y).min() - margin_mm, z[0]
        upper = (x + half_x).max() + margin_mm, (y + half_y).max() + margin_mm, z[-1]
        return canvas.box(lower, upper)

    def distance(self, window: Window, rough: float = 0.0, key: int = 0) -> FloatGrid:
        """Give at each voxel the relative distance from the axis: 1 is the surface.

        Args:
            window: a box whose frame is the patient.
            rough: how far noise moves the surface, as a share of the radius.
            key: which noise.
        """
        if window.labels.size == 0:
            return np.zeros(window.labels.shape, dtype=np.float32)
        z = window.w[0, :, 0]
        knots = [np.interp(z, self.knots[:, 0], one) for one in self.knots.T[1:]]
        x, y, half_x, half_y = (one.astype(np.float32)[:, None] for one in knots)
        u, v = window.u[:, :1, :1] - x, window.v[:1, :1, :] - y
        turn = np.float32(np.deg2rad(self.turn_deg))
        # a u^2 + 2 b u v + c v^2 of the turned ellipse, as c (v + b/c u)^2 + (a - b^2/c) u^2
        a = (np.cos(turn) / half_x) ** 2 + (np.sin(turn) / half_y) ** 2
        b = np.cos(turn) * np.sin(turn) * (half_x**-2 - half_y**-2)
        c = (np.sin(turn) / half_x) ** 2 + (np.cos(turn) / half_y) ** 2
        distance = np.add(v, b / c * u) if self.turn_deg else np.repeat(v, len(u), axis=0)
        distance *= distance
        distance *= c
        distance += (a - b * b / c) * (u * u)
        np.sqrt(distance, out=distance)
        if rough:
            distance += np.float32(rough) * window.rough(Noise.COARSE_MM, key)
        return np.asarray(distance)

    def fill(
        self,
        canvas: Canvas,
        tissue: Tissue,
        over: Collection[Tissue] | None = None,
        rough: float = 0.0,
        key: int = 0,
    ) -> None:
        """Paint the column."""
        window = self.window(canvas)
        window.fill(self.distance(window, rough, key) < 1, tissue, over)


def wander(
    rng: np.random.Generator, count: int, size: float, stiffness: float = 2.0
) -> npt.NDArray[np.float64]:
    """Draw a smooth random course of `count` steps with about this standard deviation.

    `stiffness` is the length of its longest wave as a multiple of the course.
    """
    steps = np.arange(count)
    phases = rng.uniform(0, 2 * np.pi, 3)
    weights = rng.normal(0.0, 1.0, 3) / (1 + np.arange(3))
    waves = np.sin(
        2 * np.pi * np.outer(1 + np.arange(3), steps) / (stiffness * count) + phases[:, None]
    )
    return np.asarray(size * (weights @ waves))
