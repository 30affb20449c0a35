"""A complete body around a map that shows the spine alone, or parts of the trunk.

Networks that learn from maps with an empty background fail on real scans, so every voxel inside
the skin gets a tissue: discs, canal, fat of the foramina and ligaments where bone leaves gaps, then
muscles, vessels, bowel, fat and skin around. Sizes are textbook values of an adult of middle build;
the outline is that of no one in particular. What the map itself says is never overwritten.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from model.affine import FloatArray
from model.synthetic.labelmap import LabelArray, LabelMap
from model.synthetic.noise import Noise
from model.synthetic.tissue import BONE, Tissue

UNKNOWN: Final = 255
"""Stands in a map for: not said."""

_SIDE_MM: Final = 175.0  # from the spine to the skin at the side, with air around
_FRONT_MM: Final = 165.0
_BACK_MM: Final = 125.0  # the sacrum stands far behind the rest
_BEYOND_MM: Final = 60.0  # the trunk goes on so far above and below the map
_COARSEST_MM: Final = 1.5
_LEAST_CANAL_MM2: Final = 80.0
_SLAB: Final = 24  # slices worked on at a time
_CANAL_SMOOTH_MM: Final = 4.0
_TRUNK_SMOOTH_MM: Final = 60.0
_FAR: Final = np.float32(-1e4)  # no bone in this direction
_DISC_GAP_MM: Final = 20.0
_FORAMEN_GAP_MM: Final = 34.0
_ARCH_GAP_MM: Final = 40.0

BoolArray = npt.NDArray[np.bool_]
Grid = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class _Place:
    """Where each voxel lies in relation to the spine, mm, broadcastable to the map.

    Attributes:
        left: from the middle of the canal to the left, (slice, row, 1).
        back: from the middle of the canal to the back, (1, row, column).
        trunk_back: the same from a straighter canal, for what does not follow every curve.
        spinal: whether the row has a canal (not below the sacrum), (1, row, 1).
        up: to the next bone above, (slice, row, column); large without.
        down: to the next bone below.
    """

    left: Grid
    back: Grid
    trunk_back: Grid
    spinal: BoolArray
    up: Grid
    down: Grid


@dataclass(frozen=True, eq=False, slots=True)
class _Canal:
    """Where the middle of the canal lies in each row of a map.

    Attributes:
        slices: slice index per row.
        columns: column index per row.
        straighter: column index per row, the lordosis smoothed away.
        last: the lowest row in which the canal was seen.
    """

    slices: Grid
    columns: Grid
    straighter: Grid
    last: int


def complete(label_map: LabelMap, rng: np.random.Generator) -> LabelMap:
    """Give a map in which no voxel is `UNKNOWN` and none inside the skin is empty.

    Args:
        label_map: values of `Tissue` or `UNKNOWN`; spacing coarser than 1.5 mm is refined.
        rng: source of the muscles' fat and the bowel's shape.

    Raises:
        ValueError: it shows no bone to place the body around.
    """
    fine = _refined(label_map)  # in which a lone voxel of bone may have gone
    if not np.isin(fine.labels, _values(BONE)).any():
        raise ValueError("the label map shows no bone, so no body can be placed around it")
    wide = _padded(fine)
    labels = wide.labels
    canal = _found_canal(wide)
    noise = Noise.sample(rng, wide.spacing_mm)
    for first in range(0, len(labels), _SLAB):  # a whole map of floats would need gigabytes
        slab = labels[first : first + _SLAB]
        place = _placed(slab, wide.spacing_mm, canal, first)
        coarse = noise.read(Noise.COARSE_MM, (first, 0, 0), slab.shape, 1)
        medium = noise.read(Noise.MEDIUM_MM, (first, 0, 0), slab.shape, 2)
        _fill(slab, (*_inner(place), *_trunk(place, coarse, medium)))
    _harden(labels)
    return wide


def _values(tissues: frozenset[Tissue]) -> list[int]:
    return [int(tissue) for tissue in tissues]


def _refined(label_map: LabelMap) -> LabelMap:
    """Resample a coarse map, each label smoothly, so that borders show no steps of 3 mm."""
    factor = np.maximum(1, np.ceil(np.array(label_map.spacing_mm) / _COARSEST_MM)).astype(int)
    if factor.max() == 1:
        return label_map
    best = np.zeros([n * f for n, f in zip(label_map.labels.shape, factor, strict=True)])
    labels = np.full(best.shape, UNKNOWN, dtype=np.uint8)
    for value in np.unique(label_map.labels):
        share = ndimage.zoom(
            (label_map.labels == value).astype(np.float32), factor, order=1, grid_mode=True,
            mode="nearest",
        )  # fmt: skip
        labels[share > best] = value
        best = np.maximum(best, share)
    affine = label_map.affine.copy()
    affine[:3, :3] = label_map.affine[:3, :3] / factor
    affine[:3, 3] += affine[:3, :3] @ ((factor - 1) * -0.5)
    return LabelMap(labels, affine)


def _padded(label_map: LabelMap) -> LabelMap:
    """Widen a map to hold the whole trunk."""
    labels, spacing = label_map.labels, label_map.spacing_mm
    bone = np.argwhere(np.isin(labels, _values(BONE)))
    middle = bone.mean(axis=0)
    reach = ((_SIDE_MM, _SIDE_MM), (_BEYOND_MM, _BEYOND_MM), (_FRONT_MM, _BACK_MM))
    pads = []
    for axis, (before_mm, after_mm) in enumerate(reach):
        first, last = (middle[axis], middle[axis])
        if axis == 1:
            first, last = bone[:, 1].min(), bone[:, 1].max()
        before = int(np.ceil(before_mm / spacing[axis] - first))
        after = int(np.ceil(after_mm / spacing[axis] - (labels.shape[axis] - 1 - last)))
        pads.append((max(before, 0), max(after, 0)))
    affine = label_map.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.array([before for before, _ in pads])
    return LabelMap(np.pad(labels, pads, constant_values=UNKNOWN), affine)


def _placed(
    labels: LabelArray,
    spacing_mm: tuple[float, float, float],
    canal: "_Canal",
    first: int,
) -> _Place:
    """Place the voxels of some slices, of which `first` is the first."""
    slice_mm, row_mm, column_mm = (np.float32(one) for one in spacing_mm)
    slices, rows, columns = (np.arange(n, dtype=np.float32) for n in labels.shape)
    bone = np.isin(labels, _values(BONE))
    number = rows[None, :, None]
    above = np.maximum.accumulate(np.where(bone, number, _FAR), axis=1)
    below = np.minimum.accumulate(np.where(bone, number, -_FAR)[:, ::-1], axis=1)[:, ::-1]
    return _Place(
        left=((slices + first)[:, None] - canal.slices)[..., None] * slice_mm,
        back=((columns - canal.columns[:, None]) * column_mm)[None],
        trunk_back=((columns - canal.straighter[:, None]) * column_mm)[None],
        spinal=(rows <= canal.last)[None, :, None],
        up=(number - above) * row_mm,
        down=(below - number) * row_mm,
    )


def _found_canal(label_map: LabelMap) -> _Canal:
    """Find the middle of the canal in each row: the hole in the arch.

    Rows without a closed arch are interpolated; without any, the middle of the bone stands in.
    """
    slice_mm, row_mm, column_mm = label_map.spacing_mm
    bone = np.isin(label_map.labels, _values(BONE))
    inside = np.isin(label_map.labels, [Tissue.CSF, Tissue.CORD, Tissue.CAUDA_EQUINA])
    middles = {}
    for row in np.flatnonzero(bone.any(axis=(0, 2)) | inside.any(axis=(0, 2))):
        hole = inside[:, row] if inside[:, row].any() else _hole(bone[:, row])
        if hole.sum() * slice_mm * column_mm >= _LEAST_CANAL_MM2:
            middles[int(row)] = ndimage.center_of_mass(hole)
    if not middles:
        middles = {0: tuple(np.argwhere(bone).mean(axis=0)[[0, 2]])}
    known = np.array(sorted(middles))
    found = np.array([middles[int(row)] for row in known])
    rows = np.arange(bone.shape[1])
    x, y = (np.interp(rows, known, found[:, axis]) for axis in range(2))
    return _Canal(
        slices=_smooth(x, _CANAL_SMOOTH_MM / row_mm),
        columns=_smooth(y, _CANAL_SMOOTH_MM / row_mm),
        straighter=_smooth(y, _TRUNK_SMOOTH_MM / row_mm),
        last=int(known[-1]),
    )


def _smooth(line: FloatArray, sigma: float) -> Grid:
    smooth = ndimage.gaussian_filter1d(line, sigma, mode="nearest")
    return np.asarray(smooth, dtype=np.float32)


def _hole(bone: BoolArray) -> BoolArray:
    """Find the largest hole of an axial section."""
    holes, count = ndimage.label(ndimage.binary_fill_holes(bone) & ~bone)
    if not count:
        return np.zeros_like(bone)
    sizes = np.bincount(holes.ravel())[1:]
    return np.asarray(holes == int(sizes.argmax()) + 1)


def _inner(place: _Place) -> list[tuple[BoolArray, Tissue]]:
    """List what fills the gaps of the bones, the first that fits wins."""
    left, back = place.left, place.back
    aside, gap = np.abs(left), place.up + place.down
    sac = (left / 7.5) ** 2 + (back / 6.2) ** 2
    body = (left / 17.0) ** 2 + ((back + 25.0) / 11.0) ** 2
    root = ((place.up - 6.0) / 3.0) ** 2 + ((back - 0.5) / 2.8) ** 2
    foramen = (gap < _FORAMEN_GAP_MM) & (aside > 7) & (aside < 26) & (back > -9) & (back < 12)
    return [
        (place.spinal & (sac < 1) & (back > 1.0), Tissue.CAUDA_EQUINA),
        (place.spinal & (sac < 1), Tissue.CSF),
        (place.spinal & ((left / 10.0) ** 2 + (back / 8.5) ** 2 < 1), Tissue.EPIDURAL_FAT),
        ((gap < _DISC_GAP_MM) & (back < -8) & (body < 1), Tissue.NUCLEUS),
        ((gap < _DISC_GAP_MM) & (back < -7) & (aside < 29), Tissue.ANNULUS),
        (foramen & (root < 1) & (aside > 9), Tissue.GANGLION),
        (foramen, Tissue.FORAMINAL_FAT),
        ((gap < _ARCH_GAP_MM) & (aside < 11) & (back > 6) & (back < 14), Tissue.LIGAMENTUM_FLAVUM),
        ((gap < _ARCH_GAP_MM) & (aside < 4) & (back >= 12), Tissue.INTERSPINOUS_LIGAMENT),
    ]


def _trunk(place: _Place, coarse: Grid, medium: Grid) -> list[tuple[BoolArray, Tissue]]:
    """List the tissues around the spine, the first that fits wins."""
    left, back = place.left, place.trunk_back
    aside = np.abs(left)
    depth = np.where(back < -30, (back + 30) / 112.0, (back + 30) / 102.0)
    outline = (aside / 160.0) ** 2.6 + np.abs(depth) ** 2.6
    outline = outline * (1 + 0.01 * coarse)
    muscle = (aside < 78) & (back > 2) & (outline < 0.66)
    psoas = ((aside - 40) / 19.0) ** 2 + ((back + 22) / 21.0) ** 2 < 1
    quadratus = ((aside - 72) / 20.0) ** 2 + ((back + 8) / 13.0) ** 2 < 1
    kidney = ((aside - 70) / 26.0) ** 2 + ((back + 45) / 22.0) ** 2
    upper = np.linspace(0, 1, coarse.shape[1], dtype=np.float32)[None, :, None] < 0.35
    bowel = (back < -62) & (outline < 0.5)
    return [
        (outline >= 1.0, Tissue.AIR),
        (outline > 0.965, Tissue.SKIN),
        (outline > 0.70, Tissue.SUBCUTANEOUS_FAT),
        (muscle & (medium > 1.35), Tissue.MUSCLE_FAT),
        (muscle, Tissue.MUSCLE),
        (psoas, Tissue.PSOAS),
        (quadratus, Tissue.QUADRATUS),
        (((left - 9) / 9.5) ** 2 + ((back + 62) / 9.5) ** 2 < 1, Tissue.AORTA),
        (((left + 15) / 11.0) ** 2 + ((back + 58) / 9.0) ** 2 < 1, Tissue.VENA_CAVA),
        (upper & (kidney < 0.45), Tissue.KIDNEY_MEDULLA),
        (upper & (kidney < 1), Tissue.KIDNEY_CORTEX),
        (outline > 0.56, Tissue.ABDOMINAL_WALL),
        (bowel & (coarse > 1.4), Tissue.BOWEL_GAS),
        (bowel & (coarse > 0.35), Tissue.BOWEL_CONTENT),
        (bowel & (coarse > 0.15), Tissue.BOWEL_WALL),
        (np.ones((1, 1, 1), dtype=bool), Tissue.VISCERAL_FAT),
    ]


def _fill(labels: LabelArray, parts: tuple[tuple[BoolArray, Tissue], ...]) -> None:
    """Write each part where nothing was said before."""
    empty = labels == UNKNOWN
    for where, tissue in parts:
        chosen = empty & where
        labels[chosen] = tissue
        empty &= ~chosen


def _harden(labels: LabelArray) -> None:
    """Give whole bones of one label their cortex, one voxel thick: dark on every contrast."""
    marrow = np.isin(labels, [Tissue.MARROW, Tissue.MARROW_POSTERIOR, Tissue.MARROW_SACRUM])
    if np.isin(labels, [Tissue.CORTICAL_BONE]).any():
        return
    labels[marrow & ~ndimage.binary_erosion(marrow)] = Tissue.CORTICAL_BONE
