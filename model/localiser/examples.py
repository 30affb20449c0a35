"""Training examples for both networks, made of synthetic scans; numpy alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray, to_index
from model.labels import LABELS, SIDES, Side
from model.landmark import Point
from model.localiser.inputs import crop, whole
from model.localiser.spec import CoarseSpec, FineSpec
from model.localiser.spoiling import Image, cut, spoil
from model.preprocess import Prepared, orient

_JITTER_MM: Final = 8.0
_JITTER_SLICES: Final = 1.2
_STRAY_MM: Final = (14.0, 40.0)
_SPOILT: Final = 0.07  # share of coarse examples in which nothing can be found
_CUT: Final = 0.13  # share of which a part lies beyond the field of view


class Labelled(Protocol):
    """A scan whose points are known; `model.synthetic.acquisition.Scan` is one."""

    @property
    def pixels(self) -> npt.NDArray[np.float32]:
        """Give (slice, row, column), slices from the patient's right to the left."""

    @property
    def affine(self) -> FloatArray:
        """Give the map from indices to mm."""

    @property
    def points(self) -> Mapping[str, Point]:
        """Give the ten foramina, mm."""

    @property
    def decoys(self) -> Mapping[str, Point]:
        """Give their neighbours above and below."""

    @property
    def anchors(self) -> Mapping[str, Point]:
        """Give midline points."""


@dataclass(frozen=True, eq=False, slots=True)
class CoarseExample:
    """One volume for the coarse network.

    Attributes:
        pixels: float32 (slice, row, column), standardised.
        points_mm: float32 (point, 3): slice, row and column times their spacing.
        known: float32 (point,), 1 where the point lies inside the volume.
        labelled: float32 (point,), 1 where the truth says where the point lies, inside or not; a
            label map of others may not say it.
        spacing_mm: float32 (3,).
    """

    pixels: npt.NDArray[np.float32]
    points_mm: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32]
    labelled: npt.NDArray[np.float32]
    spacing_mm: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class FineExample:
    """One crop for the fine network.

    Attributes:
        pixels: float32 (slice, row, column), standardised.
        point_mm: float32 (3,): the centre, slice, row and column times their spacing.
        present: 1.0 where the crop shows a foramen whose centre lies inside it.
        spacing_mm: float32 (3,).
    """

    pixels: npt.NDArray[np.float32]
    point_mm: npt.NDArray[np.float32]
    present: float
    spacing_mm: npt.NDArray[np.float32]


def coarse_example(
    scan: Labelled, spec: CoarseSpec, rng: np.random.Generator | None = None
) -> CoarseExample:
    """Prepare a scan as the predictor would, and place its points in it.

    Args:
        scan: what is imaged.
        spec: of the network.
        rng: cuts some scans, so that points lie outside, and spoils some, so that none is there;
            None does neither.
    """
    pixels, affine = field_of_view(scan)
    fate = rng.random() if rng is not None else 1.0
    if rng is not None and fate < _SPOILT:
        return _nothing(spoil((pixels, affine), rng), spec)
    if rng is not None and fate < _SPOILT + _CUT:
        pixels, affine = cut((pixels, affine), rng)
    prepared = whole(pixels, affine, spec.pixel_mm, spec.multiple)
    spacing = np.linalg.norm(prepared.affine[:3, :3], axis=0)
    everything = {**scan.points, **scan.decoys, **scan.anchors}
    places = np.zeros((len(spec.points), 3))
    known = np.zeros(len(spec.points), np.float32)
    labelled = np.array([name in everything for name in spec.points], np.float32)
    for row, name in enumerate(spec.points):
        if name in everything:
            places[row] = prepared.to_index(everything[name])[0] * spacing
            within = to_index(affine, everything[name])[0]
            known[row] = float(_inside(within, pixels.shape))
    return CoarseExample(
        prepared.pixels, places.astype(np.float32), known, labelled, spacing.astype(np.float32)
    )


