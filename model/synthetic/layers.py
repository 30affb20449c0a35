"""The trunk as layers from front to back: skin, fat, wall, cavity, muscle, fascia, fat, skin.

Each border is a height field y(x, z); one pass over the canvas fills between them, so that no voxel
between the two skins stays without a tissue.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model.synthetic.canvas import Canvas
from model.synthetic.tissue import Tissue

Sheet = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False, slots=True)
class Surfaces:
    """Borders of the trunk's layers: y in mm, each (slice, row).

    Attributes:
        skin_front: outside of the belly.
        wall_front: front of the abdominal wall.
        cavity_front: back of the abdominal wall.
        cavity_back: front of the back muscles (plane of the transverse processes).
        fascia: front of the lumbodorsal fascia.
        fat_back: behind the fascia.
        skin_back: outside of the back.
    """

    skin_front: Sheet
    wall_front: Sheet
    cavity_front: Sheet
    cavity_back: Sheet
    fascia: Sheet
    fat_back: Sheet
    skin_back: Sheet


def smooth_sheet(rng: np.random.Generator, shape: tuple[int, ...], knots: tuple[int, int]) -> Sheet:
    """Draw a smooth field of about unit variance over (slice, row) from a few knots."""
    coarse = rng.standard_normal((knots[0] + 3, knots[1] + 3), dtype=np.float32)
    across, along = (_blend(count, knot) for count, knot in zip(shape, knots, strict=True))
    return np.asarray(2.2 * (across @ coarse @ along.T), dtype=np.float32)


@functools.cache
def _blend(count: int, knots: int) -> Sheet:
    """Give Gaussian weights (count, knots + 3) that spread knots over an axis."""
    place = np.linspace(1, knots + 1, count)[:, None] - np.arange(knots + 3)[None, :]
    weight = np.exp(-0.5 * (place / 0.6) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


def columns(canvas: Canvas, y_mm: Sheet) -> npt.NDArray[np.intp]:
    """Give the first column at or behind y, 0 ... number of columns."""
    y = canvas.axes_mm()[2]
    index = np.ceil((y_mm - y[0]) / (y[1] - y[0]))
    return np.asarray(np.clip(index, 0, len(y)), dtype=np.intp)


def fill(canvas: Canvas, borders: Sequence[Sheet], tissues: Sequence[npt.ArrayLike]) -> None:
    """Fill a whole canvas between borders.

    Args:
        canvas: all its labels are overwritten.
        borders: n fields y(slice, row), mm, front to back; one in front of an earlier one is moved
            back to it.
        tissues: n - 1 tissues between them, each one value or a (slice, row) field; outside is AIR.
    """
    slices, rows, count = canvas.labels.shape
    step = np.zeros((slices, rows, count + 1), dtype=np.uint8)
    i, j = np.ogrid[:slices, :rows]
    before = np.zeros((1, 1), dtype=np.uint8)
    last = np.zeros((slices, rows), dtype=np.intp)
    for border, tissue in zip(borders, [*tissues, Tissue.AIR], strict=True):
        value = np.atleast_2d(np.asarray(tissue, dtype=np.uint8))
        last = np.maximum(last, columns(canvas, border))
        step[i, j, last] += value - before  # wraps round at 256, and back again in the sum
        before = value
    np.cumsum(step[:, :, :count], axis=2, dtype=np.uint8, out=canvas.labels)


def lay(
    canvas: Canvas,
    y_mm: Sheet,
    where: npt.NDArray[np.bool_],
    *,
    tissue: Tissue,
    over: Tissue,
    thickness: int = 1,
) -> None:
    """Lay a thin sheet at y(slice, row) where a mask holds, only over one tissue.

    Args:
        thickness: in voxels.
    """
    count = canvas.labels.shape[2]
    i, j = np.nonzero(where)
    first = columns(canvas, y_mm)[i, j]
    for offset in range(thickness):
        k = np.clip(first + offset, 0, count - 1)
        hit = canvas.labels[i, j, k] == over
        canvas.labels[i[hit], j[hit], k[hit]] = tissue
