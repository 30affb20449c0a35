"""Structured Reports as other software writes them, made by hand from plain data sets."""

from collections.abc import Sequence
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SERIES, FRAME = "1.2.3.50", "1.2.3.51"
COMPREHENSIVE_3D, COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.88.33"
MR = "1.2.840.10008.5.1.4.1.1.4"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made


def item(
    value_type: str,
    name: tuple[str, str, str] | None = None,
    *children: Dataset,
    relationship: str = "CONTAINS",
    **values: object,
) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = relationship, value_type
    if name:
        made.ConceptNameCodeSequence = [code(*name)]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    if children:
        made.ContentSequence = list(children)
    return made


def text(meaning: str, value: str, *children: Dataset, code_value: str = "1") -> Dataset:
    return item("TEXT", (code_value, "99X", meaning), *children, TextValue=value)


def coded(name: tuple[str, str, str], value: tuple[str, str, str], *children: Dataset) -> Dataset:
    return item("CODE", name, *children, ConceptCodeSequence=[code(*value)])


def modifier(name: tuple[str, str, str], value: tuple[str, str, str]) -> Dataset:
    return item("CODE", name, relationship="HAS CONCEPT MOD", ConceptCodeSequence=[code(*value)])


def image(sop_instance_uid: str, relationship: str = "SELECTED FROM") -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = MR
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    return item("IMAGE", relationship=relationship, ReferencedSOPSequence=[reference])


def scoord(
    data: Sequence[float],
    sop_instance_uid: str,
    shape: str = "POINT",
    relationship: str = "CONTAINS",
    name: tuple[str, str, str] | None = ("111030", "DCM", "Image Region"),
) -> Dataset:
    return item(
        "SCOORD",
        name,
        image(sop_instance_uid),
        relationship=relationship,
        GraphicType=shape,
        GraphicData=list(data),
    )


def scoord3d(data: Sequence[float], shape: str = "POINT", frame: str = FRAME) -> Dataset:
    return item(
        "SCOORD3D",
        ("111030", "DCM", "Image Region"),
        GraphicType=shape,
        GraphicData=list(data),
        ReferencedFrameOfReferenceUID=frame,
    )


def by_reference(*position: int, relationship: str = "INFERRED FROM") -> Dataset:
    made = Dataset()
    made.RelationshipType = relationship
    made.ReferencedContentItemIdentifier = list(position)
    return made


def tracking(identifier: str, uid: str = "") -> list[Dataset]:
    made = item(
        "TEXT",
        ("112039", "DCM", "Tracking Identifier"),
        relationship="HAS OBS CONTEXT",
        TextValue=identifier,
    )
    if not uid:
        return [made]
    return [
        made,
        item(
            "UIDREF",
            ("112040", "DCM", "Tracking Unique Identifier"),
            relationship="HAS OBS CONTEXT",
            UID=uid,
        ),
    ]


def group(*children: Dataset) -> Dataset:
    return item("CONTAINER", ("125007", "DCM", "Measurement Group"), *children)


def person(name: str) -> Dataset:
    return item(
        "PNAME",
        ("121008", "DCM", "Person Observer Name"),
        relationship="HAS OBS CONTEXT",
        PersonName=name,
    )


def measurements(*groups: Dataset) -> list[Dataset]:
    return [item("CONTAINER", ("126010", "DCM", "Imaging Measurements"), *groups)]


def document(
    path: Path,
    content: Sequence[Dataset],
    evidence: Sequence[tuple[str, Sequence[str]]] = ((SERIES, ()),),
    sop_class_uid: str = COMPREHENSIVE_3D,
    **values: object,
) -> Path:
    """Write a report; `evidence` lists series with their instances."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class_uid, "1.2.3.70"
    made.Modality, made.ValueType = "SR", "CONTAINER"
    made.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    made.ContentDate, made.ContentTime = "20250314", "101500"
    made.TimezoneOffsetFromUTC = "+0100"
    made.ContentSequence = list(content)
    study = Dataset()
    study.ReferencedSeriesSequence = [_series(uid, instances) for uid, instances in evidence]
    made.CurrentRequestedProcedureEvidenceSequence = [study]
    for keyword, value in values.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = sop_class_uid
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)
    return path


def _series(uid: str, instances: Sequence[str]) -> Dataset:
    made = Dataset()
    made.SeriesInstanceUID = uid
    made.ReferencedSOPSequence = []
    for instance in instances or ("1.2.3.1",):
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = MR, instance
        made.ReferencedSOPSequence.append(reference)
    return made
