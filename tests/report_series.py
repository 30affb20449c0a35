"""Tiny oblique sagittal series for the tests of reports, and a reader of what was written.

Nothing here uses the code under test: geometry and bytes are worked out again.
"""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from model.labels import LABELS, SIDES
from model.landmark import Landmark, Prediction
from node import report
from node.report import Answer, ReportContext

ROWS, COLUMNS, SLICES = 48, 24, 5
BETWEEN_ROWS_MM, BETWEEN_COLUMNS_MM, GAP_MM = 4.0, 4.0, 8.0
STUDY, SERIES, FRAME = "1.2.826.0.1.1", "1.2.826.0.1.1.2", "1.2.826.0.1.1.3"
ORIGIN_MM = np.array([31.25, -40.5, 82.125])


def _rotation(degrees: float, axis: int) -> np.ndarray:
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cos
    matrix[first, second], matrix[second, first] = -sin, sin
    return matrix


TURN = _rotation(7, 2) @ _rotation(4, 1)
ROW, COLUMN = TURN @ [0, 1, 0], TURN @ [0, 0, -1]  # to the back, to the feet
NORMAL = np.cross(ROW, COLUMN)  # to the patient's right: -x


def world(index: int, row: float, column: float, off_mm: float = 0.0) -> tuple[float, ...]:
    """Give LPS mm of the centre of a pixel (PS3.3 equation C.7.6.2.1-1), `off_mm` out of plane."""
    point = ORIGIN_MM + NORMAL * (GAP_MM * index + off_mm)
    point = point + ROW * BETWEEN_COLUMNS_MM * column + COLUMN * BETWEEN_ROWS_MM * row
    return tuple(float(value) for value in point)


def image(index: int) -> Dataset:
    """Make the header of one image."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = MRImageStorage, f"{SERIES}.{index + 1}"
    made.SpecificCharacterSet = "ISO_IR 100"
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, SERIES
    made.Modality, made.SeriesNumber, made.InstanceNumber = "MR", 5, index + 1
    made.PatientName, made.PatientID = "Doe^Jane", "P1"
    made.PatientBirthDate, made.PatientSex = "19700101", "F"
    made.StudyDate, made.StudyTime, made.StudyID = "20250314", "100000", "S1"
    made.AccessionNumber, made.ReferringPhysicianName = "A1", "Ref^Doc"
    made.FrameOfReferenceUID, made.SliceThickness = FRAME, 4.0
    made.Rows, made.Columns = ROWS, COLUMNS
    made.PixelSpacing = [BETWEEN_ROWS_MM, BETWEEN_COLUMNS_MM]
    made.ImageOrientationPatient = [f"{value:.12f}" for value in (*ROW, *COLUMN)]
    made.ImagePositionPatient = [f"{value:.9f}" for value in world(index, 0, 0)]
    return made


def encoded(header: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Write a header as a file."""
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = transfer_syntax
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    stream = BytesIO()
    header.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def read(data: bytes) -> Dataset:
    """Read a header as the node does."""
    return dcmread(BytesIO(data), stop_before_pixels=True)


def series(transfer_syntax: str = ExplicitVRLittleEndian, **changes: object) -> list[Dataset]:
    """Make the headers of a series as read from files; None takes an attribute away."""
    headers = []
    for index in range(SLICES):
        header = image(index)
        for keyword, value in changes.items():
            if value is None:
                del header[keyword]
            else:
                setattr(header, keyword, value)
        headers.append(read(encoded(header, transfer_syntax)))
    return headers


def pixel(label: str) -> tuple[int, float, float]:
    """Say where the tests have a foramen: (slice, row, column), off the pixel centres."""
    level, side = divmod(LABELS.index(label), len(SIDES))
    return (1 if side == 0 else 3), 6.25 + 8 * level, 10.75 + 0.5 * level


