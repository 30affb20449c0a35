"""DICOM files below a folder: which series each image belongs to, and where its plane lies.

Only headers are read, leniently: what is missing is empty, and the one who needs it complains.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from model import inflation
from model.affine import FloatArray
from model.landmark import Point

Report = Callable[[int], None]
"""Called with the number of files read so far."""

_TAGS: Final = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID",
    "IssuerOfPatientID", "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "Rows", "Columns",
)  # fmt: skip
_NOT_IMAGES: Final = frozenset({"DICOMDIR"})
UNREADABLE: Final = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom raises on broken files and elements; its own OSErrors have no number."""

_FIRST_CENTRE: Final = 0.5  # PS3.3 section C.18.6.1.1: the outer corner of the first pixel is 0, 0


class DamagedError(ValueError):
    """A file is no DICOM file, or a damaged one; the message does not name it."""


@dataclass(frozen=True, eq=False, slots=True)
class Plane:
    """Where an image lies in the patient (PS3.3 section C.7.6.2.1.1).

    Attributes:
        position_mm: centre of the first pixel.
        along: unit direction in which the column index rises.
        down: unit direction in which the row index rises.
        spacing_mm: between rows, between columns.
        rows, columns: size in pixels.
    """

    position_mm: FloatArray
    along: FloatArray
    down: FloatArray
    spacing_mm: tuple[float, float]
    rows: int
    columns: int

    def to_patient(self, x: float, y: float) -> Point:
        """Give the point in LPS mm of a column x and a row y as SCOORD counts them."""
        right = self.along * (x - _FIRST_CENTRE) * self.spacing_mm[1]
        below = self.down * (y - _FIRST_CENTRE) * self.spacing_mm[0]
        left, back, head = self.position_mm + right + below
        return float(left), float(back), float(head)

    def distance_mm(self, point_mm: Point) -> float:
        """Tell how far a point lies out of the plane."""
        normal = np.cross(self.along, self.down)
        return abs(float(normal @ (np.asarray(point_mm) - self.position_mm)))


@dataclass(frozen=True, eq=False, slots=True)
class Image:
    """One image file, by its header.

    Attributes:
        path: the file.
        sop_instance_uid, series_instance_uid, study_instance_uid: what it is; may be empty.
        frame_of_reference_uid: may be empty.
        patient: pseudonym of PatientID with its issuer; empty when there is no PatientID.
        plane: None when the header does not say where it lies.
    """

    path: Path
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    patient: str
    plane: Plane | None


def files(folder: Path) -> list[Path]:
    """List every file below a folder, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def images(paths: Sequence[Path], report: Report | None = None) -> Iterator[Image]:
    """Yield the images among files; what is no DICOM image (no Rows) is passed over.

    Raises:
        OSError: a file cannot be read from the disk.
    """
    for number, path in enumerate(paths, start=1):
        header = read_header(path)
        if header is not None and "Rows" in header:
            yield image(path, header)
        if report is not None:
            report(number)


def read_dicom(path: Path, **options: Any) -> Dataset:
    """Read a file as `pydicom.dcmread` does.

    Raises:
        DamagedError: it is no DICOM file, or a damaged one.
        OSError: it cannot be read from the disk.
    """
    try:
        inflation.check(path)
        return pydicom.dcmread(path, **options)
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError(_damage(error)) from error  # pydicom's own, of a broken structure
    except UNREADABLE as error:
        raise DamagedError(_damage(error)) from error


def _damage(error: Exception) -> str:
    if isinstance(error, InvalidDicomError):
        return "no DICOM file: expected 'DICM' after a preamble of 128 bytes"
    return f"a damaged DICOM file ({type(error).__name__}): take it from its source again"


def read_header(path: Path) -> Dataset | None:
    """Read what this module needs of a header; None when the file is no DICOM file."""
    if path.name in _NOT_IMAGES or path.suffix.lower() in {".json", ".md", ".csv", ".txt"}:
        return None
    try:
        return read_dicom(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    except DamagedError:
        return None


def image(path: Path, header: Dataset) -> Image:
    """Say of a header what `Image` holds."""
    return Image(
        path=path,
        sop_instance_uid=text(header, "SOPInstanceUID"),
        series_instance_uid=text(header, "SeriesInstanceUID"),
        study_instance_uid=text(header, "StudyInstanceUID"),
        frame_of_reference_uid=text(header, "FrameOfReferenceUID"),
        patient=pseudonym(text(header, "PatientID"), text(header, "IssuerOfPatientID")),
        plane=_plane(header),
    )


def pseudonym(patient_id: str, issuer: str = "") -> str:
    """Hide a patient's number: the first 16 digits of SHA-256; empty for an empty number.

    It keeps numbers out of files and messages; who has a list of numbers can still find them.
    """
    if not patient_id:
        return ""
    return hashlib.sha256(f"{issuer}\n{patient_id}".encode()).hexdigest()[:16]


def text(header: Dataset, keyword: str) -> str:
    """Give an element as text without outer spaces; empty when missing or unreadable."""
    try:
        value: Any = header.get(keyword)
    except UNREADABLE:
        return ""
    return "" if value is None else str(value).strip(" \0")


def _plane(header: Dataset) -> Plane | None:
    position = _numbers(header, "ImagePositionPatient", 3)
    orientation = _numbers(header, "ImageOrientationPatient", 6)
    spacing = _numbers(header, "PixelSpacing", 2)
    size = _numbers(header, "Rows", 1), _numbers(header, "Columns", 1)
    if position is None or orientation is None or spacing is None or None in size:
        return None
    rows, columns = (int(one[0]) for one in size if one is not None)
    return Plane(
        position_mm=position,
        along=orientation[:3],
        down=orientation[3:],
        spacing_mm=(float(spacing[0]), float(spacing[1])),
        rows=rows,
        columns=columns,
    )


def _numbers(header: Dataset, keyword: str, count: int) -> FloatArray | None:
    try:
        value: Any = header.get(keyword)
        found = np.array(value, np.float64).reshape(-1)
    except UNREADABLE:
        return None
    return found if len(found) == count and np.isfinite(found).all() else None
