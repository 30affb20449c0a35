"""Thin strands of a few voxels: small vessels in fat, in the liver, in the mesentery."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.canvas import Canvas
from model.synthetic.column import wander
from model.synthetic.tissue import Tissue

_STEP_MM = 0.8


def course(
    start_mm: npt.ArrayLike, heading: npt.ArrayLike, length_mm: float, sway_mm: float,
    rng: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Draw a swaying line from a point; gives (n, 3) mm."""
    direction = np.asarray(heading, dtype=np.float64)
    direction = direction / np.linalg.norm(direction)
    along = np.arange(0.0, max(length_mm, 2 * _STEP_MM), _STEP_MM)
    sway = np.stack([wander(rng, len(along), sway_mm) for _ in range(3)], axis=1)
    return np.asarray(np.asarray(start_mm) + along[:, None] * direction + sway)


def paint(
    canvas: Canvas, points_mm: FloatArray, radius_mm: float, tissue: Tissue, over: Tissue
) -> None:
    """Put a ball at every point, only over one tissue; what lies outside the canvas is left out."""
    x, z, y = canvas.axes_mm()
    steps = [float(line[1] - line[0]) for line in (x, z, y)]
    index = [
        np.rint((points_mm[:, axis] - line[0]) / step).astype(np.intp)
        for axis, line, step in zip((0, 2, 1), (x, z, y), steps, strict=True)
    ]
    ball = _ball([abs(radius_mm / step) for step in steps])
    places = (np.stack(index, axis=1)[:, None, :] + ball[None]).reshape(-1, 3)
    inside = np.all((places >= 0) & (places < canvas.labels.shape), axis=1)
    i, j, k = places[inside].T
    free = canvas.labels[i, j, k] == over
    canvas.labels[i[free], j[free], k[free]] = tissue


def _ball(radius: Sequence[float]) -> npt.NDArray[np.intp]:
    """Give the offsets (n, 3) of the voxels of an ellipsoid."""
    reach = [int(np.ceil(one)) for one in radius]
    cube = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1)
    offsets = cube.reshape(-1, 3)
    return np.asarray(offsets[((offsets / np.asarray(radius)) ** 2).sum(axis=1) <= 1])
