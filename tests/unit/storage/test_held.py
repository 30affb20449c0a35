"""Deliveries that wait for a person."""

import pytest

from storage import deliveries, held
from storage.database import Database
from storage.deliveries import DeliveryStateError
from storage.jobs import LeaseLostError
from storage.tables import Delivery, DeliveryState, ReportObject
from tests.rows import add_report


@pytest.fixture
def sending(database: Database) -> Delivery:
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        found = deliveries.claim(session, "pacs", 60)
    assert found is not None
    return found


def test_a_held_delivery_waits_until_it_is_released(database: Database, sending: Delivery) -> None:
    with database.begin() as session:
        held.hold(session, sending.id, 1, "its study is gone")
        row = session.get_one(Delivery, sending.id)
        assert (row.state, row.error, row.finished_at) == ("held", "its study is gone", None)
        assert deliveries.claim(session, "pacs", 60) is None
        released = held.release(session, sending.id)
        assert (released.state, released.error, released.released) == ("queued", None, True)
        assert deliveries.claim(session, "pacs", 60) is not None


def test_to_try_again_is_not_to_release(database: Database, sending: Delivery) -> None:
    with database.begin() as session:
        held.hold(session, sending.id, 1, "its study is gone")
        held.release(session, sending.id)
        session.get_one(Delivery, sending.id).state = DeliveryState.HELD
        assert not deliveries.retry(session, sending.id).released


def test_only_what_is_held_can_be_released(database: Database, sending: Delivery) -> None:
    with database.begin() as session, pytest.raises(DeliveryStateError, match="only a held one"):
        held.release(session, sending.id)


def test_nothing_is_left_for_a_destination_that_is_gone(
    database: Database, sending: Delivery
) -> None:
    """Neither what a killed process was sending: nobody would ever send it again."""
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session, 2), "pacs")
        deliveries.enqueue(session, add_report(session, 3), "vna")
        assert held.hold_others(session, ["vna"]) == 2
        assert deliveries.counts(session) == {
            **dict.fromkeys(DeliveryState, 0), "held": 2, "queued": 1,
        }  # fmt: skip
        assert held.hold_others(session, ["vna"]) == 0
    with database.begin() as session, pytest.raises(LeaseLostError):
        deliveries.stored(session, sending.id, sending.fencing_token, 0)
    with database.begin() as session:
        row = deliveries.retry(session, sending.id)
        assert (row.state, row.lease_expires_at) == ("queued", None)


def test_what_was_overtaken_meanwhile_is_not_held(database: Database, sending: Delivery) -> None:
    with database.begin() as session:
        session.get_one(ReportObject, sending.object_id).current = False
        held.hold(session, sending.id, 1, "its study is gone")
        assert session.get_one(Delivery, sending.id).state == DeliveryState.CANCELLED
