"""A phantom as a DICOM series: classic MR Image Storage, sagittal T1 (PS3.3 A.4.3).

Every UID follows from the seed, so that one seed always gives the same files. The patient is
plainly synthetic.
"""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from model.affine import spacing_mm
from model.phantom.drawing import Phantom

_NAMESPACE: Final = uuid.UUID("5c1d2f0e-9d0b-4f5b-8f57-3f0a6c6f9d11")
_WORDS: Final = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine",
)  # fmt: skip


def case_name(seed: int) -> str:
    """Name the case of a seed: `phantom-00007`."""
    return f"phantom-{seed:05d}"


def write_series(
    phantom: Phantom, folder: Path, attributes: Mapping[str, Any] | None = None
) -> list[Path]:
    """Write `dicom/*.dcm` and `truth.json` into a folder; give the paths of the images.

    Args:
        phantom: what to write.
        folder: the case's folder; made when missing.
        attributes: keyword to value, set on every instance last; None deletes the attribute.
    """
    (folder / "dicom").mkdir(parents=True, exist_ok=True)
    paths = []
    for number, dataset in enumerate(datasets(phantom, attributes), start=1):
        path = folder / "dicom" / f"{number:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    text = json.dumps(truth(phantom), indent=1)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    return paths


def truth(phantom: Phantom) -> dict[str, Any]:
    """Give what is known of a phantom, in the form that the scoring tools read."""
    return {
        "kind": "points",
        "contrast": "T1",
        "source": f"synthetic phantom, seed {phantom.seed}",
        "points": {name: list(point) for name, point in phantom.points.items()},
        "marks": {name: [list(p) for p in marks] for name, marks in phantom.marks.items()},
    }


def datasets(
    phantom: Phantom, attributes: Mapping[str, Any] | None = None
) -> list[pydicom.Dataset]:
    """Give one data set with file meta per slice, from the patient's right to the left."""
    result = []
    for index in range(len(phantom.pixels)):
        dataset = pydicom.Dataset()
        _patient_and_study(dataset, phantom)
        _series_and_equipment(dataset, phantom)
        _acquisition(dataset, phantom)
        _plane(dataset, phantom, index)
        _pixels(dataset, phantom.pixels[index])
        for keyword, value in (attributes or {}).items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta = _file_meta(dataset)
        result.append(dataset)
    return result


def _uid(phantom: Phantom, what: str) -> UID:
    """Make a UID from a name-based UUID (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{phantom.seed}/{what}').int}")


def _file_meta(dataset: pydicom.Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{_NAMESPACE.int}")
    return meta


def _patient_and_study(dataset: pydicom.Dataset, phantom: Phantom) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Phantom^" + " ".join(_WORDS[int(digit)] for digit in str(phantom.seed))
    dataset.PatientID = f"PHANTOM-{phantom.seed}"
    dataset.PatientBirthDate = "19700101"
    dataset.PatientSex = "O"
    dataset.PatientWeight = "75"
    dataset.StudyInstanceUID = _uid(phantom, "study")
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = "20200101"
    dataset.ContentDate = "20200101"
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = "120000"
    dataset.ContentTime = "120000"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.AccessionNumber = f"SYN{phantom.seed}"
    dataset.StudyDescription = "SYNTHETIC LUMBAR SPINE"


def _series_and_equipment(dataset: pydicom.Dataset, phantom: Phantom) -> None:
    dataset.Modality = "MR"
    dataset.SeriesInstanceUID = _uid(phantom, "series")
    dataset.SeriesNumber = 2
    dataset.SeriesDescription = "SAG T1 TSE"
    dataset.ProtocolName = "SAG T1 TSE"
    dataset.BodyPartExamined = "LSPINE"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = _uid(phantom, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "Foramina synthetic phantom"
    dataset.ManufacturerModelName = "model.phantom"
    dataset.SoftwareVersions = "1"
    dataset.DeviceSerialNumber = "0"


def _acquisition(dataset: pydicom.Dataset, phantom: Phantom) -> None:
    """Describe a plausible T1 turbo spin echo (PS3.3 C.8.3.1)."""
    slice_mm, row_mm, column_mm = spacing_mm(phantom.grid.affine)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.ScanningSequence = "SE"
    dataset.SequenceVariant = "SK"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "2D"
    dataset.RepetitionTime = "560"
    dataset.EchoTime = "11"
    dataset.EchoTrainLength = "3"
    dataset.NumberOfAverages = "2"
    dataset.MagneticFieldStrength = "1.5"
    dataset.ImagingFrequency = "63.87"
    dataset.ImagedNucleus = "1H"
    dataset.EchoNumbers = "1"
    dataset.FlipAngle = "150"
    dataset.SliceThickness = f"{phantom.grid.slice_thickness_mm:.2f}"
    dataset.SpacingBetweenSlices = f"{slice_mm:.6f}"
    dataset.PixelSpacing = [f"{row_mm:.6f}", f"{column_mm:.6f}"]


def _plane(dataset: pydicom.Dataset, phantom: Phantom, index: int) -> None:
    """Place one slice (PS3.3 C.7.6.2); numbers keep to the 16 characters of a DS."""
    affine = phantom.grid.affine
    along = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    down = affine[:3, 1] / np.linalg.norm(affine[:3, 1])
    position = affine[:3, 3] + index * affine[:3, 0]
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = _uid(phantom, f"slice {index}")
    dataset.InstanceNumber = index + 1
    dataset.AcquisitionNumber = 1
    dataset.ImageOrientationPatient = [f"{value:.9f}" for value in (*along, *down)]
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in position]
    dataset.SliceLocation = f"{float(position[0]):.4f}"


def _pixels(dataset: pydicom.Dataset, pixels: np.ndarray[Any, np.dtype[np.uint16]]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.WindowCenter = f"{float(pixels.max()) / 2:.1f}"
    dataset.WindowWidth = f"{float(pixels.max()) + 1:.1f}"
    dataset.PixelData = pixels.astype("<u2").tobytes()
