"""Look tissues up at the sub-samples of a stack, through one coordinate map.

A plane wave over an evenly spaced grid is separable in its indices, and so is an affine map:
together they are one matrix product per slice, exact at every pixel, with nothing interpolated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.synthetic.deformation import Deformation
from model.synthetic.labelmap import LabelMap

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class _Route:
    """From indices of the scan to fractional indices of the label map.

    Attributes:
        linear: (3, 4), indices (slice, row, column, 1) of the scan to indices of the map.
        waves: (n, 3), radian per index of the scan.
        phases: (n,), at index (0, 0, 0).
        amplitudes: (n, 3), indices of the map.
    """

    linear: FloatArray
    waves: FloatArray
    phases: FloatArray
    amplitudes: FloatArray


def gather(
    label_map: LabelMap,
    deformation: Deformation,
    *,
    affine: FloatArray,
    shape: tuple[int, int, int],
    offsets: FloatArray,
    table: Floats,
) -> Floats:
    """Average the rows of a table over the sub-samples of every pixel.

    Args:
        label_map: of the subject. Beyond its border the outermost voxels go on.
        deformation: from scan to subject.
        affine: (4, 4), of the scan's stack.
        shape: (slices, rows, columns) of the scan.
        offsets: (n, 3), sub-samples of a pixel in units of slice, row and column distance.
        table: (256, columns), for every label.

    Returns:
        float32 (slices, rows, columns, columns of the table).
    """
    route = _route(label_map, deformation, affine)
    right = _right(route, shape[2])
    flat = label_map.labels.reshape(-1)
    result = np.zeros((*shape, table.shape[1]), dtype=np.float32)
    share = (table / len(offsets)).astype(np.float32)
    looked_up = np.empty((shape[1] * shape[2], table.shape[1]), dtype=np.float32)
    for number in range(shape[0]):
        plane = result[number].reshape(-1, table.shape[1])
        for offset in offsets:
            left = _left(route, number + offset[0], np.arange(shape[1]) + offset[1], offset[2])
            place = _flat_index((left @ right).reshape(3, -1), label_map.labels.shape)
            np.take(share, flat[place], axis=0, out=looked_up, mode="clip")
            plane += looked_up
    return result


def centres(
    label_map: LabelMap,
    deformation: Deformation,
    *,
    affine: FloatArray,
    shape: tuple[int, int, int],
) -> Iterator[Floats]:
    """Yield slice by slice where the centres of the pixels lie in the label map.

    Each is float32 (3, rows * columns): fractional indices, which may lie outside the map.
    """
    route = _route(label_map, deformation, affine)
    right = _right(route, shape[2])
    for number in range(shape[0]):
        yield (_left(route, number, np.arange(shape[1], dtype=np.float64), 0.0) @ right).reshape(
            3, -1
        )


def _route(label_map: LabelMap, deformation: Deformation, affine: FloatArray) -> _Route:
    to_map = np.linalg.inv(label_map.affine)
    moved = np.eye(4)
    moved[:3, :3] = deformation.matrix
    moved[:3, 3] = deformation.centre_mm - deformation.matrix @ deformation.centre_mm
    return _Route(
        linear=(to_map @ moved @ affine)[:3],
        waves=deformation.waves @ affine[:3, :3],
        phases=deformation.phases + deformation.waves @ affine[:3, 3],
        amplitudes=deformation.amplitudes_mm @ to_map[:3, :3].T,
    )


def _right(route: _Route, columns: int) -> Floats:
    """Give what depends on the column: (2 n + 2, columns)."""
    index = np.arange(columns)
    angle = route.waves[:, 2, None] * index
    parts = [np.cos(angle), np.sin(angle), np.ones((1, columns)), index[None, :]]
    return np.concatenate(parts).astype(np.float32)


def _left(route: _Route, number: float, rows: FloatArray, column_offset: float) -> Floats:
    """Give what depends on slice, row and sub-sample: (3 rows, 2 n + 2).

    sin(a + b) = sin(a) cos(b) + cos(a) sin(b), with b the angle of the column.
    """
    start = route.phases + route.waves[:, 0] * number + route.waves[:, 2] * column_offset
    angle = start + np.outer(rows, route.waves[:, 1])
    waved = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    result = np.empty((3, len(rows), 2 * len(route.phases) + 2), dtype=np.float32)
    for axis in range(3):
        along = route.linear[axis]
        result[axis, :, :-2] = waved * np.tile(route.amplitudes[:, axis], 2)
        result[axis, :, -2] = along @ [number, 0, column_offset, 1] + along[1] * rows
        result[axis, :, -1] = along[2]
    return result.reshape(-1, result.shape[-1])


def _flat_index(place: Floats, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
    """Turn fractional indices (3, n) into those of the nearest voxel in the flat map."""
    place += np.float32(0.5)
    for axis, count in enumerate(shape):
        np.clip(place[axis], 0, count - 0.5, out=place[axis])
    index = place.astype(np.int32)
    flat = index[0] * np.int32(shape[1])
    flat += index[1]
    flat *= np.int32(shape[2])
    flat += index[2]
    return np.asarray(flat)
