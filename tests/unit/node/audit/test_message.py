"""Audit messages: valid by the schema of PS3.15, and with what its tables demand."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from node.audit import message
from node.audit.message import Source
from node.settings import Destination
from storage.subjects import Subject
from storage.tables import Action

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parents[3] / "dicom_audit.rng"))
AT = datetime(2026, 3, 1, 12, 0, 0, 250000, tzinfo=UTC)
PACS = Destination(name="pacs", ae_title="ARCHIVE", host="192.0.2.8", port=104)
NODE = Source("FORAMINA", "node.example", "FORAMINA", "ward 3", destinations={"pacs": PACS})
SUBJECT = Subject("1.2.3.7", "1.2.3", "PAT-4711")
MR = "1.2.840.10008.5.1.4.1.1.4"


def action(name: str, **values: Any) -> Action:
    given = {
        "at": AT, "person": "ann", "host": "192.0.2.1", "action": name, "subject": "",
        "subject_id": None, "done": True, "detail": "", "facts": None,
    }  # fmt: skip
    return Action(**(given | values))


def written(row: Action, subject: Subject | None = None, source: Source = NODE) -> Any:
    """Write a message, check it against the schema, and read it."""
    root = etree.fromstring(message.write(row, subject, source))
    SCHEMA.assertValid(root)
    return root


def attributes(root: Any, name: str) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in root.findall(name)]


def codes(root: Any, path: str) -> list[tuple[str, str]]:
    return [(each.get("csd-code"), each.get("codeSystemName")) for each in root.findall(path)]


EVENT = "EventIdentification/EventID"
TYPE = "EventIdentification/EventTypeCode"
ROLE = "ActiveParticipant/RoleIDCode"
OBJECT = "ParticipantObjectIdentification"
RECEIVED = {
    "person": "MR1", "host": "10.0.0.5", "subject": "series", "subject_id": 7,
    "detail": "24 instances", "facts": {"association": "a", "sop_classes": {MR: 24}},
}  # fmt: skip


def test_the_schema_refuses_what_is_wrong() -> None:
    """Or the tests of this module would prove nothing."""
    changes: list[Callable[[Any], object]] = [
        lambda root: root[0].set("EventActionCode", "X"),
        lambda root: root.remove(root.find("AuditSourceIdentification")),
        lambda root: root.append(etree.Element("wibble")),
    ]
    for change in changes:
        root = written(action("log in"))
        change(root)
        assert not SCHEMA.validate(root)


def test_the_start_of_the_node() -> None:
    """Table A.5.3.1-1."""
    root = written(action("start", facts={"process": "node.example:17", "version": "1"}))
    assert codes(root, EVENT) == [("110100", "DCM")]
    assert codes(root, TYPE) == [("110120", "DCM")]
    assert codes(root, ROLE) == [("110150", "DCM"), ("110151", "DCM")]
    process, launcher = attributes(root, "ActiveParticipant")
    assert process["UserID"] == "node.example:17"
    assert process["AlternativeUserID"] == "AETITLES=FORAMINA"
    assert (process["UserIsRequestor"], launcher["UserIsRequestor"]) == ("false", "true")
    assert codes(written(action("stop")), TYPE) == [("110121", "DCM")]
    assert root.findall(OBJECT) == []


def test_a_login_and_one_that_was_wrong() -> None:
    """Table A.5.3.12-1."""
    root = written(action("log in"))
    assert codes(root, EVENT) == [("110114", "DCM")]
    assert codes(root, TYPE) == [("110122", "DCM")]
    person = attributes(root, "ActiveParticipant")[0]
    assert person == {
        "UserID": "ann@node.example", "UserIsRequestor": "true",
        "NetworkAccessPointID": "192.0.2.1", "NetworkAccessPointTypeCode": "2",
    }  # fmt: skip
    assert root[0].get("EventOutcomeIndicator") == "0"
    wrong = written(action("log in", person="", done=False))
    assert wrong[0].get("EventOutcomeIndicator") == "4"
    assert attributes(wrong, "ActiveParticipant")[0]["UserID"] == "unknown"
    assert codes(written(action("log out")), TYPE) == [("110123", "DCM")]


def test_a_reception() -> None:
    """Table A.5.3.7-1."""
    root = written(action("receive", **RECEIVED), SUBJECT)
    assert codes(root, EVENT) == [("110104", "DCM")]
    assert root[0].get("EventActionCode") == "C"
    assert root[0].get("EventDateTime") == "2026-03-01T12:00:00.250+00:00"
    assert codes(root, ROLE) == [("110153", "DCM"), ("110152", "DCM")]
    scanner, node = attributes(root, "ActiveParticipant")
    assert (scanner["UserID"], scanner["NetworkAccessPointID"]) == ("MR1", "10.0.0.5")
    assert scanner["AlternativeUserID"] == "AETITLES=MR1"
    assert (node["NetworkAccessPointID"], node["NetworkAccessPointTypeCode"]) == (
        "node.example", "1",
    )  # fmt: skip
    study, patient = root.findall(OBJECT)
    assert study.get("ParticipantObjectID") == "1.2.3"
    assert study.get("ParticipantObjectTypeCodeRole") == "3"
    assert codes(study, "ParticipantObjectIDTypeCode") == [("110180", "DCM")]
    detail = study.find("ParticipantObjectDetail")
    assert base64.b64decode(detail.get("value")) == b"1.2.3.7"
    (sop_class,) = study.findall("ParticipantObjectDescription/SOPClass")
    assert dict(sop_class.attrib) == {"UID": MR, "NumberOfInstances": "24"}
    assert patient.get("ParticipantObjectID") == "PAT-4711"
    assert codes(patient, "ParticipantObjectIDTypeCode") == [("2", "RFC-3881")]
    assert root.find("AuditSourceIdentification").get("AuditEnterpriseSiteID") == "ward 3"


def test_a_reception_is_told_with_the_time_at_which_it_ended() -> None:
    """Table A.5.3.7-1: the row is written when the series is complete, which is later."""
    ended = {"received_at": "2026-03-01T11:13:00.500000+00:00", "sop_classes": {MR: 24}}
    root = written(action("receive", **{**RECEIVED, "facts": ended}), SUBJECT)
    assert root[0].get("EventDateTime") == "2026-03-01T11:13:00.500+00:00"


def test_people_are_named_with_their_domain() -> None:
    """Section A.5.2.1."""
    for name, shown in (("ann", "ann@node.example"), ("ann@x.org", "ann@x.org"), ("", "unknown")):
        root = written(action("process anyway", person=name))
        assert attributes(root, "ActiveParticipant")[0]["UserID"] == shown


def test_a_report_that_was_sent_and_one_that_was_not() -> None:
    facts = {"destination": "pacs", "sop_class_uid": MR, "sop_instance_uid": "2.25.9"}
    row = action("send", person="(node)", subject="delivery", subject_id=1, facts=facts)
    root = written(row, SUBJECT)
    assert root[0].get("EventActionCode") == "R"  # a sender does not know what was there before
    assert codes(root, ROLE) == [("110153", "DCM"), ("110152", "DCM")]
    node, pacs = attributes(root, "ActiveParticipant")
    assert node["UserIsRequestor"] == "true"
    assert (pacs["UserID"], pacs["NetworkAccessPointID"]) == ("ARCHIVE", "192.0.2.8")
    failed = written(action("send", done=False, facts={**facts, "destination": "gone"}), SUBJECT)
    assert failed[0].get("EventOutcomeIndicator") == "8"
    assert attributes(failed, "ActiveParticipant")[1]["UserID"] == "gone"


@pytest.mark.parametrize(
    "row", [action("read audit", detail="list"), action("export", detail="actions.csv")]
)
def test_the_trail_was_read(row: Action) -> None:
    """Table A.5.3.2-1."""
    root = written(row)
    assert codes(root, EVENT) == [("110101", "DCM")]
    assert root[0].get("EventActionCode") == "R"
    (log,) = root.findall(OBJECT)
    assert log.get("ParticipantObjectTypeCodeRole") == "13"
    assert codes(log, "ParticipantObjectIDTypeCode") == [("12", "RFC-3881")]
    assert log.find("ParticipantObjectName").text == "Security Audit Log"


def test_an_act_of_which_the_standard_knows_nothing() -> None:
    row = action("process anyway", subject="series", subject_id=7, done=False, detail="it is held")
    root = written(row, SUBJECT)
    assert codes(root, EVENT) == [("process-anyway", "99FORAMINA")]
    assert root.find("EventIdentification/EventOutcomeDescription").text == "it is held"
    assert [each["UserIsRequestor"] for each in attributes(root, "ActiveParticipant")] == [
        "true", "false",
    ]  # fmt: skip
    assert len(root.findall(OBJECT)) == 2
    assert codes(written(action("export", detail="series.csv")), EVENT) == [
        ("export", "99FORAMINA")
    ]


def test_patients_are_left_out_where_that_is_wanted() -> None:
    source = Source("FORAMINA", "node", "FORAMINA", patient_ids=False)
    text = message.write(action("receive", **RECEIVED), SUBJECT, source)
    assert b"PAT-4711" not in text
    assert len(written(action("receive", **RECEIVED), SUBJECT, source).findall(OBJECT)) == 1
    assert b"AuditEnterpriseSiteID" not in text


@given(
    st.text(), st.text(), st.text(), st.text(),
    st.sampled_from(["start", "log in", "receive", "send", "read audit", "cancel", "erase"]),
)  # fmt: skip
def test_whatever_came_in_the_message_is_valid(
    person: str, host: str, detail: str, patient_id: str, name: str
) -> None:
    row = action(name, person=person, host=host, detail=detail)
    root = written(row, Subject("1.2.3.7", "1.2.3", patient_id))
    assert len(root.findall(OBJECT)) in (2, 3)
