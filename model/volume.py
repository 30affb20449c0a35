"""A series as one array in patient space.

Coordinates are DICOM patient coordinates (LPS), mm: x to the patient's left, y to the back, z to
the head (PS3.3 C.7.6.2.1.1). ImagePositionPatient and ImageOrientationPatient alone say where a
pixel lies; PatientPosition, InstanceNumber and file names say nothing here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError

from model import affine as affine_map
from model import inflation
from model.affine import FloatArray
from model.archive import UNREADABLE
from model.frames import VolumeError, concatenation_fault, concatenation_part
from model.pixels import MAX_PIXELS
from model.slices import Slice, content_digest, ordered, read_slices

__all__ = ["Volume", "VolumeError", "from_datasets", "load"]

MAX_FILE_BYTES: Final = 2**30
"""Of one instance: as many pixels as a series may have, of 64 bits each."""


@dataclass(frozen=True, eq=False, slots=True)
class Volume:
    """Pixels of one series with their place in the patient.

    Attributes:
        pixels: float32 (slice, row, column), rescaled by RescaleSlope and RescaleIntercept, and
            turned so that the largest is white (MONOCHROME2); slices run along `affine`'s first
            column, whose largest component is positive (sagittal: from the patient's right to the
            left).
        affine: float64 4x4, maps (slice, row, column, 1) of pixel centres to mm.
        frame_of_reference_uid: FrameOfReferenceUID, empty when the series has none.
        sop_instance_uids: one per slice, in slice order; frames of one instance share theirs.
        content_digest: SHA-256 over SOPInstanceUIDs, decoded pixels and geometry, hexadecimal;
            independent of transfer syntax and file order.
        frame_numbers: one per slice, from 1, None for a classic instance; empty when not known.
    """

    pixels: npt.NDArray[np.float32]
    affine: FloatArray
    frame_of_reference_uid: str
    sop_instance_uids: tuple[str, ...]
    content_digest: str
    frame_numbers: tuple[int | None, ...] = ()

    def to_patient(self, index: npt.ArrayLike) -> FloatArray:
        """Map (n, 3) indices (slice, row, column) to (n, 3) mm."""
        return affine_map.to_patient(self.affine, index)

    def to_index(self, points_mm: npt.ArrayLike) -> FloatArray:
        """Map (n, 3) mm to (n, 3) fractional indices (slice, row, column)."""
        return affine_map.to_index(self.affine, points_mm)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Give the distance between slice, row and column centres, mm."""
        return affine_map.spacing_mm(self.affine)


def load(paths: Sequence[Path]) -> Volume:
    """Read the DICOM files of one series into a volume; their order does not matter.

    Raises:
        VolumeError: the files do not make one volume; the message says why.
        OSError: a file cannot be read from the disk.
    """
    return from_datasets(_read(path) for path in paths)


def _read(path: Path) -> pydicom.Dataset:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise VolumeError(f"{path.name} has {size} bytes; expected at most {MAX_FILE_BYTES}")
    try:
        inflation.check(path)
        return pydicom.dcmread(path)
    except inflation.InflatedTooLargeError as error:
        raise VolumeError(str(error)) from error
    except InvalidDicomError as error:
        raise VolumeError(
            f"{path.name} is not a DICOM file: expected 'DICM' after a preamble of 128 bytes"
        ) from error
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk, not the content
            raise
        raise VolumeError(
            f"{path.name} cannot be read ({type(error).__name__}); expected a DICOM file: send "
            "the series again"
        ) from error


def from_datasets(datasets: Iterable[pydicom.Dataset]) -> Volume:
    """Stack instances with pixels into a volume: classic ones, or the frames of Enhanced MR.

    Raises:
        VolumeError: no slice positions; differing orientation, size, spacing or frame of
            reference; duplicate positions; fewer than 3 slices; a missing slice (it says where);
            a missing part of a concatenation; pixels that cannot be decoded, or too many; colour.
    """
    slices = ordered(_slices(datasets))
    return Volume(
        pixels=_bright_is_white(slices),
        affine=_affine(slices),
        frame_of_reference_uid=slices[0].frame_of_reference_uid,
        sop_instance_uids=tuple(one.sop_instance_uid for one in slices),
        content_digest=content_digest(slices),
        frame_numbers=tuple(one.frame_number for one in slices),
    )


def _slices(datasets: Iterable[pydicom.Dataset]) -> list[Slice]:
    """Read all slices; of one instance at a time the encoded pixels are in memory."""
    slices: list[Slice] = []
    concatenated: list[pydicom.Dataset] = []
    room = MAX_PIXELS
    for dataset in datasets:
        with _readable():
            found = read_slices(dataset, room)
            room -= sum(one.pixels.size for one in found)
            slices.extend(found)
            if "ConcatenationUID" in dataset:
                concatenated.append(concatenation_part(dataset))
    fault = concatenation_fault(concatenated)
    if fault:
        raise VolumeError(f"the series is not whole: {fault}")
    return slices


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what pydicom raises on an element whose bytes are no value of its VR into a sentence."""
    try:
        yield
    except VolumeError:
        raise
    except UNREADABLE as error:
        raise VolumeError(
            f"an instance has an element that cannot be read ({type(error).__name__}); expected "
            "values as their VR says: send the series again"
        ) from error


def _bright_is_white(slices: Sequence[Slice]) -> npt.NDArray[np.float32]:
    """Stack the pixels; MONOCHROME1 is mirrored within its own range (PS3.3 C.7.6.3.1.2)."""
    stacked = np.stack([one.pixels for one in slices])
    if slices[0].inverted:
        np.subtract(stacked.min() + stacked.max(), stacked, out=stacked)
    return stacked


def _affine(slices: Sequence[Slice]) -> FloatArray:
    """Compose the affine (PS3.3 equation C.7.6.2.1-1), the slice step averaged over the stack."""
    first, last = slices[0], slices[-1]
    affine = np.eye(4)
    affine[:3, 0] = (last.position_mm - first.position_mm) / (len(slices) - 1)
    affine[:3, 1] = first.down * first.pixel_spacing_mm[0]
    affine[:3, 2] = first.along * first.pixel_spacing_mm[1]
    affine[:3, 3] = first.position_mm
    return affine
