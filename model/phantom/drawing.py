"""A simple lumbar spine phantom with a T1 look and ten known foramina.

Soft-edged superellipsoids stand for vertebral bodies, discs, canal, pedicles, facets, foramina
filled with bright fat around a dark root, abdomen, back muscle, fat and skin. Sizes follow the
usual adult ones (bodies 34 to 36 mm apart, left and right foramen 30 to 40 mm apart, foramen
about 26 mm behind the disc's centre). It teaches a network where foramina lie among
vertebrae; it does not look like a patient.

Coordinates are DICOM patient coordinates (LPS), mm. One seed gives one phantom, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray, spacing_mm, to_index, to_patient
from model.labels import LEVELS, SIDES, label
from model.landmark import Point
from model.phantom import paint
from model.phantom.paint import Grid, Outline, Part

_VERTEBRAE: Final = ("S2", "S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11")
_TILT_DEG: Final = (58.0, 42.0, 22.0, 9.0, 1.0, -5.0, -9.0, -12.0, -14.0)
_STEP_MM: Final = (26.0, 33.0, 34.5, 35.5, 35.5, 34.5, 33.0, 29.0)
_FORAMEN_HALF_GAP_MM: Final = {
    "L5": 19.5, "L4": 18.0, "L3": 17.0, "L2": 16.0, "L1": 15.0, "T12": 14.0, "T11": 13.5,
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Phantom:
    """One drawn phantom.

    Attributes:
        seed: what it was drawn from.
        pixels: uint16, (slice, row, column).
        grid: where the pixels lie.
        points: the ten foramina, label to (x, y, z) mm.
        marks: per label one point on every slice that cuts the foramen, as an annotator clicks.
    """

    seed: int
    pixels: npt.NDArray[np.uint16]
    grid: Grid
    points: dict[str, Point]
    marks: dict[str, tuple[Point, ...]]


@dataclass(frozen=True, slots=True)
class _Vertebra:
    name: str
    centre: FloatArray
    axes: FloatArray  # rows: left, posterior, head


def draw(seed: int) -> Phantom:
    """Draw the phantom of a seed; any non-negative integer will do."""
    rng = np.random.default_rng(seed)
    scale = float(rng.uniform(0.88, 1.12))
    spine = tuple(_spine(rng, scale))
    foramina = {
        f"{upper.name}-{side}": _foramen(rng, upper, lower, side, scale)
        for lower, upper in pairwise(spine[1:])
        for side in SIDES
    }
    grid = _grid(rng, next(v.centre for v in spine if v.name == "L3"))
    tissue = _tissue_values(rng)
    parts = (
        *_surroundings(spine, scale, tissue),
        *_bones(spine, scale, tissue, rng),
        *_filling(foramina, tissue),
    )
    upward = sorted((float(v.centre[2]), float(v.centre[1])) for v in spine)
    heights_mm, depths_mm = np.array(upward).T
    outline = Outline(heights_mm, depths_mm, tissue["muscle"], scale)
    pixels = paint.finish(rng, paint.paint(grid, outline, parts))
    names = [label(level, side) for level in LEVELS for side in SIDES]
    points = {name: _point(foramina[name].centre) for name in names}
    marks = {name: _marks(foramina[name], grid) for name in names}
    return Phantom(seed, pixels, grid, points, marks)


def _spine(rng: np.random.Generator, scale: float) -> Iterator[_Vertebra]:
    """Stack the vertebrae from S2 upward along a lordotic, slightly scoliotic curve."""
    lordosis = rng.uniform(0.6, 1.25)
    lean = rng.normal(0.0, 4.0)
    bend = rng.normal(0.0, 1.5, size=2)
    centre = np.zeros(3)
    previous_head = None
    for index, name in enumerate(_VERTEBRAE):
        tilt = np.deg2rad(lordosis * _TILT_DEG[index] + lean + rng.normal(0.0, 1.5))
        head = np.array([0.0, -np.sin(tilt), np.cos(tilt)])
        posterior = np.array([0.0, np.cos(tilt), np.sin(tilt)])
        if previous_head is not None:
            step = scale * _STEP_MM[index - 1] * rng.uniform(0.96, 1.04)
            centre = centre + step / 2 * (previous_head + head)
            height = (index - 4) / 4
            centre[0] = 2.0 * (bend[0] * height + bend[1] * height**2)
        previous_head = head
        yield _Vertebra(name, centre.copy(), np.array([[1.0, 0.0, 0.0], posterior, head]))


def _foramen(
    rng: np.random.Generator, upper: _Vertebra, lower: _Vertebra, side: str, scale: float
) -> Part:
    """Place the foramen between the pedicles of two vertebrae; its value is set when filled."""
    axes = upper.axes + lower.axes
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    sign = 1.0 if side == "left" else -1.0
    offset = np.array([
        sign * scale * _FORAMEN_HALF_GAP_MM[upper.name] * rng.uniform(0.95, 1.05),
        scale * (24.5 + rng.normal(0.0, 0.8)),
        scale * (1.5 + rng.normal(0.0, 0.8)),
    ])  # fmt: skip
    centre = (upper.centre + lower.centre) / 2 + offset @ axes
    size = scale * (0.8 if upper.name.startswith("T") else 1.0) * rng.uniform(0.85, 1.15)
    return Part(centre, axes, (6.5 * scale, 5.2 * size, 8.5 * size), 0.0, boxy=False)


def _tissue_values(rng: np.random.Generator) -> dict[str, float]:
    base = {
        "fat": 0.95, "marrow": 0.58, "disc": 0.36, "muscle": 0.33, "csf": 0.17, "cord": 0.33,
        "cortex": 0.10, "root": 0.27, "vessel": 0.06, "bowel": 0.42, "air": 0.0,
    }  # fmt: skip
    return {name: value * float(rng.uniform(0.88, 1.12)) for name, value in base.items()}


def _surroundings(
    spine: tuple[_Vertebra, ...], scale: float, tissue: dict[str, float]
) -> Iterator[Part]:
    """Yield canal, cauda, epidural fat and the great vessels, one piece per vertebra."""
    pieces = (
        (-27.0, (9.0, 7.0, 22.0), "vessel"),
        (35.0, (9.0, 5.0, 16.0), "fat"),
        (26.0, (11.0, 8.0, 21.0), "csf"),
        (28.0, (6.0, 3.0, 21.0), "cord"),
    )
    for vertebra in spine:
        for posterior, half, name in pieces:
            centre = vertebra.centre + scale * posterior * vertebra.axes[1]
            yield Part(centre, vertebra.axes, _sized(scale, *half), tissue[name])


def _bones(
    spine: tuple[_Vertebra, ...], scale: float, tissue: dict[str, float], rng: np.random.Generator
) -> Iterator[Part]:
    """Yield discs, bodies, pedicles, facets and spinous processes."""
    marrow, cortex = tissue["marrow"], tissue["cortex"]
    for lower, upper in pairwise(spine):
        axes = (lower.axes + upper.axes) / 2
        height = 2.0 if lower.name == "S2" else 6.0
        yield Part(
            (lower.centre + upper.centre) / 2, axes, _sized(scale, 23, 16.5, height),
            tissue["disc"] * float(rng.uniform(0.85, 1.15)),
        )  # fmt: skip
    for vertebra in spine:
        at, axes = vertebra.centre, vertebra.axes
        taper = {"S2": 0.72, "S1": 0.92}.get(vertebra.name, 1.0)
        body = _sized(scale * taper, 24, 17, 13.5)
        yield Part(at, axes, body, marrow * float(rng.uniform(0.93, 1.07)), cortex)
        gap = _FORAMEN_HALF_GAP_MM.get(vertebra.name, 20.0)
        for sign in (-1.0, 1.0):
            pedicle = scale * np.array([sign * gap, 23.0, 5.0]) @ axes
            yield Part(at + pedicle, axes, _sized(scale, 5.5, 10, 7), marrow, cortex)
            facet = scale * np.array([sign * gap, 36.0, -12.0]) @ axes
            yield Part(at + facet, axes, _sized(scale, 7, 5, 17), marrow * 0.9, cortex)
        spinous = scale * np.array([0.0, 53.0, -12.0]) @ axes
        yield Part(at + spinous, axes, _sized(scale, 4, 14, 8), marrow, cortex)


def _sized(scale: float, left: float, posterior: float, head: float) -> tuple[float, float, float]:
    return scale * left, scale * posterior, scale * head


def _filling(foramina: dict[str, Part], tissue: dict[str, float]) -> Iterator[Part]:
    """Yield the fat of each foramen and the dark root in its upper half."""
    for foramen in foramina.values():
        yield Part(foramen.centre, foramen.axes, foramen.half, tissue["fat"], boxy=False)
        head = foramen.half[2]
        root = foramen.centre + np.array([0.0, -0.5, 0.33 * head]) @ foramen.axes
        size = 0.32 * head
        yield Part(
            root, foramen.axes, (foramen.half[0] + 3, size, size), tissue["root"], boxy=False
        )


def _grid(rng: np.random.Generator, centre_of_l3: FloatArray) -> Grid:
    """Choose field of view, spacing and obliquity so that all ten foramina are inside."""
    slice_spacing_mm = float(rng.uniform(3.3, 4.8))
    slices = int(np.clip(round(rng.uniform(50.0, 64.0) / slice_spacing_mm), 11, 19))
    pixel_mm = round(float(rng.uniform(0.5, 1.0)), 4)
    size = int(rng.uniform(250.0, 350.0) / pixel_mm)
    about_z, about_y = np.deg2rad(rng.uniform(-3.0, 3.0, size=2))
    normal = np.array([1.0, np.tan(about_z), np.tan(about_y)])
    normal /= np.linalg.norm(normal)
    column = np.array([0.0, 1.0, 0.0]) - normal[1] * normal
    column /= np.linalg.norm(column)
    row = np.cross(normal, column)  # head to feet is -z
    affine = np.eye(4)
    affine[:3, 0] = slice_spacing_mm * normal
    affine[:3, 1] = pixel_mm * (-row)
    affine[:3, 2] = pixel_mm * column
    shape = (slices, size, size)
    middle = affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    shift = np.array([rng.normal(0, 1.5), 22 + rng.normal(0, 10), rng.normal(0, 12)])
    affine[:3, 3] = np.round(centre_of_l3 + shift - middle, 4)
    return Grid(affine, shape, round(slice_spacing_mm * float(rng.uniform(0.8, 1.0)), 2))


def _marks(foramen: Part, grid: Grid) -> tuple[Point, ...]:
    """Mark the foramen on each slice that cuts it, at least on the nearest."""
    index, row, column = to_index(grid.affine, foramen.centre)[0]
    reach = 0.8 * foramen.half[0] / spacing_mm(grid.affine)[0]
    slices = [s for s in range(grid.shape[0]) if abs(s - index) <= max(reach, 0.5)]
    return tuple(_point(to_patient(grid.affine, (s, row, column))[0]) for s in slices)


def _point(position: FloatArray) -> Point:
    x, y, z = (round(float(value), 3) for value in position)
    return x, y, z
