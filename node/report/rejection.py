"""A rejection note: tells an archive that manages changes to hide the objects named in it.

A Key Object Selection titled (113001, DCM, Rejected for Quality Reasons), as IHE's Imaging Object
Change Management has it. For archives that do not hide what a newer document supersedes.
"""

from collections.abc import Sequence
from typing import Final

import structlog
from highdicom import ko
from pydicom import Dataset
from pydicom.sr.codedict import codes

from node.identity import (
    DEVICE_OBSERVER_UID,
    MANUFACTURER,
    MANUFACTURER_MODEL_NAME,
    derived_uid,
)
from node.report.answer import FORMAT_VERSION, ReportContext, series_number
from node.report.content import observer, unidentified
from node.report.document import Earlier
from node.report.elements import plain
from node.report.file import part10
from node.report.header import read_source
from storage.reports import NewObject
from storage.tables import ObjectKind

logger = structlog.get_logger(__name__)

SERIES_DESCRIPTION: Final = "AI lumbar foramina: rejection note"
_DESCRIPTION: Final = (
    "AI results for research use that a newer document replaces or withdraws. Do not use them."
)
_SERIES_OFFSET: Final = 1000


def rejection_note(
    headers: Sequence[Dataset], rejected: Sequence[Earlier], context: ReportContext
) -> NewObject | None:
    """Build the note that rejects earlier objects of the series' study.

    Returns:
        The note; None when nothing of `rejected` is in this study: what a correction has moved
        to another one cannot be named from here.

    Raises:
        SeriesUnusableError: the headers name no patient and study for it.
    """
    source = read_source(headers)
    here = sorted(
        (one for one in rejected if one.study_instance_uid == source.study_instance_uid),
        key=lambda one: one.sop_instance_uid,
    )
    if not here:
        return None
    uids = tuple(one.sop_instance_uid for one in here)
    objects = []
    for one in here:
        named = unidentified(source)
        named.SOPClassUID, named.SOPInstanceUID = one.sop_class_uid, one.sop_instance_uid
        named.SeriesInstanceUID = one.series_instance_uid
        objects.append(named)
    uid = derived_uid("rejection note", FORMAT_VERSION, source.digest, *uids)
    document = ko.KeyObjectSelectionDocument(
        evidence=objects,
        content=ko.KeyObjectSelection(
            codes.DCM.RejectedForQualityReasons,
            referenced_objects=objects,
            observer_device_context=observer(),
            description=_DESCRIPTION,
        ),
        series_instance_uid=derived_uid(
            "rejection note series", source.study_instance_uid, source.series_instance_uid
        ),
        series_number=series_number(source, _SERIES_OFFSET),
        series_description=SERIES_DESCRIPTION,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER_MODEL_NAME,
        device_serial_number=DEVICE_OBSERVER_UID,
        software_versions=plain(context.software_version),
    )
    logger.info("rejection note built", sop_instance_uid=uid, rejected=len(uids))
    return NewObject(
        kind=ObjectKind.REJECTION_NOTE,
        variant=uid.rsplit(".", 1)[-1],
        sop_instance_uid=uid,
        sop_class_uid=document.SOPClassUID,
        study_instance_uid=source.study_instance_uid,
        series_instance_uid=document.SeriesInstanceUID,
        data=part10(document, source, context.created_at),
        names=uids,
    )
