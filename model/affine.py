"""Affine maps between the indices of an array and the patient."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def to_patient(affine: FloatArray, index: npt.ArrayLike) -> FloatArray:
    """Map (n, 3) indices (slice, row, column) by a 4x4 affine to (n, 3) mm."""
    array = np.asarray(index, dtype=np.float64).reshape(-1, 3)
    return np.asarray(array @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def to_index(affine: FloatArray, points_mm: npt.ArrayLike) -> FloatArray:
    """Map (n, 3) mm to the (n, 3) fractional indices that a 4x4 affine maps there."""
    return to_patient(np.asarray(np.linalg.inv(affine), dtype=np.float64), points_mm)


def spacing_mm(affine: FloatArray) -> tuple[float, float, float]:
    """Give the distance between slice, row and column centres, mm."""
    slice_mm, row_mm, column_mm = np.linalg.norm(affine[:3, :3], axis=0)
    return float(slice_mm), float(row_mm), float(column_mm)
