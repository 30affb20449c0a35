"""Elements of a DICOM Audit Message: PS3.15 section A.5.1, general conventions A.5.2."""

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement  # written, never parsed

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, section 2.2."""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value: CodedValueType of the schema."""

    value: str
    scheme: str
    meaning: str


def dcm(value: str, meaning: str) -> Code:
    """Make a code of PS3.16 annex D."""
    return Code(value, "DCM", meaning)


def own(action: str) -> Code:
    """Make a code for what the standard has no event for, in a private scheme (PS3.16 8.2)."""
    return Code(action.replace(" ", "-"), "99FORAMINA", action)


STUDY_INSTANCE_UID: Final = dcm("110180", "Study Instance UID")
PATIENT_NUMBER: Final = Code("2", "RFC-3881", "Patient Number")
URI: Final = Code("12", "RFC-3881", "URI")
APPLICATION: Final = dcm("110150", "Application")
LAUNCHER: Final = dcm("110151", "Application Launcher")
DESTINATION: Final = dcm("110152", "Destination Role ID")
SOURCE: Final = dcm("110153", "Source Role ID")


def clean(text: str) -> str:
    """Give text that XML can hold."""
    return _NOT_XML.sub("\ufffd", text)


def add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Append an element; attributes that are empty are left out."""
    kept = {key: clean(value) for key, value in attributes.items() if value}
    made = SubElement(parent, name, kept)
    made.text = clean(text) or None
    return made


def add_code(parent: Element, name: str, code: Code) -> None:
    """Append a coded value."""
    SubElement(
        parent,
        name,
        {
            "csd-code": code.value,
            "codeSystemName": code.scheme,
            "originalText": clean(code.meaning),
            "displayName": clean(code.meaning),
        },
    )


@dataclass(frozen=True, slots=True)
class Participant:
    """Who or what took part: ActiveParticipant.

    `ae_title` makes the AlternativeUserID (A.5.2.2); `host` is an address or a name.
    """

    user_id: str
    requestor: bool
    role: Code | None = None
    ae_title: str = ""
    host: str = ""

    def add_to(self, message: Element) -> None:
        """Append this participant."""
        made = add(
            message,
            "ActiveParticipant",
            AlternativeUserID=f"AETITLES={self.ae_title}" if self.ae_title else "",
            UserIsRequestor="true" if self.requestor else "false",
            NetworkAccessPointID=self.host,
            NetworkAccessPointTypeCode=_access_point(self.host),
        )
        made.set("UserID", clean(self.user_id))  # mandatory, even where nobody is known
        if self.role is not None:
            add_code(made, "RoleIDCode", self.role)


def _access_point(host: str) -> str:
    """Tell an IP address (2) from a name (1); empty when there is none."""
    if not host:
        return ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "1"
    return "2"


def add_study(
    message: Element,
    study_instance_uid: str,
    sop_classes: Mapping[str, int],
    details: Mapping[str, str],
    life_cycle: str = "",
) -> None:
    """Append a study; `details` become ParticipantObjectDetail, `life_cycle` is of A.5.1.2.3."""
    made = add(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectTypeCode="2",  # system object
        ParticipantObjectTypeCodeRole="3",  # report
        ParticipantObjectDataLifeCycle=life_cycle,
    )
    made.set("ParticipantObjectID", clean(study_instance_uid))
    add_code(made, "ParticipantObjectIDTypeCode", STUDY_INSTANCE_UID)
    add(made, "ParticipantObjectName")
    for name, value in details.items():
        coded = base64.b64encode(value.encode()).decode()
        SubElement(made, "ParticipantObjectDetail", {"type": name, "value": coded})
    description = add(made, "ParticipantObjectDescription")
    for uid, count in sorted(sop_classes.items()):
        add(description, "SOPClass", UID=uid, NumberOfInstances=str(count))


def add_patient(message: Element, patient_id: str) -> None:
    """Append a patient; the name stays empty, because the node keeps none."""
    made = add(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectTypeCode="1",  # person
        ParticipantObjectTypeCodeRole="1",  # patient
    )
    made.set("ParticipantObjectID", clean(patient_id))
    add_code(made, "ParticipantObjectIDTypeCode", PATIENT_NUMBER)
    add(made, "ParticipantObjectName")
