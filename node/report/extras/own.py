"""What every extra has in common: its own series, its maker, its dates, its bytes."""

from dataclasses import dataclass
from typing import Final

from highdicom import AlgorithmIdentificationSequence
from pydicom import Dataset
from pydicom.uid import UID

from model import labels
from model.landmark import Prediction
from node.identity import DEVICE_OBSERVER_UID, MANUFACTURER, MANUFACTURER_MODEL_NAME
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.elements import plain
from node.report.file import in_zone, part10
from storage.reports import NewObject

FORMAT_VERSION: Final = "1"
"""Counts up whenever equal input would give other bytes, so that the UID changes with them."""

BANNER: Final = "AI - research use - not for diagnosis"
DISCLAIMER: Final = "Not a medical device. Not verified by a person."
CONTENT_LABEL: Final = "FORAMINA"
BODY_PART: Final = "LSPINE"  # PS3.16 annex L
MARK_RADIUS_MM: Final = 5.0
"""Of circles and spheres: about half the width of a foramen, so that a mark covers no disc."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of extra.

    Attributes:
        name: as the configuration has it.
        sop_class_uid: of its objects.
        modality: of its series.
        series_number_offset: so that no two kinds share a number; the rejection note has 1000.
        series_description: says that it is a machine's.
    """

    name: str
    sop_class_uid: UID
    modality: str
    series_number_offset: int
    series_description: str


def begun(kind: Kind, answer: Answer, *also: str) -> Dataset:
    """Begin an object: everything about its series, its maker and itself, nothing of the patient.

    `finished` adds the patient and the study as the source has them.

    Args:
        kind: which one.
        answer: what it tells.
        also: whatever else its content depends on; the SOP Instance UID derives from it too.
    """
    document = Dataset()
    document.SOPClassUID = kind.sop_class_uid
    document.SOPInstanceUID = answer.uid("extra", FORMAT_VERSION, kind.name, *also)
    document.StudyInstanceUID = answer.source.study_instance_uid
    document.SeriesInstanceUID = answer.series_uid("extra", kind.name)
    document.SeriesNumber = answer.series_number(kind.series_number_offset)
    document.SeriesDescription = kind.series_description
    document.Modality, document.InstanceNumber = kind.modality, 1
    document.Manufacturer = MANUFACTURER
    document.ManufacturerModelName = MANUFACTURER_MODEL_NAME
    document.DeviceSerialNumber = DEVICE_OBSERVER_UID
    document.SoftwareVersions = plain(answer.software_version)
    document.InstanceCreationDate, document.InstanceCreationTime = date_and_time(answer)
    return document


def finished(kind: Kind, document: Dataset, answer: Answer) -> NewObject:
    """Write an object as a file, with the patient and the study byte for byte."""
    return NewObject(
        kind=kind.name,
        variant="",
        sop_instance_uid=document.SOPInstanceUID,
        sop_class_uid=document.SOPClassUID,
        study_instance_uid=document.StudyInstanceUID,
        series_instance_uid=document.SeriesInstanceUID,
        data=part10(document, answer.source, answer.created_at),
    )


def date_and_time(answer: Answer) -> tuple[str, str]:
    """Give DA and TM of the answer in the zone of the object."""
    at = in_zone(answer.created_at, answer.source.timezone_offset)
    return at.strftime("%Y%m%d"), at.strftime("%H%M%S.%f")


def tracking_uid(one: Located, answer: Answer) -> str:
    """Give the UID under which every object of the answer tracks this foramen."""
    return answer.uid("tracking", one.landmark.label)


def short(label: str) -> str:
    """Name a foramen beside its mark: "L4/L5 left"."""
    level, side = labels.split(label)
    return f"{labels.segment(level)} {side}"


def algorithm(prediction: Prediction) -> AlgorithmIdentificationSequence:
    """Name the bundle as the report does."""
    return AlgorithmIdentificationSequence(
        name=plain(prediction.bundle),
        version=plain(f"{prediction.bundle_version}+{prediction.bundle_digest[:12]}"),
        family=words.ARTIFICIAL_INTELLIGENCE,
        source=MANUFACTURER,
    )
