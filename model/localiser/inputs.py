"""What the networks see of a series; the same code when training and when serving."""

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.labels import Side
from model.localiser.spec import FineSpec
from model.preprocess import Prepared, orient

Pixels = npt.NDArray[np.float32]

_CLIP_PERCENT = (0.5, 99.5)
_CLIP_SD = 5.0


def whole(pixels: Pixels, affine: FloatArray, pixel_mm: float, multiple: int) -> Prepared:
    """Give the whole series at low resolution, standardised, padded with zeros.

    Args:
        pixels: (slice, row, column), slices from the patient's right to the left.
        affine: 4x4, indices to mm.
        pixel_mm: of rows and columns; slices stay.
        multiple: rows and columns become multiples of it; the padding lies below and behind.

    Returns:
        float32 (slice, row, column) running right to left, head to feet, front to back.
    """
    prepared = orient(Prepared(pixels, affine))
    coarse = _resampled(prepared, pixel_mm)
    values = standardise(coarse.pixels)
    rest = [-size % multiple for size in values.shape[1:]]
    padded = np.pad(values, ((0, 0), (0, rest[0]), (0, rest[1])))
    return Prepared(padded, coarse.affine)


def crop(prepared: Prepared, point_mm: FloatArray, side: Side, spec: FineSpec) -> Prepared:
    """Cut what the fine network sees around a point; a right one is mirrored.

    Args:
        prepared: an oriented series at its own resolution.
        point_mm: (3,), the supposed centre.
        side: which side it is of.
        spec: the crop.

    Returns:
        float32 `spec.shape`, standardised within the crop; outside the series stands zero. Its
        affine leads back to mm, also through the mirror.
    """
    middle = prepared.to_index(point_mm)[0]
    slices, rows, columns = spec.shape
    first = round(middle[0]) - slices // 2
    weights, affine = [], prepared.affine.copy()
    seen_from: list[slice] = []
    for axis, size in ((1, rows), (2, columns)):
        old_mm = float(np.linalg.norm(affine[:3, axis]))
        start = middle[axis] - (size - 1) / 2 * spec.pixel_mm / old_mm
        at = start + np.arange(size) * spec.pixel_mm / old_mm
        weight = _weights(at, prepared.pixels.shape[axis], spec.pixel_mm / old_mm)
        used = np.flatnonzero(weight.any(axis=0))
        part = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
        weights.append(weight[:, part])
        seen_from.append(part)
        affine[:3, 3] += affine[:3, axis] * start
        affine[:3, axis] *= spec.pixel_mm / old_mm
    affine[:3, 3] += prepared.affine[:3, 0] * first
    inside = [index for index in range(first, first + slices) if 0 <= index < len(prepared.pixels)]
    values = np.zeros(spec.shape, np.float32)
    if inside:
        near = prepared.pixels[inside[0] : inside[-1] + 1, seen_from[0], seen_from[1]]
        seen = weights[0] @ near @ weights[1].T
        values[np.array(inside) - first] = standardise(seen)
    if side == "right":
        values = values[::-1]
        affine[:3, 3] += (slices - 1) * affine[:3, 0]
        affine[:3, 0] *= -1
    return Prepared(np.ascontiguousarray(values), affine)


def standardise(pixels: npt.NDArray[np.floating]) -> Pixels:
    """Clip to the 0.5th and 99.5th percentile, then give zero mean and unit deviation."""
    finite = np.nan_to_num(pixels, posinf=0.0, neginf=0.0).astype(np.float32)
    low, high = np.percentile(finite, _CLIP_PERCENT)
    clipped = np.clip(finite, low, high)
    deviation = float(clipped.std())
    if deviation <= 1e-6 * max(abs(float(clipped.mean())), 1e-12):
        return np.zeros(pixels.shape, np.float32)
    standard = (clipped - clipped.mean()) / deviation
    return np.asarray(np.clip(standard, -_CLIP_SD, _CLIP_SD), np.float32)


def _resampled(prepared: Prepared, pixel_mm: float) -> Prepared:
    affine, weights = prepared.affine.copy(), []
    for axis in (1, 2):
        old_mm = float(np.linalg.norm(affine[:3, axis]))
        size = prepared.pixels.shape[axis]
        new_size = max(round(size * old_mm / pixel_mm), 1)
        at = (np.arange(new_size) + 0.5) * pixel_mm / old_mm - 0.5
        weights.append(_weights(at, size, pixel_mm / old_mm))
        affine[:3, 3] += affine[:3, axis] * at[0]
        affine[:3, axis] *= pixel_mm / old_mm
    pixels = np.einsum("rh,shw,cw->src", weights[0], prepared.pixels, weights[1], optimize=True)
    return Prepared(pixels.astype(np.float32), affine)


def _weights(at: FloatArray, size: int, ratio: float) -> Pixels:
    """Weigh old pixels for new ones at fractional indices: (new, old).

    A triangle as wide as the larger of both pixels: linear interpolation where the new are
    smaller, and no aliasing where they are larger. A new pixel outside sees nothing.
    """
    width = max(ratio, 1.0)
    weight = np.clip(1.0 - np.abs(at[:, None] - np.arange(size)[None]) / width, 0.0, None)
    total = weight.sum(axis=1, keepdims=True)
    outside = (at < -0.5) | (at > size - 0.5)
    weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    weight[outside] = 0.0
    return np.asarray(weight, np.float32)
