"""Headers of a crafted series, for the tests of rules: a sagittal lumbar T1 that both sets take."""

from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import MRImageStorage

HANDLES: dict[str, Any] = {
    "plane": "sagittal",
    "weighting": ["T1"],
    "field_of_view_mm": [200, 450],
    "pixel_spacing_mm": [0.2, 1.3],
    "slice_spacing_mm": [2.5, 6.0],
    "slices": [9, 40],
    "patient_position": ["HFS", "FFS"],
}
SLICES = 15


def series(slices: int = SLICES, **changes: Any) -> list[Dataset]:
    """Make headers; a change sets a keyword in all of them, None deletes it."""
    return [_header(index, changes) for index in range(slices)]


def with_raw(header: Dataset, keyword: str, raw: bytes, vr: str | None = None) -> Dataset:
    """Put bytes into an element as if they had been read from a file, however wrong they are."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    vr = vr or dictionary_VR(tag)
    header[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    return header


def _header(index: int, changes: dict[str, Any]) -> Dataset:
    header = Dataset()
    values = {
        "SOPClassUID": MRImageStorage,
        "SOPInstanceUID": f"1.2.3.{index + 1}",
        "Modality": "MR",
        "Manufacturer": "SIEMENS",
        "ManufacturerModelName": "Aera",
        "SeriesDescription": "t1_tse_sag",
        "BodyPartExamined": "LSPINE",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "ScanningSequence": "SE",
        "SequenceVariant": "SK",
        "ScanOptions": "SAT1",
        "RepetitionTime": 560,
        "EchoTime": 9.4,
        "EchoTrainLength": 3,
        "SliceThickness": 4,
        "SpacingBetweenSlices": 4.4,
        "PixelSpacing": [0.7, 0.7],
        "Rows": 512,
        "Columns": 512,
        "ImageOrientationPatient": [0, 1, 0, 0, 0, -1],
        "ImagePositionPatient": [4.4 * index - 30, -180, 180],
        "PatientPosition": "HFS",
        "PatientName": "Jansen^Piet",
        "PatientID": "secret-4711",
    } | changes
    for keyword, value in values.items():
        if value is not None:
            setattr(header, keyword, value)
    return header
