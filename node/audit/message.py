"""One line of the trail becomes a DICOM Audit Message: PS3.15 sections A.5.1 to A.5.3.

| what was done | event (PS3.16 CID 400) | section |
|---|---|---|
| start, stop | Application Activity | A.5.3.1 |
| log in, log out | User Authentication | A.5.3.12 |
| receive, send | DICOM Instances Transferred | A.5.3.7 |
| the trail was read | Audit Log Used | A.5.3.2 |
| all else | codes of our own, 99FORAMINA | |

Checked against PS3.15 2025e. ParticipantObjectName stays empty where the schema wants one and the
node knows none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, tostring  # written, never parsed

from node.audit.element import (
    APPLICATION,
    DESTINATION,
    LAUNCHER,
    SOURCE,
    URI,
    Code,
    Participant,
    add,
    add_code,
    add_patient,
    add_study,
    dcm,
    own,
)
from node.settings import Destination
from storage import trail
from storage.subjects import Subject
from storage.tables import Action

READ: Final = "read audit"
"""The trail was read outside of the web page."""

_SUCCESS, _MINOR, _SERIOUS = "0", "4", "8"  # EventOutcomeIndicator
_NOBODY: Final = "unknown"
_IMPORT, _EXPORT = "2", "10"  # ParticipantObjectDataLifeCycle, A.5.1.2.3


@dataclass(frozen=True, slots=True)
class Source:
    """Who reports: this node, as its messages name it.

    Attributes:
        ae_title: of the node.
        host: of the node, a name or an address.
        source_id: AuditSourceID.
        site_id: AuditEnterpriseSiteID; empty: left out.
        patient_ids: whether messages name patients.
        destinations: whom the node sends to, by name.
    """

    ae_title: str
    host: str
    source_id: str
    site_id: str = ""
    patient_ids: bool = True
    destinations: Mapping[str, Destination] = field(default_factory=dict)

    def participant(self, *, requestor: bool, role: Code | None = None) -> Participant:
        """Give this node as a participant."""
        return Participant(self.source_id, requestor, role, self.ae_title, self.host)


@dataclass(frozen=True, slots=True)
class _Event:
    """What EventIdentification says, and who took part."""

    code: Code
    action_code: str  # C, R, U, D or E
    participants: list[Participant]
    type_code: Code | None = None
    failure: str = _SERIOUS


def write(action: Action, subject: Subject | None, source: Source) -> bytes:
    """Write the message of one line of the trail; UTF-8, without an XML declaration."""
    event = _EVENTS.get(action.action, _by_hand)(action, source)
    message = Element("AuditMessage")
    _identify(message, action, event)
    for participant in event.participants:
        participant.add_to(message)
    reporter = add(message, "AuditSourceIdentification", AuditEnterpriseSiteID=source.site_id)
    reporter.set("AuditSourceID", source.source_id)
    add(reporter, "AuditSourceTypeCode").set("csd-code", "4")  # application server
    if event.code == _LOG_USED:
        _add_log(message)
    if subject is not None:
        _add_subject(message, action, subject, source)
    written: bytes = tostring(message, encoding="utf-8", xml_declaration=False)
    return written


def _identify(message: Element, action: Action, event: _Event) -> None:
    made = add(
        message,
        "EventIdentification",
        EventActionCode=event.action_code,
        EventDateTime=_moment(action),
        EventOutcomeIndicator=_SUCCESS if action.done else event.failure,
    )
    add_code(made, "EventID", event.code)
    if event.type_code is not None:
        add_code(made, "EventTypeCode", event.type_code)
    if action.detail:
        add(made, "EventOutcomeDescription", action.detail)


def _moment(action: Action) -> str:
    """Say when it happened: of a transfer, when that was complete (table A.5.3.7-1).

    A reception is written down only when its series is complete, which may be an hour later.
    """
    received_at = (action.facts or {}).get("received_at")
    at = datetime.fromisoformat(received_at) if received_at else action.at
    return at.isoformat(timespec="milliseconds")


def _add_subject(message: Element, action: Action, subject: Subject, source: Source) -> None:
    facts = action.facts or {}
    details = {"SeriesInstanceUID": subject.series_instance_uid}
    if facts.get("sop_instance_uid"):
        details["SOPInstanceUID"] = str(facts["sop_instance_uid"])
    life_cycle = {trail.RECEIVE: _IMPORT, trail.SEND: _EXPORT}.get(action.action, "")
    add_study(message, subject.study_instance_uid, _sop_classes(facts), details, life_cycle)
    if source.patient_ids:
        add_patient(message, subject.patient_id)


def _sop_classes(facts: Mapping[str, Any]) -> dict[str, int]:
    if facts.get("sop_class_uid"):
        return {str(facts["sop_class_uid"]): 1}
    return {str(uid): int(count) for uid, count in facts.get("sop_classes", {}).items()}


def _add_log(message: Element) -> None:
    """Append the trail itself, as A.5.3.2 wants it."""
    made = add(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectTypeCode="2",  # system object
        ParticipantObjectTypeCodeRole="13",  # security resource
        ParticipantObjectID="foramina:actions",
    )
    add_code(made, "ParticipantObjectIDTypeCode", URI)
    add(made, "ParticipantObjectName", "Security Audit Log")


_LOG_USED: Final = dcm("110101", "Audit Log Used")
_TRANSFERRED: Final = dcm("110104", "DICOM Instances Transferred")


def _activity(action: Action, source: Source) -> _Event:
    started = action.action == trail.START
    process = str((action.facts or {}).get("process", source.source_id))
    return _Event(
        dcm("110100", "Application Activity"),
        "E",
        [
            Participant(process, False, APPLICATION, source.ae_title, source.host),
            Participant(_user_id(action, source), True, LAUNCHER, host=action.host),
        ],
        dcm("110120", "Application Start") if started else dcm("110121", "Application Stop"),
    )


def _authentication(action: Action, source: Source) -> _Event:
    logs_in = action.action == "log in"
    return _Event(
        dcm("110114", "User Authentication"),
        "E",
        [
            # Both parts of the access point are mandatory here.
            Participant(_user_id(action, source), True, host=action.host or _NOBODY),
            source.participant(requestor=False),
        ],
        dcm("110122", "Login") if logs_in else dcm("110123", "Logout"),
        failure=_MINOR,
    )


def _reception(action: Action, source: Source) -> _Event:
    title = action.person or _NOBODY
    return _Event(
        _TRANSFERRED,
        "C",
        [
            Participant(title, True, SOURCE, action.person, action.host),
            source.participant(requestor=False, role=DESTINATION),
        ],
    )


def _sending(action: Action, source: Source) -> _Event:
    name = str((action.facts or {}).get("destination", _NOBODY))
    peer = source.destinations.get(name)
    title, host = (peer.ae_title, peer.host) if peer else ("", "")
    return _Event(
        _TRANSFERRED,
        "R",  # "if the Audit Source is [...] not the receiver": what that held, it does not know
        [
            source.participant(requestor=True, role=SOURCE),
            Participant(title or name, False, DESTINATION, title, host),
        ],
    )


def _reading(action: Action, source: Source) -> _Event:
    reader = Participant(_user_id(action, source), True, host=action.host)
    return _Event(_LOG_USED, "R", [reader])


def _export(action: Action, source: Source) -> _Event:
    """Tell the trail from other lists: `detail` names the list that was taken away."""
    if action.detail.startswith("actions."):
        return _reading(action, source)
    return _by_hand(action, source)


def _by_hand(action: Action, source: Source) -> _Event:
    return _Event(
        own(action.action),
        "R" if action.action == "export" else "E",
        [
            Participant(_user_id(action, source), True, host=action.host),
            source.participant(requestor=False),
        ],
    )


def _user_id(action: Action, source: Source) -> str:
    """Name a person by login and domain (A.5.2.1): logins are of this node, or of its host."""
    name = action.person or _NOBODY
    return name if "@" in name or name == _NOBODY else f"{name}@{source.host}"


_EVENTS: Final[dict[str, Callable[[Action, Source], _Event]]] = {
    trail.START: _activity,
    trail.STOP: _activity,
    "log in": _authentication,
    "log out": _authentication,
    trail.RECEIVE: _reception,
    trail.SEND: _sending,
    READ: _reading,
    "export": _export,
}
