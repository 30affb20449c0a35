"""Requests for storage commitment: what an answer is worth, whenever it comes."""

from datetime import timedelta

import pytest

from storage import commitments, confirmations, deliveries
from storage.commitments import Answered, Reference
from storage.database import Database, now
from storage.tables import Commitment, Delivery, DeliveryState
from tests.rows import add_report

SR = "1.2.840.10008.5.1.4.1.1.88.34"
UID = "2.25.99"
MISSING = 0x0112


def reference(delivery: Delivery) -> Reference:
    return Reference(delivery.object.sop_class_uid, delivery.object.sop_instance_uid)


@pytest.fixture
def asked(database: Database) -> Delivery:
    """Give a delivery that was stored, and whose commitment was asked for."""
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        found = deliveries.claim(session, "pacs", 60)
        assert found is not None
        deliveries.stored(session, found.id, found.fencing_token, 0, 0)
    with database.begin() as session:
        (taken,) = confirmations.due(session, "pacs", 10, 60)
    with database.begin() as session:
        commitments.ask(session, "pacs", UID, [taken.id], 3600)
    return taken


def show(database: Database) -> Delivery:
    with database.read() as session:
        return session.get_one(Delivery, 1)


def answer(
    database: Database,
    *holds: Reference,
    missing: dict[Reference, int] | None = None,
    uid: str = UID,
) -> Answered | None:
    with database.begin() as session:
        return commitments.answer(session, uid, holds, missing or {}, "PACS_COMMITS_TOO_LONG")


def test_what_is_held_is_committed(database: Database, asked: Delivery) -> None:
    assert answer(database, reference(asked)) == Answered("pacs", 1, 0, 0)
    row = show(database)
    assert (row.state, row.confirmed_by, row.check_at) == ("committed", "commitment", None)
    with database.read() as session:
        request = session.get_one(Commitment, 1)
    assert request.answered_by == "PACS_COMMITS_TOO"
    assert request.answered_at is not None


@pytest.mark.parametrize("uid", ["2.25.98", "", "x" * 200])
def test_an_unknown_transaction_is_nobodys(database: Database, asked: Delivery, uid: str) -> None:
    assert answer(database, reference(asked), uid=uid) is None
    assert show(database).state == DeliveryState.STORED


def test_what_nobody_asked_about_is_not_committed(database: Database, asked: Delivery) -> None:
    stranger = Reference(SR, "2.25.7")
    other_class = Reference("1.2.840.10008.5.1.4.1.1.4", asked.object.sop_instance_uid)
    assert answer(database, stranger, other_class) == Answered("pacs", 0, 0, 1)
    assert show(database).state == DeliveryState.STORED


def test_what_is_missing_is_due_at_once_and_said_once(database: Database, asked: Delivery) -> None:
    assert answer(database, missing={reference(asked): MISSING}) == Answered("pacs", 0, 1, 0)
    with database.begin() as session:
        (taken,) = confirmations.due(session, "pacs", 10, 60)
        item = commitments.latest(session, [taken.id])[taken.id]
        assert (item.holds, item.failure_reason, item.judged) == (False, MISSING, False)
        commitments.judge(session, [item.id])
    answer(database, missing={reference(asked): MISSING})  # the peer repeats itself
    with database.begin() as session:
        assert confirmations.due(session, "pacs", 10, 60) == []
        session.expire_all()
        assert commitments.latest(session, [taken.id])[taken.id].judged


def test_what_is_said_to_be_both_is_missing(database: Database, asked: Delivery) -> None:
    answer(database, reference(asked), missing={reference(asked): MISSING})
    assert show(database).state == DeliveryState.STORED


@pytest.mark.parametrize(
    ("state", "then"),
    [("failed", "committed"), ("cancelled", "cancelled"), ("queued", "queued"), ("held", "held")],
)
def test_a_late_answer_mends_a_failure_and_nothing_else(
    database: Database, asked: Delivery, state: str, then: str
) -> None:
    with database.begin() as session:
        session.get_one(Delivery, asked.id).state = state
    answer(database, reference(asked))
    assert show(database).state == then


def test_an_answer_about_an_earlier_storing_is_worth_nothing(
    database: Database, asked: Delivery
) -> None:
    with database.begin() as session:
        row = session.get_one(Delivery, asked.id)
        row.stored_at = now(session) + timedelta(seconds=1)
    assert answer(database, reference(asked)) == Answered("pacs", 1, 0, 0)
    assert show(database).state == DeliveryState.STORED


def test_only_the_newest_request_hurries_the_next_look(database: Database, asked: Delivery) -> None:
    with database.begin() as session:
        commitments.ask(session, "pacs", "2.25.100", [asked.id], 3600)
    answer(database, missing={reference(asked): MISSING})  # to the first
    with database.begin() as session:
        assert confirmations.due(session, "pacs", 10, 60) == []
        assert commitments.latest(session, [asked.id])[asked.id].holds is None
    answer(database, missing={reference(asked): MISSING}, uid="2.25.100")
    with database.begin() as session:
        assert len(confirmations.due(session, "pacs", 10, 60)) == 1


def test_a_request_that_the_peer_took_is_noted(database: Database, asked: Delivery) -> None:
    with database.begin() as session:
        commitments.accepted(session, UID, 7200)
    with database.read() as session:
        assert session.get_one(Commitment, 1).accepted_at is not None
        check_at = session.get_one(Delivery, asked.id).check_at
        assert check_at is not None
        assert timedelta(seconds=7100) < check_at - now(session) <= timedelta(seconds=7200)


def test_an_answer_that_came_before_the_response_is_not_put_off(
    database: Database, asked: Delivery
) -> None:
    answer(database, missing={reference(asked): MISSING})
    with database.begin() as session:
        commitments.accepted(session, UID, 7200)
    with database.begin() as session:
        assert len(confirmations.due(session, "pacs", 10, 60)) == 1


def test_a_request_that_died_on_its_way_is_made_anew(database: Database, asked: Delivery) -> None:
    with database.begin() as session:
        commitments.ask(session, "pacs", "2.25.101", [asked.id], 0)
    with database.begin() as session:
        assert [each.id for each in confirmations.due(session, "pacs", 10, 60)] == [asked.id]