def _nothing(image: Image, spec: CoarseSpec) -> CoarseExample:
    """Prepare an image in which no point is."""
    prepared = whole(*image, spec.pixel_mm, spec.multiple)
    spacing = np.linalg.norm(prepared.affine[:3, :3], axis=0)
    count = len(spec.points)
    return CoarseExample(
        prepared.pixels,
        np.zeros((count, 3), np.float32),
        np.zeros(count, np.float32),
        np.ones(count, np.float32),
        spacing.astype(np.float32),
    )


def field_of_view(scan: Labelled) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Cut off the frame of zeros in whose middle a training volume lies."""
    rows, columns = (np.flatnonzero(scan.pixels.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        return scan.pixels, scan.affine
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, 1] * rows[0] + affine[:3, 2] * columns[0]
    cut = scan.pixels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(cut), affine


def fine_examples(
    scan: Labelled, spec: FineSpec, rng: np.random.Generator, count: int
) -> list[FineExample]:
    """Cut crops of a scan: three quarters at foramina, the rest where there is none."""
    prepared = orient(Prepared(*field_of_view(scan)))
    real = {**{name: scan.points[name] for name in LABELS if name in scan.points}}
    real |= {name: point for name, point in scan.decoys.items() if name.startswith("T12")}
    names = [name for name in real if _is_inside(prepared, real[name])]
    found: list[FineExample] = []
    while len(found) < count and names:
        jitter = rng.uniform(-1, 1, 3) * np.array([_JITTER_SLICES, _JITTER_MM, _JITTER_MM])
        if rng.random() < 0.75:
            name = names[int(rng.integers(len(names)))]
            side: Side = "left" if name.endswith("left") else "right"
            found.append(_example(prepared, real[name], side, jitter, spec))
            continue
        side = SIDES[int(rng.integers(2))]
        stray = _stray(prepared, scan, names, rng)
        nothing = _example(prepared, stray, side, np.zeros(3), spec)
        found.append(FineExample(nothing.pixels, nothing.point_mm, 0.0, nothing.spacing_mm))
    return found


def _example(
    prepared: Prepared,
    point: npt.ArrayLike,
    side: Side,
    jitter: FloatArray,
    spec: FineSpec,
) -> FineExample:
    steps = prepared.affine[:3, :3] / np.linalg.norm(prepared.affine[:3, :3], axis=0)
    apart = jitter * np.array([np.linalg.norm(prepared.affine[:3, 0]), 1.0, 1.0])
    cut = crop(prepared, np.asarray(point, float) + steps @ apart, side, spec)
    spacing = np.linalg.norm(cut.affine[:3, :3], axis=0)
    place = to_index(cut.affine, point)[0] * spacing
    return FineExample(cut.pixels, place.astype(np.float32), 1.0, spacing.astype(np.float32))


def _is_inside(prepared: Prepared, point: Point) -> bool:
    return _inside(prepared.to_index(point)[0], prepared.pixels.shape)


def _inside(index: FloatArray, shape: tuple[int, ...]) -> bool:
    return bool((index >= -0.5).all() and (index <= np.array(shape) - 0.5).all())


def _stray(
    prepared: Prepared, scan: Labelled, names: Sequence[str], rng: np.random.Generator
) -> FloatArray:
    """Choose a place that is no foramen: S1/S2, or some way off one in the sagittal plane."""
    sacral = [point for name, point in scan.decoys.items() if name.startswith("S1")]
    sacral = [point for point in sacral if _is_inside(prepared, point)]
    if sacral and rng.random() < 0.4:
        return np.asarray(sacral[int(rng.integers(len(sacral)))], float)
    everything = np.array([*scan.points.values(), *scan.decoys.values()], float)
    point = np.asarray(scan.points.get(names[0]) or scan.decoys[names[0]], float)
    for _ in range(8):
        name = names[int(rng.integers(len(names)))]
        start = np.asarray(scan.points.get(name) or scan.decoys[name], float)
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(*_STRAY_MM)
        point = start + far * np.array([0.0, np.cos(angle), np.sin(angle)])
        apart = np.hypot(*(everything - point)[:, 1:].T)
        if apart.min() > _STRAY_MM[0]:
            break
    return point
