"""The trail: who sent what, what went where; rows that nobody can change."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage import deliveries, series, subjects, trail
from storage.database import Database, now
from storage.tables import Action, Instance
from storage.trail import Person
from tests.rows import add_report, add_series

MR = "1.2.840.10008.5.1.4.1.1.4"


def add_instances(
    session: Session, series_id: int, numbers: range, *, association: str, title: str
) -> None:
    for number in numbers:
        session.add(
            Instance(
                series_id=series_id,
                sop_instance_uid=f"1.2.3.9.{number}",
                sop_class_uid=MR,
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                study_instance_uid="1.2.3",
                path=f"instances/{number}.dcm",
                size_bytes=1,
                data_sha256=f"{number:064d}",
                calling_ae_title=title,
                calling_host="192.0.2.7",
                association=association,
                received_at=now(session),
            )
        )
    session.flush()


def actions(database: Database) -> list[Action]:
    with database.read() as session:
        return list(session.query(Action).order_by(Action.id))


def test_a_complete_series_tells_who_sent_it(database: Database) -> None:
    with database.begin() as session:
        row = add_series(session)
        add_instances(session, row.id, range(3), association="a", title="MR1")
        add_instances(session, row.id, range(3, 5), association="b", title="MR2")
        series.complete(session, row, {})
    first, second = actions(database)
    assert (first.person, first.host, first.action) == ("MR1", "192.0.2.7", "receive")
    assert (first.subject, first.subject_id, first.detail) == ("series", 1, "3 instances")
    assert first.facts is not None
    assert first.facts["sop_classes"] == {MR: 3}
    assert (second.person, second.detail) == ("MR2", "2 instances")


def test_instances_are_counted_once(database: Database) -> None:
    """A series that is re-opened by a late image, and complete again, tells of that image only."""
    with database.begin() as session:
        row = add_series(session)
        add_instances(session, row.id, range(3), association="a", title="MR1")
        assert trail.received(session, row) == 1
        assert trail.received(session, row) == 0
        add_instances(session, row.id, range(3, 4), association="c", title="MR1")
        assert trail.received(session, row) == 1
    assert [each.detail for each in actions(database)] == ["3 instances", "1 instance"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE actions SET person = 'bob'",
        "UPDATE actions SET done = NOT done",
        "UPDATE actions SET detail = ''",
        "UPDATE actions SET at = CURRENT_TIMESTAMP",
        "DELETE FROM actions",
    ],
)
def test_the_database_refuses_to_change_the_trail(database: Database, statement: str) -> None:
    with database.begin() as session:
        trail.record(session, Person("ann"), "log in", detail="as it was")
    with pytest.raises(DBAPIError, match="can only be added to"), database.begin() as session:
        session.execute(text(statement))
    (kept,) = actions(database)
    assert (kept.person, kept.done, kept.detail) == ("ann", True, "as it was")


def test_what_was_forwarded_is_not_forwarded_again(database: Database) -> None:
    with database.begin() as session:
        for number in range(3):
            trail.record(session, Person("ann"), f"act {number}")
        before = now(session) + timedelta(seconds=1)
    with database.begin() as session:
        oldest = trail.oldest_to_forward(session)
        assert oldest is not None
        assert oldest < before
        trail.forwarded(session, [each.id for each in trail.to_forward(session, 2)])
    with database.begin() as session:
        assert [each.action for each in trail.to_forward(session, 9)] == ["act 2"]
        trail.forwarded(session, [3])
        assert trail.oldest_to_forward(session) is None


def test_an_object_that_was_sent_names_where_and_what(database: Database) -> None:
    with database.begin() as session:
        made = add_report(session)
        deliveries.enqueue(session, made, "pacs")
        claimed = deliveries.claim(session, "pacs", 60)
        assert claimed is not None
        deliveries.failed(
            session, claimed.id, claimed.fencing_token, "no", dimse_status=0xA900, retry=False,
            delay_s=0,
        )  # fmt: skip
        found = deliveries.get(session, claimed.id)
        assert found is not None
        trail.sent(session, found)
    (row,) = [each for each in actions(database) if each.action == "send"][-1:]
    assert (row.person, row.done, row.detail) == ("(node)", False, "report to pacs")
    assert row.facts == {
        "destination": "pacs",
        "dimse_status": 0xA900,
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
        "sop_instance_uid": "2.25.1",
    }
    with database.read() as session:
        subject = subjects.of_actions(session, [row])[row.id]
    assert (subject.study_instance_uid, subject.patient_id) == ("1.2.3", "P1")


def test_subjects_are_found_for_every_kind_of_row(database: Database) -> None:
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        for subject in ("series", "job", "delivery"):
            trail.record(session, Person("ann"), "look", subject=subject, subject_id=1)
        trail.record(session, Person("ann"), "look", subject="job", subject_id=99)
        trail.record(session, Person("ann"), "log in")
    rows = actions(database)
    with database.read() as session:
        found = subjects.of_actions(session, rows)
    named = [each.id for each in rows if each.action == "look"][:3]
    assert list(found) == named
    assert {each.series_instance_uid for each in found.values()} == {"1.2.3.1"}
