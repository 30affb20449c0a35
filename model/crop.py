"""Sub-volumes: the images around each found foramen, what localising is for (thesis section 5.1).

A crop keeps the voxels of its series as they are: nothing is resampled, turned or padded, so its
geometry is exactly that of the images. At the edge of the images it is smaller than asked for.
"""

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.labels import LABELS
from model.landmark import Point, Prediction
from model.volume import Volume

Size = tuple[float, float, float]

DEFAULT_SIZE_MM: Final[Size] = (20.0, 40.0, 40.0)
"""Through slices, along rows, along columns: twice the error that section 5.1 bears in x, and four
times a foramen's height in y and z."""

OUTSIDE: Final = "the point lies outside the images"
_LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Target:
    """A foramen to cut out, or why there is none.

    Attributes:
        label: one of `model.labels.LABELS`.
        point_mm: (x, y, z) in DICOM patient coordinates (LPS), mm; None when there is none.
        confidence: 0..1; None when not known.
        reason: why there is no point; None when there is one.
    """

    label: str
    point_mm: Point | None = None
    confidence: float | None = None
    reason: str | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Crop:
    """The voxels around one foramen.

    Attributes:
        target: what was asked for, its reason set when nothing could be cut.
        start: index (slice, row, column) of the first voxel in the series.
        pixels: float32 (slice, row, column), as in the series.
        affine: float64 4x4, maps (slice, row, column, 1) of the crop to LPS mm.
        cut_off: whether the edge of the images made it smaller than asked for.
    """

    target: Target
    start: tuple[int, int, int]
    pixels: npt.NDArray[np.float32]
    affine: FloatArray
    cut_off: bool

    @property
    def size_mm(self) -> Size:
        """Give what it covers: number of voxels times their spacing."""
        step = np.linalg.norm(self.affine[:3, :3], axis=0)
        through, down, along = (float(one) for one in step * self.pixels.shape)
        return through, down, along


def targets(prediction: Prediction) -> tuple[Target, ...]:
    """Give the ten landmarks of a prediction; where it abstained, that is each one's reason."""
    return tuple(
        Target(mark.label, mark.point_mm, mark.confidence, mark.reason)
        for mark in prediction.landmarks
    )


def targets_of_points(points: Mapping[str, Point], source: str) -> tuple[Target, ...]:
    """Give ten targets of points that are known; those that `source` lacks get that as reason."""
    return tuple(
        Target(label, points[label])
        if label in points
        else Target(label, reason=f"{source} has no point for it")
        for label in LABELS
    )


def cut(
    volume: Volume, wanted: Iterable[Target], size_mm: Size = DEFAULT_SIZE_MM
) -> tuple[list[Crop], list[Target]]:
    """Cut out what has a point; the other targets come back, each with its reason.

    Args:
        volume: the series.
        wanted: the foramina.
        size_mm: through slices, along rows (down), along columns; the nearest number of whole
            voxels is cut, at least one.

    Raises:
        ValueError: a size is not a positive number.
    """
    if len(size_mm) != 3 or not all(np.isfinite(one) and one > 0 for one in size_mm):
        raise ValueError(
            f"size {list(size_mm)}: expected three positive numbers of mm: through slices, along "
            "rows, along columns"
        )
    crops: list[Crop] = []
    left: list[Target] = []
    for target in wanted:
        if target.point_mm is None:
            left.append(target)
        elif not _inside(volume, target.point_mm):
            left.append(Target(target.label, reason=OUTSIDE))
        else:
            crops.append(_cut(volume, target, target.point_mm, size_mm))
    return crops, left


def _inside(volume: Volume, point_mm: Point) -> bool:
    """Tell whether a point lies in a voxel of the series; half a voxel surrounds each centre."""
    if not np.isfinite(point_mm).all():
        return False
    index = volume.to_index([point_mm])[0]
    return bool(np.all((index >= -0.5) & (index <= np.array(volume.pixels.shape) - 0.5)))


def _cut(volume: Volume, target: Target, point_mm: Point, size_mm: Size) -> Crop:
    shape = np.array(volume.pixels.shape)
    count = np.maximum(1, np.rint(np.array(size_mm) / volume.spacing_mm)).astype(int)
    first = np.rint(volume.to_index([point_mm])[0] - (count - 1) / 2).astype(int)
    start, stop = np.maximum(first, 0), np.minimum(first + count, shape)
    affine = volume.affine.copy()
    affine[:3, 3] = volume.to_patient([start])[0]
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    return Crop(
        target=target,
        start=(int(start[0]), int(start[1]), int(start[2])),
        pixels=volume.pixels[box],
        affine=affine,
        cut_off=bool((stop - start != count).any()),
    )


def nifti(crop: Crop) -> bytes:
    """Encode a crop as NIfTI-1, compressed (`.nii.gz`): equal crops give equal bytes.

    NIfTI counts x to the patient's right and y to the front reversed from DICOM (RAS, not LPS), so
    the affine's first two rows change their signs. The axes stay slice, row, column.
    """
    import nibabel

    affine = _LPS_TO_RAS @ crop.affine
    image = nibabel.Nifti1Image(crop.pixels, affine)
    image.set_sform(affine, code="scanner")
    if _is_rigid(affine):  # a quaternion cannot hold the shear of a stack whose slices are offset
        image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = f"{crop.target.label}; research use only".encode("ascii")
    return gzip.compress(image.to_bytes(), mtime=0)


def _is_rigid(affine: FloatArray) -> bool:
    """Tell whether the axes are perpendicular."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() < 1e-4)
