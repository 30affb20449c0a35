"""Painting the phantom: soft-edged superellipsoids, coil shading, noise."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray

Plane = npt.NDArray[np.float32]

_SUBSLICES: Final = (-1 / 3, 0.0, 1 / 3)  # a slice is thick: the mean of three planes


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the slices lie: sagittal, slightly oblique.

    Attributes:
        affine: 4x4, maps (slice, row, column, 1) of pixel centres to mm.
        shape: slices, rows, columns.
        slice_thickness_mm: thickness of one slice, at most the slice spacing.
    """

    affine: FloatArray
    shape: tuple[int, int, int]
    slice_thickness_mm: float


@dataclass(frozen=True, slots=True)
class Part:
    """An ellipsoid, or a box with round corners (a superellipsoid of exponent 4).

    Attributes:
        centre: mm.
        axes: unit vectors as rows: left, posterior, head.
        half: half sizes along the axes, mm.
        value: brightness.
        rim: brightness of its outer millimetre; None has none.
        boxy: whether it is a box.
    """

    centre: FloatArray
    axes: FloatArray
    half: tuple[float, float, float]
    value: float
    rim: float | None = None
    boxy: bool = True


@dataclass(frozen=True, slots=True)
class Outline:
    """The trunk around the spine.

    Attributes:
        heights_mm: rising z of the vertebrae.
        depths_mm: y of the vertebrae at these heights.
        muscle: brightness of the back muscle.
        scale: size of the patient.
    """

    heights_mm: FloatArray
    depths_mm: FloatArray
    muscle: float
    scale: float


def paint(grid: Grid, outline: Outline, parts: tuple[Part, ...]) -> Plane:
    """Paint the parts, the last on top, over the trunk: float32 (slice, row, column)."""
    total = np.zeros(grid.shape, np.float32)
    rows, columns = np.meshgrid(*(np.arange(n) for n in grid.shape[1:]), indexing="ij")
    normal = grid.affine[:3, 0] / np.linalg.norm(grid.affine[:3, 0])
    step_mm = float(np.linalg.norm(grid.affine[:3, 2]))
    for index in range(grid.shape[0]):
        for share in _SUBSLICES:
            origin = grid.affine[:3, 3] + index * grid.affine[:3, 0]
            origin = origin + share * grid.slice_thickness_mm * normal
            where = tuple(
                (origin[k] + rows * grid.affine[k, 1] + columns * grid.affine[k, 2]).astype("f4")
                for k in range(3)
            )
            image = _trunk(where, outline)
            for part in parts:
                _add(image, part, where, step_mm)
            total[index] += image
    return total / np.float32(len(_SUBSLICES))


def _trunk(where: tuple[Plane, ...], outline: Outline) -> Plane:
    """Fill in abdomen, back muscle, subcutaneous fat and the air behind the skin."""
    spine_mm = np.interp(where[2], outline.heights_mm, outline.depths_mm)
    behind_mm = where[1] - spine_mm.astype(np.float32)
    bowel = 0.45 + 0.12 * np.sin(where[2] / 9.0 + where[0] / 7.0) * np.sin(where[1] / 11.0)
    image = np.where(behind_mm < -20 * outline.scale, bowel, outline.muscle).astype(np.float32)
    image = _blend(image, 0.9, behind_mm - 66 * outline.scale)
    return _blend(image, 0.0, behind_mm - 84 * outline.scale)


def _blend(image: Plane, value: float, inside_mm: Plane) -> Plane:
    """Lay a brightness over the image where `inside_mm` is positive, with an edge of 1 mm."""
    weight = np.clip(inside_mm + 0.5, 0.0, 1.0).astype(np.float32)
    return np.asarray(image + weight * (np.float32(value) - image), dtype=np.float32)


def _add(image: Plane, part: Part, where: tuple[Plane, ...], step_mm: float) -> None:
    """Paint one part into the image in place, looking only at its surroundings."""
    row = round(float(where[2][0, 0] - part.centre[2]) / step_mm)
    column = round(float(part.centre[1] - where[1][0, 0]) / step_mm)
    margin = int((1.15 * math.hypot(*part.half[1:]) + 2.0) / step_mm)
    rows, columns = image.shape
    box = (
        slice(max(row - margin, 0), min(max(row + margin, 0), rows)),
        slice(max(column - margin, 0), min(max(column + margin, 0), columns)),
    )
    local = [where[k][box] - np.float32(part.centre[k]) for k in range(3)]
    if local[0].size == 0 or np.abs(local[0]).min() > part.half[0] + 2.0:
        return
    distance = np.zeros_like(local[0])
    for axis, half in zip(part.axes.astype(np.float32), part.half, strict=True):
        along = (axis[0] * local[0] + axis[1] * local[1] + axis[2] * local[2]) / np.float32(half)
        square = along * along
        distance += square * square if part.boxy else square
    radius = np.sqrt(np.sqrt(distance)) if part.boxy else np.sqrt(distance)
    inside_mm = (np.float32(1.0) - radius) * np.float32(min(part.half))
    if part.rim is not None:
        image[box] = _blend(image[box], part.rim, inside_mm)
        inside_mm = inside_mm - np.float32(1.2)
    image[box] = _blend(image[box], part.value, inside_mm)


def finish(rng: np.random.Generator, image: Plane) -> npt.NDArray[np.uint16]:
    """Add texture, coil shading and Rician noise, and scale to stored values of 12 bits."""
    rows, columns = (np.linspace(-1.0, 1.0, n, dtype=np.float32) for n in image.shape[1:])
    coarse = rng.standard_normal((image.shape[0], 24, 24), dtype=np.float32)
    texture = _between_knots(24, len(rows)).T @ coarse @ _between_knots(24, len(columns))
    shading = 1.0 + np.float32(rng.uniform(0.0, 0.35)) * columns
    shading = shading - np.float32(rng.uniform(0.0, 0.25)) * rows[:, None] ** 2
    contrast = np.float32(rng.uniform(0.85, 1.2))
    shaded = np.clip(image, 0.0, None) ** contrast * (1.0 + np.float32(0.06) * texture) * shading
    noise_sd = np.float32(rng.uniform(0.015, 0.05))
    noise = noise_sd * rng.standard_normal((2, *image.shape), dtype=np.float32)
    magnitude = np.sqrt((shaded + noise[0]) ** 2 + noise[1] ** 2)
    stored = np.clip(magnitude * np.float32(rng.uniform(250.0, 1500.0)), 0.0, 4095.0)
    return np.asarray(stored, dtype=np.uint16)


def _between_knots(knots: int, size: int) -> Plane:
    """Give the (knots, size) weights of linear interpolation between evenly spaced knots."""
    place = np.linspace(0.0, knots - 1.0, size)
    weights = 1.0 - np.abs(np.arange(knots)[:, None] - place)
    return np.clip(weights, 0.0, None).astype(np.float32)