def prediction(**changes: object) -> Prediction:
    """Answer all ten foramina, 1.5 mm out of the plane of their images."""
    marks = tuple(
        Landmark(label, world(*pixel(label), off_mm=1.5), 0.9 + index / 100)
        for index, label in enumerate(LABELS)
    )
    base = Prediction(marks, "phantom-1", "1.2.0", "0123456789abcdef" * 4)
    return replace(base, **changes)


def with_marks(**marks: Landmark | str | tuple[float, ...]) -> Prediction:
    """Answer with some landmarks other than usual: `L4_left` a reason for none, or a point."""
    base = prediction()
    landmarks = []
    for mark in base.landmarks:
        other = marks.get(mark.label.replace("-", "_"), mark)
        if isinstance(other, str):
            other = Landmark(mark.label, reason=other)
        elif isinstance(other, tuple):
            other = Landmark(mark.label, other, mark.confidence)
        landmarks.append(other)
    return replace(base, landmarks=tuple(landmarks))


def abstained(reason: str, **changes: object) -> Prediction:
    """Answer that the whole scan is abstained from."""
    marks = tuple(Landmark(label, reason="levels in doubt") for label in LABELS)
    return prediction(landmarks=marks, abstained=reason, **changes)


def context(**changes: object) -> ReportContext:
    """Give what else a report depends on."""
    created_at = datetime(2025, 11, 23, 22, 30, 5, 120000, tzinfo=UTC)
    return replace(ReportContext("c" * 64, "d" * 64, created_at, "0.1.0"), **changes)


def answer(
    prediction_: Prediction | None = None, headers: list[Dataset] | None = None, **changes: object
) -> Answer:
    """Settle a prediction, the usual one unless another is given, on a series."""
    return report.answer(prediction_ or prediction(), headers or series(), context(**changes))


def value_bytes(data: bytes) -> dict[int, tuple[str, bytes]]:
    """Cut an Explicit VR Little Endian file into VR and value bytes per tag of the top level."""
    start = 144 + int.from_bytes(data[140:144], "little")  # behind the file meta information
    return _cut(data[start:])


def _cut(data: bytes) -> dict[int, tuple[str, bytes]]:
    found, at, before = {}, 0, -1
    while at < len(data):
        group = int.from_bytes(data[at : at + 2], "little")
        tag = group << 16 | int.from_bytes(data[at + 2 : at + 4], "little")
        vr = data[at + 4 : at + 6].decode()
        long = vr in {"OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UC", "UN", "UR", "UT", "SV", "UV"}
        head = 12 if long else 8
        length = int.from_bytes(data[at + (8 if long else 6) : at + head], "little")
        if tag <= before:
            raise ValueError(f"{tag:08X} stands behind {before:08X}")
        found[tag] = (vr, data[at + head : at + head + length])
        at, before = at + head + length, tag
    return found


def first_item(value: bytes) -> dict[int, tuple[str, bytes]]:
    """Cut the first item of a sequence of defined length."""
    if value[:4] != b"\xfe\xff\x00\xe0":
        raise ValueError(f"no item begins with {value[:4].hex()}")
    length = int.from_bytes(value[4:8], "little")
    return _cut(value[8 : 8 + length])


def name(item: Dataset) -> tuple[str, str]:
    """Give value and meaning of the concept name of a content item."""
    code = item.ConceptNameCodeSequence[0]
    return code.CodeValue, code.CodeMeaning


def code_of(document: Dataset) -> str:
    """Give the code value of a document's title; empty when it has none."""
    titles = document.get("ConceptNameCodeSequence")
    return titles[0].CodeValue if titles else ""


def children(item: Dataset, value: str) -> list[Dataset]:
    """List the content items below one whose concept name has a code value."""
    return [child for child in item.get("ContentSequence", []) if name(child)[0] == value]


def child(item: Dataset, value: str) -> Dataset:
    """Give the one content item below another with a code value."""
    (found,) = children(item, value)
    return found


def groups(document: Dataset) -> list[Dataset]:
    """List the measurement groups of a report."""
    return [
        group
        for container in children(document, "126010")
        for group in children(container, "125007")
    ]
