"""Who wrote a report, when, and on which images it stands."""

from datetime import datetime
from typing import Final

from pydicom import Dataset
from pydicom.valuerep import DT

from model.annotation.content import Item
from model.archive import text

_PERSON: Final = "121008"
_DEVICE: Final = "121013"
_DEVICE_UID: Final = "121012"
_EVIDENCE: Final = (
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
)


def evidence(document: Dataset) -> dict[str, str]:
    """Map the SOPInstanceUIDs that the report stands on to their SeriesInstanceUID."""
    return {
        text(instance, "ReferencedSOPInstanceUID"): text(series, "SeriesInstanceUID")
        for keyword in _EVIDENCE
        for study in document.get(keyword) or ()
        for series in study.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedSOPSequence") or ()
    }


def observer(root: Item, document: Dataset) -> tuple[str, str]:
    """Name who marked, and what the annotation comes from."""
    person, device = root.find(_PERSON), root.find(_DEVICE)
    who = text(person.dataset, "PersonName") if person else ""
    machine = text(device.dataset, "TextValue") if device else ""
    machine = machine or ("unnamed device" if root.find(_DEVICE_UID) else "")
    by = f", made by the device {machine}, not by a person" if machine and not who else ""
    return who or machine, f"DICOM SR {text(document, 'SOPInstanceUID')}{by}"


def written_at(document: Dataset) -> datetime | None:
    """Give when the report was written; without an offset its time is taken as this computer's."""
    offset = text(document, "TimezoneOffsetFromUTC")
    try:
        written = DT(f"{text(document, 'ContentDate')}{text(document, 'ContentTime')}{offset}")
    except ValueError:
        return None
    return None if written is None else datetime.fromisoformat(written.isoformat()).astimezone()
