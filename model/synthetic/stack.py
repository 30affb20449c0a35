"""Where a slice takes its signal from: the profile of the slice and the area of the pixel.

Partial volume is the mean over sub-samples. Each sub-slice is shifted by another part of a pixel,
so that few of them smooth edges in the plane as well as through it.
"""

import numpy as np

from model.affine import FloatArray


def offsets(count: int, thickness_mm: float, distance_mm: float) -> FloatArray:
    """Place sub-samples of equal weight around the centre of a pixel.

    Through the slice they lie at quantiles of a box with soft edges whose full width at half
    maximum is the thickness; in the plane along a low-discrepancy sequence over the
    pixel. Their mean is the centre, so that nothing is displaced.

    Args:
        count: how many.
        thickness_mm: SliceThickness.
        distance_mm: between slice centres.

    Returns:
        (count, 3) in units of slice, row and column distance.
    """
    even = (np.arange(count) + 0.5) / count - 0.5
    tails = 0.15 * np.sign(even) * np.maximum(np.abs(even) - 0.3, 0.0)
    through = (even + tails) * thickness_mm / distance_mm
    step = np.arange(count)
    rows = (step * 0.7548776662466927) % 1  # additive recurrence of the plastic number
    columns = (step * 0.5698402909980532) % 1
    plane = np.stack([rows, columns], axis=1)
    plane = (plane - plane.mean(axis=0)) * (1 - 1 / (count + 1))
    return np.column_stack([through, plane])


def affine(
    centre_mm: FloatArray,
    turn: FloatArray,
    shape: tuple[int, int, int],
    distances_mm: tuple[float, float, float],
) -> FloatArray:
    """Place a sagittal stack: slices right to left, rows head to feet, columns front to back.

    Args:
        centre_mm: (3,), middle of the stack, LPS.
        turn: (3, 3), rotation from the exact sagittal plane.
        shape: (slices, rows, columns).
        distances_mm: between slices, rows and columns.

    Returns:
        (4, 4), maps (slice, row, column, 1) to LPS mm; right-handed.
    """
    straight = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    result = np.eye(4)
    result[:3, :3] = turn @ straight * np.asarray(distances_mm)
    result[:3, 3] = centre_mm - result[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    return result
