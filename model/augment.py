"""Augmentation of training inputs (thesis section 7.2); each step can be switched off.

Deformation, rotation about the x axis and the random patch become one in-plane map that is
interpolated once, so that nothing is blurred twice.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Pixels = npt.NDArray[np.float32]

_THESIS_SPACING_MM: Final = 0.7
_THESIS_PATCH: Final = 481


@dataclass(frozen=True, slots=True)
class AugmentSpec:
    """Which augmentations run, and how strong.

    The defaults are meant for the thesis's patch of 481 pixels of 0.7 mm; `fitted` gives the same
    deformation in mm for another one.

    Attributes:
        deformation_sd: standard deviation of the random nonlinear displacement, pixels; 0 is off.
        deformation_knots: control points of the displacement along each side of the patch.
        rotation_deg: greatest angle about the x axis, both ways; 0 is off.
        noise_sd: standard deviation of the added noise; N(0, 0.25) in the thesis; 0 is off.
        random_patch: place the patch at random instead of in the middle of the slice.
    """

    deformation_sd: float = 4.0
    deformation_knots: int = 6
    rotation_deg: float = 45.0
    noise_sd: float = 0.25
    random_patch: bool = True

    def fitted(self, patch_size: int, spacing_mm: float) -> Self:
        """Give the same deformation in mm for another patch and pixel size; at least 2 knots."""
        scale = spacing_mm / _THESIS_SPACING_MM
        knots = round(self.deformation_knots * scale * patch_size / _THESIS_PATCH)
        return dataclasses.replace(
            self, deformation_sd=self.deformation_sd / scale, deformation_knots=max(knots, 2)
        )


OFF: Final = AugmentSpec(deformation_sd=0, rotation_deg=0, noise_sd=0, random_patch=False)
"""Nothing but the patch in the middle of the slice."""


def augment(
    rng: np.random.Generator, image: Pixels, target: Pixels, size: int, spec: AugmentSpec
) -> tuple[Pixels, Pixels]:
    """Cut one augmented patch.

    Args:
        rng: drawn from in a fixed order, so that one seed gives one patch.
        image: (slices, rows, columns).
        target: (rows, columns, channels) of the middle slice.
        size: rows and columns of the patch.
        spec: what to do.

    Returns:
        the image (slices, size, size) and the target (size, size, channels). Outside the image
        stands 0, the mean of a standardised volume.
    """
    position = _positions(rng, image.shape[1:], size, spec)
    window = _reached(position, image.shape[1:])
    image, target = image[:, *window], target[window]
    position -= np.array([[[axis.start]] for axis in window], np.float32)
    labelled = np.flatnonzero(target.any(axis=(0, 1)))
    sampled = _sample([*image, *(target[..., channel] for channel in labelled)], position)
    patch = sampled[: len(image)]
    labels = np.zeros((size, size, target.shape[-1]), np.float32)
    labels[..., labelled] = np.moveaxis(sampled[len(image) :], 0, -1)
    if spec.noise_sd > 0:
        noise = rng.standard_normal(patch.shape, dtype=np.float32)
        patch += np.float32(spec.noise_sd) * noise
    return patch, labels


def _positions(
    rng: np.random.Generator, shape: tuple[int, ...], size: int, spec: AugmentSpec
) -> Pixels:
    """Give for each pixel of the patch its place (row, column) in the slice: (2, size, size)."""
    offset = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    down, along = offset[:, None], offset[None, :]
    angle = 0.0
    if spec.rotation_deg > 0:
        angle = np.deg2rad(rng.uniform(-spec.rotation_deg, spec.rotation_deg))
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    grid = np.stack([cosine * down - sine * along, sine * down + cosine * along])
    if spec.deformation_sd > 0:
        grid += _displacement(rng, size, spec)
    for axis, length in enumerate(shape):
        slack = (length - size) / 2
        shift = rng.uniform(-abs(slack), abs(slack)) if spec.random_patch else 0.0
        grid[axis] += np.float32((length - 1) / 2 + shift)
    return grid


def _displacement(rng: np.random.Generator, size: int, spec: AugmentSpec) -> Pixels:
    """Draw a smooth random displacement (2, size, size) through cubic splines."""
    knots = rng.normal(0.0, spec.deformation_sd, size=(2, *[spec.deformation_knots] * 2))
    spline = _spline(size, spec.deformation_knots)
    displacement: Pixels = spline @ knots.astype(np.float32) @ spline.T
    return displacement


@lru_cache(maxsize=8)
def _spline(size: int, knots: int) -> Pixels:
    """Give the (size, knots) matrix of cubic spline interpolation between the knots.

    Interpolation is linear in its values, so it is a matrix: what it makes of unit vectors.
    """
    units = np.eye(knots, dtype=np.float64)
    zoom = (size / knots, 1.0)
    matrix: Pixels = ndimage.zoom(units, zoom, order=3, mode="nearest", grid_mode=True)
    return matrix.astype(np.float32)


def _reached(position: Pixels, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Give the rows and columns of the image that places lie among; at least one of each."""
    first = np.clip(np.floor(position.min(axis=(1, 2))).astype(int), 0, np.array(shape) - 1)
    last = np.clip(np.ceil(position.max(axis=(1, 2))).astype(int), first, np.array(shape) - 1)
    rows, columns = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return rows, columns


def _sample(planes: Sequence[Pixels], position: Pixels) -> Pixels:
    """Interpolate n planes linearly at (2, size, size) places: (n, size, size); outside stands 0.

    All planes share the four neighbours and the weights of a place, which are found once.
    """
    rows, columns = (length + 2 for length in planes[0].shape)  # with a ring of zeros
    row = np.clip(position[0] + 1, 0, rows - 1)
    column = np.clip(position[1] + 1, 0, columns - 1)
    upper = np.minimum(row.astype(np.int64), rows - 2)
    left = np.minimum(column.astype(np.int64), columns - 2)
    down, along = row - upper.astype(np.float32), column - left.astype(np.float32)
    corner = upper * columns + left
    neighbours = (
        (corner, (1 - down) * (1 - along)),
        (corner + 1, (1 - down) * along),
        (corner + columns, down * (1 - along)),
        (corner + columns + 1, down * along),
    )
    sampled = np.zeros((len(planes), *corner.shape), np.float32)
    for number, plane in enumerate(planes):
        flat = np.pad(plane, 1).ravel()
        for index, weight in neighbours:
            sampled[number] += weight * flat.take(index)
    return sampled
