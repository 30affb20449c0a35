"""A series as one array in patient space.

Coordinates are DICOM patient coordinates (LPS), mm: x to the patient's left, y to the back, z to
the head (PS3.3 C.7.6.2.1.1). ImagePositionPatient and ImageOrientationPatient alone say where a
pixel lies; PatientPosition, InstanceNumber and file names say nothing here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError

from model import affine as affine_map
from model.affine import FloatArray
from model.slices import Slice, VolumeError, content_digest, ordered, read_slice

__all__ = ["Volume", "VolumeError", "from_datasets", "load"]


@dataclass(frozen=True, eq=False, slots=True)
class Volume:
    """Pixels of one series with their place in the patient.

    Attributes:
        pixels: float32 (slice, row, column), rescaled by RescaleSlope and RescaleIntercept;
            slices run along `affine`'s first column, whose largest component is positive
            (sagittal: from the patient's right to the left).
        affine: float64 4x4, maps (slice, row, column, 1) of pixel centres to mm.
        frame_of_reference_uid: FrameOfReferenceUID, empty when the series has none.
        sop_instance_uids: one per slice, in slice order.
        content_digest: SHA-256 over SOPInstanceUIDs, decoded pixels and geometry, hexadecimal;
            independent of transfer syntax and file order.
    """

    pixels: npt.NDArray[np.float32]
    affine: FloatArray
    frame_of_reference_uid: str
    sop_instance_uids: tuple[str, ...]
    content_digest: str

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
    try:
        return pydicom.dcmread(path)
    except InvalidDicomError as error:
        raise VolumeError(
            f"{path.name} is not a DICOM file: expected 'DICM' after a preamble of 128 bytes"
        ) from error


def from_datasets(datasets: Iterable[pydicom.Dataset]) -> Volume:
    """Stack single-frame instances with pixels into a volume.

    Raises:
        VolumeError: no slice positions; differing orientation, size, spacing or frame of
            reference; duplicate positions; fewer than 3 slices; a missing slice (it says where);
            pixels that cannot be decoded; multi-frame or colour images.
    """
    slices = ordered([read_slice(dataset) for dataset in datasets])
    return Volume(
        pixels=np.stack([one.pixels for one in slices]),
        affine=_affine(slices),
        frame_of_reference_uid=slices[0].frame_of_reference_uid,
        sop_instance_uids=tuple(one.sop_instance_uid for one in slices),
        content_digest=content_digest(slices),
    )


def _affine(slices: Sequence[Slice]) -> FloatArray:
    """Compose the affine (PS3.3 equation C.7.6.2.1-1), the slice step averaged over the stack."""
    first, last = slices[0], slices[-1]
    affine = np.eye(4)
    affine[:3, 0] = (last.position_mm - first.position_mm) / (len(slices) - 1)
    affine[:3, 1] = first.down * first.pixel_spacing_mm[0]
    affine[:3, 2] = first.along * first.pixel_spacing_mm[1]
    affine[:3, 3] = first.position_mm
    return affine
