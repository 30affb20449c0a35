"""Points of a report: from the patient to a pixel of the nearest image, and back.

The headers' own geometry alone decides (PS3.3 section C.7.6.2.1.1): ImagePositionPatient is the
centre of the first pixel, while SCOORD counts from its outer corner (section C.18.6.1.1), hence
half a pixel between the two.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from model import frames
from model.landmark import Point
from node.errors import SeriesUnusableError
from node.report.elements import numbers, text

Vector = npt.NDArray[np.float64]

OUTSIDE: Final = "the point found lies outside the images"
_UID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_TOLERANCE_MM: Final = 0.01
_SQUARE_WITHIN_MM: Final = 0.1
"""How far a viewer that takes pixels for square may misplace a point anywhere on an image."""


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """One MR image of the series, classic or a frame, with the geometry of its own header.

    Attributes:
        sop_class_uid, sop_instance_uid: what a reference to the image needs.
        frame_number: what it needs besides, from 1; None for a classic image.
        position_mm: centre of the first pixel, LPS.
        orientation: ImageOrientationPatient, first the direction of the rows.
        spacing_mm: PixelSpacing: between rows, between columns.
        rows, columns: size in pixels.
        thickness_mm: SliceThickness, None when absent.
    """

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None
    position_mm: Vector
    orientation: Vector
    spacing_mm: Vector
    rows: int
    columns: int
    thickness_mm: float | None

    @property
    def steps_mm(self) -> Vector:
        """Give the (3, 2) matrix of mm per pixel to the right and per pixel down."""
        along_row = self.orientation[:3] * self.spacing_mm[1]
        along_column = self.orientation[3:] * self.spacing_mm[0]
        return np.stack([along_row, along_column], axis=1)

    @property
    def normal(self) -> Vector:
        """Give the unit normal, turned so that its largest component is positive."""
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        normal /= np.linalg.norm(normal)
        return normal if normal[np.abs(normal).argmax()] > 0 else -normal

    @property
    def square(self) -> bool:
        """Tell whether the pixels are so square that taking them for square moves no point."""
        excess_mm = abs(float(self.spacing_mm[0] - self.spacing_mm[1]))
        return excess_mm * max(self.rows, self.columns) <= _SQUARE_WITHIN_MM

    def distance_mm(self, point_mm: Vector) -> float:
        """Tell how far a point lies out of the plane of the image."""
        return abs(float(self.normal @ (point_mm - self.position_mm)))

    def to_image(self, point_mm: Vector) -> Vector:
        """Project a point into the plane: (x, y) as SCOORD counts, the first centre at 0.5."""
        pixel, *_ = np.linalg.lstsq(self.steps_mm, point_mm - self.position_mm, rcond=None)
        return np.asarray(pixel + 0.5, dtype=np.float64)

    def to_patient(self, image_xy: Vector) -> Vector:
        """Give the point in LPS mm of an (x, y) as SCOORD counts."""
        return np.asarray(self.position_mm + self.steps_mm @ (image_xy - 0.5), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Placed:
    """A point on its image.

    Attributes:
        slice: the image.
        image_xy: (x, y) as SCOORD counts, exactly as a 32-bit GraphicData holds them.
        point_mm: the same place in LPS mm, computed back from `image_xy`, so that both agree.
    """

    slice: Slice
    image_xy: tuple[float, float]
    point_mm: Point


@dataclass(frozen=True, slots=True)
class Stack:
    """The images of a series, ordered along their normal."""

    slices: tuple[Slice, ...]
    reach_mm: float
    """How far from the nearest image a point still belongs to the stack: half the largest gap."""

    @property
    def square(self) -> bool:
        """Tell whether the pixels of all images are square."""
        return all(image.square for image in self.slices)

    def place(self, point_mm: Point) -> Placed | None:
        """Put a point on the nearest image; None when it lies outside the images."""
        point = np.asarray(point_mm, dtype=np.float64)
        if not np.isfinite(point).all():
            return None
        nearest = min(self.slices, key=lambda image: image.distance_mm(point))
        if nearest.distance_mm(point) > self.reach_mm:
            return None
        image_xy = nearest.to_image(point).astype(np.float32).astype(np.float64)
        if not (0 <= image_xy[0] <= nearest.columns and 0 <= image_xy[1] <= nearest.rows):
            return None
        x, y, z = (float(value) for value in nearest.to_patient(image_xy))
        return Placed(nearest, (float(image_xy[0]), float(image_xy[1])), (x, y, z))


def read_stack(headers: Sequence[Dataset]) -> Stack:
    """Read the geometry of a series.

    Args:
        headers: one per image, frames of Enhanced MR as `node.headers` gives them.

    Raises:
        SeriesUnusableError: an image is no MR image, appears twice, or lacks geometry.
    """
    by_image = {_reference(image): image for image in map(_slice, headers)}
    if len(by_image) != len(headers):
        raise SeriesUnusableError(
            f"no report: the {len(headers)} images of the series have {len(by_image)} different "
            "SOP Instance UIDs (or frame numbers); expected one each"
        )
    normal = by_image[min(by_image)].normal
    depth_mm = {key: float(normal @ image.position_mm) for key, image in by_image.items()}
    ordered = sorted(by_image, key=lambda key: (depth_mm[key], key))
    gaps_mm = np.diff([depth_mm[key] for key in ordered])
    reach_mm = float(gaps_mm.max()) / 2 if gaps_mm.size else 0.0
    return Stack(tuple(by_image[key] for key in ordered), reach_mm + _TOLERANCE_MM)


def _reference(image: Slice) -> tuple[str, int]:
    return image.sop_instance_uid, image.frame_number or 0


def valid_uid(value: str) -> bool:
    """Tell whether a value can stand in a UI element (PS3.5 section 9.1)."""
    return len(value) <= 64 and _UID.fullmatch(value) is not None


def _slice(header: Dataset) -> Slice:
    uid = text(header, "SOPInstanceUID")
    if not valid_uid(uid):
        raise SeriesUnusableError(f"no report: an image has the SOP Instance UID {uid!r}")
    sop_class_uid = text(header, "SOPClassUID")
    if sop_class_uid != MRImageStorage and sop_class_uid not in frames.ENHANCED_MR:
        raise SeriesUnusableError(
            f"no report: image {uid} is of SOP class {sop_class_uid!r}; expected MR Image Storage "
            f"({MRImageStorage}) or Enhanced MR Image Storage"
        )
    frame_number = frames.frame_number(header)
    if sop_class_uid in frames.ENHANCED_MR and not frame_number:
        raise SeriesUnusableError(
            f"no report: the frames of image {uid} cannot be told apart; expected functional "
            "groups that describe each"
        )
    thickness = numbers(header, "SliceThickness")
    return Slice(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=uid,
        frame_number=frame_number,
        position_mm=_geometry(header, uid, "ImagePositionPatient", 3),
        orientation=_orientation(header, uid),
        spacing_mm=_positive(header, uid, "PixelSpacing", 2),
        rows=int(_positive(header, uid, "Rows", 1)[0]),
        columns=int(_positive(header, uid, "Columns", 1)[0]),
        thickness_mm=thickness[0] if thickness and np.isfinite(thickness[0]) else None,
    )


def _geometry(header: Dataset, uid: str, keyword: str, count: int) -> Vector:
    values = np.asarray(numbers(header, keyword) or (), dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise SeriesUnusableError(
            f"no report: image {uid} has {keyword} {text(header, keyword)!r}; expected {count} "
            "numbers, without which no point can be placed on it"
        )
    return values


def _positive(header: Dataset, uid: str, keyword: str, count: int) -> Vector:
    values = _geometry(header, uid, keyword, count)
    if not (values > 0).all():
        raise SeriesUnusableError(
            f"no report: image {uid} has {keyword} {text(header, keyword)!r}; expected numbers "
            "above zero"
        )
    return values


def _orientation(header: Dataset, uid: str) -> Vector:
    values = _geometry(header, uid, "ImageOrientationPatient", 6)
    area = float(np.linalg.norm(np.cross(values[:3], values[3:])))
    if abs(area - 1) > 0.01:
        raise SeriesUnusableError(
            f"no report: image {uid} has ImageOrientationPatient "
            f"{text(header, 'ImageOrientationPatient')!r}; expected two perpendicular unit vectors"
        )
    return values
