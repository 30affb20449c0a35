"""The answer: a Comprehensive 3D SR with the lumbar foramina of one series.

    Prediction + headers -> nearest images -> impossible order dropped -> content -> bytes

Equal input gives equal bytes on every host and at every time: UIDs are derived, times are the
caller's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Final

import structlog
from highdicom import sr
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, Comprehensive3DSRStorage, ExplicitVRLittleEndian

from model import order
from model.landmark import Landmark, Prediction
from node.identity import (
    DEVICE_OBSERVER_UID,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    MANUFACTURER,
    MANUFACTURER_MODEL_NAME,
    derived_uid,
)
from node.report import codes as words
from node.report.content import Located, content, evidence, plain
from node.report.elements import tag_of, written
from node.report.header import CARRIED, Source, read_source
from node.report.points import OUTSIDE, Placed, Stack, read_stack
from storage.reports import NewReport

logger = structlog.get_logger(__name__)

FORMAT_VERSION: Final = "1"
"""Counts up whenever equal input would give other bytes, so that the UID changes with them."""

SERIES_DESCRIPTION: Final = "AI lumbar foramina (not verified)"
_SERIES_NUMBER_BASE: Final = 9000  # behind everything that a scanner makes
_CLOCKED: Final = ("ContributingEquipmentSequence",)  # highdicom notes there when it was run
_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")  # PS3.3 C.12.1.1.8


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What a report depends on beside prediction and headers.

    Attributes:
        content_digest: over the images, from `model.volume`.
        config_digest: over the settings that change a report.
        created_at: when the job was made; aware. Written in the zone it has, or in the source's
            where the source names one.
        software_version: of the node.
    """

    content_digest: str
    config_digest: str
    created_at: datetime
    software_version: str

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError(f"created_at {self.created_at!r} has no time zone")


def build(prediction: Prediction, headers: Sequence[Dataset], context: ReportContext) -> NewReport:
    """Build the report of one series.

    Args:
        prediction: what the localiser answered.
        headers: the series' images without pixels, in any order, read from files and not looked
            into: decoding an element forgets the bytes that the report has to repeat.
        context: what else the report depends on.

    Returns:
        The object as a file (PS3.10), and the prediction as the report tells it: points on their
        images, and a reason for each that was left out.

    Raises:
        SeriesUnusableError: no report can be made of these headers.
    """
    source = read_source(headers)
    stack = read_stack(headers)
    final, located = settle(prediction, stack)
    uid = _sop_instance_uid(prediction, source, context)
    images = evidence(stack.slices, source)
    document = sr.Comprehensive3DSR(
        evidence=images,
        content=content(final, located, images, source, uid),
        series_instance_uid=_series_instance_uid(prediction, source),
        series_number=_series_number(source),
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER_MODEL_NAME,
        device_serial_number=DEVICE_OBSERVER_UID,
        software_versions=plain(context.software_version),
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    _finish(document, source, context)
    logger.info("report built", sop_instance_uid=uid, located=len(located))
    return NewReport(
        sop_instance_uid=uid,
        sop_class_uid=Comprehensive3DSRStorage,
        series_instance_uid=document.SeriesInstanceUID,
        data=_part10(document, source),
        located=len(located),
        prediction=final.to_json(),
    )


def settle(prediction: Prediction, stack: Stack) -> tuple[Prediction, tuple[Located, ...]]:
    """Put the points on their images and drop those that cannot stand in a report.

    Returns:
        The prediction with its points on the images and a reason for each that was dropped, and
        the landmarks that get groups, in the order of the labels.
    """
    placed = {mark.label: stack.place(mark.point_mm) for mark in prediction.landmarks
              if mark.point_mm is not None}  # fmt: skip
    inside = {label: place for label, place in placed.items() if place is not None}
    wrong = order.impossible({label: place.point_mm for label, place in inside.items()})
    landmarks = tuple(_settled(mark, inside, wrong) for mark in prediction.landmarks)
    located = tuple(Located(mark, inside[mark.label]) for mark in landmarks if mark.found)
    return replace(prediction, landmarks=landmarks), located


def _settled(mark: Landmark, inside: dict[str, Placed], wrong: dict[str, str]) -> Landmark:
    if not mark.found:
        return mark
    if mark.label not in inside:
        return Landmark(mark.label, reason=OUTSIDE)
    if mark.label in wrong:
        return Landmark(mark.label, reason=wrong[mark.label])
    return replace(mark, point_mm=inside[mark.label].point_mm)


def _sop_instance_uid(prediction: Prediction, source: Source, context: ReportContext) -> str:
    return derived_uid(
        "report",
        FORMAT_VERSION,
        Comprehensive3DSRStorage,
        context.content_digest,
        context.config_digest,
        source.digest,
        *_bundle(prediction),
    )


def _series_instance_uid(prediction: Prediction, source: Source) -> str:
    return derived_uid(
        "report series",
        Comprehensive3DSRStorage,
        source.study_instance_uid,
        source.series_instance_uid,
        source.patient_id,
        *_bundle(prediction),
    )


def _bundle(prediction: Prediction) -> tuple[str, str, str]:
    return prediction.bundle, prediction.bundle_version, prediction.bundle_digest


def _series_number(source: Source) -> int:
    number = source.series_number
    return _SERIES_NUMBER_BASE + (number if number is not None and number < 999 else 999)


def _finish(document: Dataset, source: Source, context: ReportContext) -> None:
    """Put in what highdicom does not write, or writes from the clock."""
    created_at = _in_zone(context.created_at, source.timezone_offset)
    document.ContentDate = document.InstanceCreationDate = created_at.strftime("%Y%m%d")
    document.ContentTime = document.InstanceCreationTime = created_at.strftime("%H%M%S.%f")
    scheme = Dataset()
    scheme.CodingSchemeDesignator = words.LOCAL_SCHEME
    scheme.CodingSchemeName = words.LOCAL_SCHEME_NAME
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    document.CodingSchemeIdentificationSequence = [scheme]


def _in_zone(created_at: datetime, offset: str) -> datetime:
    """Turn a time into the zone that TimezoneOffsetFromUTC declares for the whole object."""
    match = _OFFSET.fullmatch(offset)
    if match is None:
        return created_at
    sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return created_at.astimezone(timezone(ahead if sign == "+" else -ahead))


def _part10(document: Dataset, source: Source) -> bytes:
    """Write the file: preamble, file meta, the node's own elements and the carried ones."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = document.SOPClassUID
    meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    stream.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(stream, meta, enforce_standard=True)
    left_out = {tag_of(keyword) for keyword in (*CARRIED, *_CLOCKED)}
    own = [element for element in document if element.tag not in left_out]
    stream.write(written([*own, *source.elements]))
    return stream.getvalue()
