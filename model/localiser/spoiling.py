"""Volumes in which levels cannot be counted, to learn that they cannot; numpy alone.

Every drawn scan shows the sacrum, the right way up, in its true size. A network that saw nothing
else would find a sacrum anywhere.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray, to_index

Image = tuple[npt.NDArray[np.float32], FloatArray]
"""Pixels (slice, row, column), and 4x4 affine from indices to mm."""

_LEAST_LEFT: Final = 0.4  # of the height that a cut leaves
_MOST_LEFT: Final = 0.85
_SMALLER: Final = (0.45, 0.65)  # what the pixel spacing says, of the truth
_LARGER: Final = (1.5, 1.9)
_FIELD_MM: Final = (120.0, 520.0)  # beyond, no network is asked


def cut(image: Image, rng: np.random.Generator) -> Image:
    """Leave out rows at one end, mostly the lower one: a field of view around the upper spine."""
    pixels, affine = image
    height = pixels.shape[1]
    left = max(round(height * rng.uniform(_LEAST_LEFT, _MOST_LEFT)), 1)
    downwards = affine[2, 1] < 0
    keep_first_rows = downwards == (rng.random() < 0.75)
    first = 0 if keep_first_rows else height - left
    moved = affine.copy()
    moved[:3, 3] += affine[:3, 1] * first
    return np.ascontiguousarray(pixels[:, first : first + left]), moved


def above(image: Image, point_mm: FloatArray) -> Image:
    """Leave out what lies below a point: whoever sees the rest cannot count from the sacrum."""
    pixels, affine = image
    row = to_index(affine, point_mm)[0][1]
    height = pixels.shape[1]
    if affine[2, 1] < 0:  # rows run towards the feet
        return np.ascontiguousarray(pixels[:, : int(np.clip(row, 1, height))]), affine
    first = int(np.clip(row, 0, height - 1))
    moved = affine.copy()
    moved[:3, 3] += affine[:3, 1] * first
    return np.ascontiguousarray(pixels[:, first:]), moved


def spoil(image: Image, rng: np.random.Generator) -> Image:
    """Give what no honest answer exists for: turned, of a wrong size, or no anatomy at all."""
    pixels, affine = image
    kind = int(rng.integers(6))
    if kind == 0:
        return np.ascontiguousarray(pixels[:, ::-1]), affine  # feet first, though the header is not
    if kind == 1:
        return np.ascontiguousarray(pixels[:, :, ::-1]), affine
    if kind == 2:
        return np.ascontiguousarray(pixels[:, ::-1, ::-1]), affine
    if kind == 3:
        return np.ascontiguousarray(pixels.transpose(0, 2, 1)), affine
    if kind == 4:
        return pixels, _resized(pixels, affine, rng)
    return _noise(pixels, rng), affine


def _resized(
    pixels: npt.NDArray[np.float32], affine: FloatArray, rng: np.random.Generator
) -> FloatArray:
    sides_mm = np.array(pixels.shape[1:]) * np.linalg.norm(affine[:3, 1:3], axis=0)
    larger = rng.random() < 0.5 and sides_mm.max() * _LARGER[0] < _FIELD_MM[1]
    low, high = _LARGER if larger else _SMALLER
    high = min(high, _FIELD_MM[1] / sides_mm.max()) if larger else high
    changed = affine.copy()
    changed[:3, 1:3] *= rng.uniform(low, high)
    return changed


def _noise(pixels: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Give noise of any coarseness with the brightness of the image."""
    from scipy import ndimage

    noise = rng.standard_normal(pixels.shape).astype(np.float32)
    width = float(rng.choice([0.0, 2.0, 6.0, 15.0]))
    noise = ndimage.gaussian_filter(noise, (min(width, 1.0), width, width))
    return np.asarray(
        pixels.mean() + pixels.std() * noise / max(float(noise.std()), 1e-6), np.float32
    )
