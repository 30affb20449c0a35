"""Augmentation of training inputs (thesis section 7.2); each step can be switched off.

Deformation, rotation about the x axis and the random patch become one in-plane map that is
interpolated once, so that nothing is blurred twice.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Pixels = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AugmentSpec:
    """Which augmentations run, and how strong.

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
    patch = np.stack([_sample(plane, position) for plane in image])
    labels = np.zeros((size, size, target.shape[-1]), np.float32)
    for channel in range(target.shape[-1]):
        if target[..., channel].any():
            labels[..., channel] = _sample(target[..., channel], position)
    if spec.noise_sd > 0:
        patch += rng.normal(0.0, spec.noise_sd, size=patch.shape).astype(np.float32)
    return patch, labels


def _positions(
    rng: np.random.Generator, shape: tuple[int, ...], size: int, spec: AugmentSpec
) -> Pixels:
    """Give for each pixel of the patch its place (row, column) in the slice: (2, size, size)."""
    offset = np.arange(size, dtype=np.float32) - (size - 1) / 2
    grid = np.stack(np.meshgrid(offset, offset, indexing="ij"))
    if spec.rotation_deg > 0:
        angle = np.deg2rad(rng.uniform(-spec.rotation_deg, spec.rotation_deg))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        grid = np.einsum("ij,jrc->irc", turn.astype(np.float32), grid)
    if spec.deformation_sd > 0:
        grid = grid + _displacement(rng, size, spec)
    for axis, length in enumerate(shape):
        slack = (length - size) / 2
        shift = rng.uniform(-abs(slack), abs(slack)) if spec.random_patch else 0.0
        grid[axis] += np.float32((length - 1) / 2 + shift)
    return grid


def _displacement(rng: np.random.Generator, size: int, spec: AugmentSpec) -> Pixels:
    """Draw a smooth random displacement (2, size, size) through cubic splines."""
    knots = rng.normal(0.0, spec.deformation_sd, size=(2, *[spec.deformation_knots] * 2))
    zoom = size / spec.deformation_knots
    return np.stack([
        ndimage.zoom(plane, zoom, order=3, mode="nearest", grid_mode=True) for plane in knots
    ]).astype(np.float32)  # fmt: skip


def _sample(plane: Pixels, position: Pixels) -> Pixels:
    sampled: Pixels = ndimage.map_coordinates(plane, position, order=1, mode="constant", cval=0.0)
    return sampled
