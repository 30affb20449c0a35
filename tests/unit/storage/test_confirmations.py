"""What was stored is asked about until it is committed, lost or given up."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from storage import confirmations, deliveries
from storage.database import Database, now
from storage.states import Confirmation
from storage.tables import Delivery, DeliveryState, ReportObject
from tests.rows import add_report

Step = Callable[[Session, Delivery], object]


def stored(database: Database, check_after_s: float | None = 0.0) -> Delivery:
    """Add a delivery that was stored, and is due."""
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        found = deliveries.claim(session, "pacs", 60)
        assert found is not None
        deliveries.stored(session, found.id, found.fencing_token, 0, check_after_s)
        return found


def due(database: Database, destination: str = "pacs") -> list[Delivery]:
    with database.begin() as session:
        return confirmations.due(session, destination, 10, 60)


def show(database: Database) -> Delivery:
    with database.read() as session:
        return session.get_one(Delivery, 1)


def test_what_is_due_is_taken_once(database: Database) -> None:
    stored(database)
    assert due(database, "archive") == []
    (found,) = due(database)
    assert (found.checks, found.object.report.series.patient_id) == (1, "P1")
    assert due(database) == []
    assert show(database).finished_at is None


@pytest.mark.parametrize("check_after_s", [None, 3600.0])
def test_what_is_not_due_is_left_alone(database: Database, check_after_s: float | None) -> None:
    stored(database, check_after_s)
    assert due(database) == []
    assert (show(database).finished_at is None) == (check_after_s is not None)


STEPS: dict[str, tuple[Step, DeliveryState]] = {
    "confirm": (
        lambda session, seen: confirmations.confirm(session, seen, Confirmation.C_FIND),
        DeliveryState.COMMITTED,
    ),
    "postpone": (
        lambda session, seen: confirmations.postpone(session, seen, "not yet", 60),
        DeliveryState.STORED,
    ),
    "give up": (
        lambda session, seen: confirmations.give_up(session, seen, "never"),
        DeliveryState.STORED,
    ),
    "fail": (
        lambda session, seen: confirmations.fail(session, seen, "another object"),
        DeliveryState.FAILED,
    ),
    "lose": (
        lambda session, seen: confirmations.lose(session, seen, "lost"),
        DeliveryState.QUEUED,
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_consequence(database: Database, name: str) -> None:
    stored(database)
    (seen,) = due(database)
    step, state = STEPS[name]
    with database.begin() as session:
        step(session, seen)
    row = show(database)
    assert row.state == state
    assert row.confirmed_by == ("C-FIND" if name == "confirm" else None)
    assert (row.check_at is not None) == (name == "postpone")
    assert (row.finished_at is None) == (name in ("postpone", "lose"))
    assert row.losses == (name == "lose")
    assert due(database) == []


@pytest.mark.parametrize("name", STEPS)
def test_what_was_sent_again_meanwhile_is_left_alone(database: Database, name: str) -> None:
    stored(database)
    (seen,) = due(database)
    with database.begin() as session:
        deliveries.retry(session, seen.id)
        deliveries.claim(session, "pacs", 60)
    with database.begin() as session:
        STEPS[name][0](session, seen)
    row = show(database)
    assert (row.state, row.error, row.losses) == (DeliveryState.SENDING, None, 0)


def test_what_was_lost_and_overtaken_is_not_sent_again(database: Database) -> None:
    stored(database)
    (seen,) = due(database)
    with database.begin() as session:
        session.get_one(ReportObject, seen.object_id).current = False
        assert confirmations.lose(session, seen, "lost") is DeliveryState.CANCELLED
    assert show(database).error == "overtaken after: lost"


def test_nobody_is_asked_about_a_destination_that_is_gone(database: Database) -> None:
    stored(database, 3600)
    with database.begin() as session:
        assert confirmations.unasked(session, ["pacs"]) == 0
        assert confirmations.unasked(session, ["archive"]) == 1
    row = show(database)
    assert (row.state, row.check_at) == (DeliveryState.STORED, None)
    assert "not confirmed" in str(row.error)


def test_a_new_storing_forgets_what_was_confirmed(database: Database) -> None:
    stored(database)
    (seen,) = due(database)
    with database.begin() as session:
        confirmations.confirm(session, seen, Confirmation.COMMITMENT)
    with database.begin() as session:
        again = deliveries.retry(session, seen.id)
        assert (again.state, again.confirmed_by) == (DeliveryState.QUEUED, None)
        claimed = deliveries.claim(session, "pacs", 60)
        assert claimed is not None
        deliveries.stored(session, claimed.id, claimed.fencing_token, 0, 60)
        row = session.get_one(Delivery, seen.id)
        assert row.stored_at is not None
        assert now(session) - row.stored_at < timedelta(minutes=1)
        assert row.checks == 0
