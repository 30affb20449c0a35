"""The documents: a report of an answer, and a report that withdraws an earlier one."""

from collections.abc import Sequence
from typing import Final, Protocol

import structlog
from highdicom import sr
from pydicom import Dataset
from pydicom.uid import UID, Comprehensive3DSRStorage

from model.landmark import Prediction
from node.errors import SeriesUnusableError
from node.identity import (
    DEVICE_OBSERVER_UID,
    MANUFACTURER,
    MANUFACTURER_MODEL_NAME,
    derived_uid,
)
from node.report import codes as words
from node.report import content
from node.report.answer import (
    FORMAT_VERSION,
    Answer,
    ReportContext,
    answer,
    series_number,
)
from node.report.elements import plain, text
from node.report.file import part10
from node.report.header import Source, read_source
from node.report.points import valid_uid
from node.report.variant import STANDARD, Variant
from storage.reports import NewObject
from storage.tables import ObjectKind

logger = structlog.get_logger(__name__)

SERIES_DESCRIPTION: Final = "AI lumbar foramina (not verified)"
WITHDRAWAL_DESCRIPTION: Final = "AI lumbar foramina: withdrawn"


class Earlier(Protocol):
    """An object made before, as another one names it."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def study_instance_uid(self) -> str: ...
    @property
    def series_instance_uid(self) -> str: ...


def build(
    prediction: Prediction,
    headers: Sequence[Dataset],
    context: ReportContext,
    variant: Variant = STANDARD,
) -> NewObject:
    """Build the first report on a series: settle the answer, and write it in one form.

    Raises:
        SeriesUnusableError: no report can be made of these headers.
    """
    return report(answer(prediction, headers, context), variant)


def report(
    made: Answer,
    variant: Variant = STANDARD,
    earlier: Sequence[Earlier] = (),
    instance_number: int = 1,
) -> NewObject:
    """Build the report of an answer in one form.

    Args:
        made: the answer.
        variant: in which form.
        earlier: the documents that it supersedes.
        instance_number: its InstanceNumber; counts what was made of one series, so that viewers
            which sort by it show the newest last.
    """
    images = content.evidence(made.stack.slices, made.source)
    document = _document(
        variant.sop_class_uid,
        earlier,
        evidence=images,
        content=content.content(made, images, variant, bool(earlier)),
        series_instance_uid=made.series_uid("report series", variant.sop_class_uid),
        series_number=made.series_number(),
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=made.uid("report", variant.sop_class_uid, variant.name),
        instance_number=instance_number,
        software_versions=plain(made.software_version),
    )
    logger.info("report built", sop_instance_uid=document.SOPInstanceUID, located=len(made.located))
    data = part10(document, made.source, made.created_at)
    return _new(ObjectKind.REPORT, variant, document, earlier, data)


def withdrawal(
    headers: Sequence[Dataset],
    reason: str,
    earlier: Sequence[Earlier],
    context: ReportContext,
    *,
    variant: Variant = STANDARD,
    instance_number: int = 1,
) -> NewObject:
    """Build a report without coordinates that says: the earlier ones are withdrawn.

    Args:
        headers: of the series as it is now, which may be one that no report could be made of.
        reason: why, for people.
        earlier: the documents that are withdrawn, at least one.
        context: times and versions; its digests play no part.
        variant: its SOP class is that of the withdrawn report.
        instance_number: as for `report`.

    Raises:
        SeriesUnusableError: the headers name no patient and study for it, or no image.
    """
    source = read_source(headers)
    images = _references(headers, source)
    parts = (
        FORMAT_VERSION,
        variant.sop_class_uid,
        variant.name,
        source.digest,
        reason,
        *sorted(one.sop_instance_uid for one in earlier),
    )
    document = _document(
        variant.sop_class_uid,
        earlier,
        evidence=images,
        content=content.withdrawal(images, reason),
        series_instance_uid=derived_uid(
            "withdrawal series",
            variant.sop_class_uid,
            source.study_instance_uid,
            source.series_instance_uid,
            source.patient_id,
        ),
        series_number=series_number(source),
        series_description=WITHDRAWAL_DESCRIPTION,
        sop_instance_uid=derived_uid("withdrawal", *parts),
        instance_number=instance_number,
        software_versions=plain(context.software_version),
    )
    logger.info("withdrawal built", sop_instance_uid=document.SOPInstanceUID)
    data = part10(document, source, context.created_at)
    return _new(ObjectKind.WITHDRAWAL, variant, document, earlier, data)


def _document(sop_class_uid: UID, earlier: Sequence[Earlier], **values: object) -> Dataset:
    """Let highdicom make the object, then put in what it does not write."""
    three = sop_class_uid == Comprehensive3DSRStorage
    make = sr.Comprehensive3DSR if three else sr.ComprehensiveSR
    document: Dataset = make(
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER_MODEL_NAME,
        device_serial_number=DEVICE_OBSERVER_UID,
        is_complete=True,
        is_final=False,
        is_verified=False,
        previous_versions=[_predecessor(one) for one in earlier] or None,
        **values,
    )
    scheme = Dataset()
    scheme.CodingSchemeDesignator = words.LOCAL_SCHEME
    scheme.CodingSchemeName = words.LOCAL_SCHEME_NAME
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    document.CodingSchemeIdentificationSequence = [scheme]
    return document


def _predecessor(one: Earlier) -> Dataset:
    named = Dataset()
    named.SOPClassUID, named.SOPInstanceUID = one.sop_class_uid, one.sop_instance_uid
    named.StudyInstanceUID = one.study_instance_uid
    named.SeriesInstanceUID = one.series_instance_uid
    return named


def _new(
    kind: ObjectKind,
    variant: Variant,
    document: Dataset,
    earlier: Sequence[Earlier],
    data: bytes,
) -> NewObject:
    return NewObject(
        kind=kind,
        variant=variant.name,
        sop_instance_uid=document.SOPInstanceUID,
        sop_class_uid=document.SOPClassUID,
        study_instance_uid=document.StudyInstanceUID,
        series_instance_uid=document.SeriesInstanceUID,
        data=data,
        instance_number=int(document.InstanceNumber),
        names=tuple(one.sop_instance_uid for one in earlier),
    )


def _references(headers: Sequence[Dataset], source: Source) -> list[Dataset]:
    """Name the images of a series by what a reference needs, each once."""
    images: dict[str, Dataset] = {}
    for header in headers:
        uid, sop_class_uid = text(header, "SOPInstanceUID"), text(header, "SOPClassUID")
        if valid_uid(uid) and valid_uid(sop_class_uid) and text(header, "Rows"):
            image = content.unidentified(source)
            image.SOPClassUID, image.SOPInstanceUID = sop_class_uid, uid
            image.SeriesInstanceUID = source.series_instance_uid
            images[uid] = image
    if not images:
        raise SeriesUnusableError("no withdrawal: the series has no image; expected one at least")
    return [images[uid] for uid in sorted(images)]
