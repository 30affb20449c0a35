"""A report reaches each destination once, unless something newer overtakes it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from storage import deliveries, held, reports
from storage.database import Database, now
from storage.deliveries import DeliveryStateError
from storage.jobs import LeaseLostError
from storage.tables import Delivery, DeliveryState, Report, ReportObject
from tests.rows import add_report, expire_leases, new_object


@pytest.fixture
def report(database: Database) -> ReportObject:
    with database.begin() as session:
        made = add_report(session)
        session.refresh(made, ["report"])
        return made


def queue(database: Database, report: ReportObject, destination: str = "pacs") -> Delivery:
    with database.begin() as session:
        delivery = deliveries.enqueue(session, report, destination)
    assert delivery is not None
    return delivery


def claim(database: Database, destination: str = "pacs") -> Delivery | None:
    with database.begin() as session:
        return deliveries.claim(session, destination, 60)


def sending(database: Database, report: ReportObject) -> Delivery:
    queue(database, report)
    delivery = claim(database)
    assert delivery is not None
    return delivery


def show(database: Database, delivery: Delivery) -> Delivery:
    with database.read() as session:
        return session.get_one(Delivery, delivery.id)


def overtake(database: Database, report: ReportObject) -> int:
    with database.begin() as session:
        return deliveries.overtake(session, report.report.series_id, "a correction arrived")


def test_a_delivery_from_the_queue_to_its_answer(database: Database, report: ReportObject) -> None:
    delivery = sending(database, report)
    assert (delivery.state, delivery.attempts, delivery.fencing_token) == ("sending", 1, 1)
    assert delivery.object.path == report.path
    assert delivery.object.report.series.series_instance_uid == "1.2.3.1"
    assert claim(database) is None
    with database.begin() as session:
        deliveries.stored(session, delivery.id, delivery.fencing_token, 0xB000)
    done = show(database, delivery)
    assert (done.state, done.dimse_status, done.error) == (DeliveryState.STORED, 0xB000, None)
    assert done.finished_at is not None
    assert done.lease_expires_at is None
    assert claim(database) is None


def test_every_destination_has_its_own_queue(database: Database, report: ReportObject) -> None:
    queue(database, report, "pacs")
    queue(database, report, "archive")
    assert claim(database, "elsewhere") is None
    found = claim(database, "archive")
    assert found is not None
    assert found.destination == "archive"
    assert show(database, queue_first(database)).state == DeliveryState.QUEUED


def queue_first(database: Database) -> Delivery:
    with database.read() as session:
        return deliveries.listing(session, destination="pacs")[0]


def test_one_report_goes_to_a_destination_once(database: Database, report: ReportObject) -> None:
    first = queue(database, report)
    with database.begin() as session:
        assert deliveries.enqueue(session, report, "pacs") is None
    claim(database)
    with database.begin() as session:
        deliveries.stored(session, first.id, 1, 0)
        assert deliveries.enqueue(session, report, "pacs") is None
        assert len(deliveries.by_report(session, report.report_id)) == 1


@pytest.mark.parametrize("state", [DeliveryState.HELD, DeliveryState.SHADOW])
def test_what_is_held_or_shadowed_is_not_sent(
    database: Database, report: ReportObject, state: DeliveryState
) -> None:
    with database.begin() as session:
        delivery = deliveries.enqueue(session, report, "pacs", state, "because")
    assert delivery is not None
    assert (delivery.state, delivery.error) == (state, "because")
    assert claim(database) is None


def test_a_transient_failure_is_repeated_after_its_delay(
    database: Database, report: ReportObject
) -> None:
    delivery = sending(database, report)
    with database.begin() as session:
        state = deliveries.failed(
            session, delivery.id, 1, "PACS is full", dimse_status=0xA700, retry=True, delay_s=3600
        )
    assert state is DeliveryState.QUEUED
    waiting = show(database, delivery)
    assert (waiting.dimse_status, waiting.error) == (0xA700, "PACS is full")
    assert claim(database) is None
    with database.begin() as session:
        session.execute(update(Delivery).values(not_before=now(session) - timedelta(seconds=1)))
    again = claim(database)
    assert again is not None
    assert (again.attempts, again.fencing_token) == (2, 2)


def test_a_permanent_failure_is_not_repeated(database: Database, report: ReportObject) -> None:
    delivery = sending(database, report)
    with database.begin() as session:
        state = deliveries.failed(session, delivery.id, 1, "refused", retry=False, delay_s=0)
    assert state is DeliveryState.FAILED
    assert show(database, delivery).finished_at is not None
    assert claim(database) is None


WRITES: dict[str, Callable[[Session, int, int], object]] = {
    "stored": lambda session, row, token: deliveries.stored(session, row, token, 0),
    "failed": lambda session, row, token: deliveries.failed(
        session, row, token, "late", retry=True, delay_s=0
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_sender_that_lost_its_lease_writes_nothing(
    database: Database, report: ReportObject, write: str
) -> None:
    lost = sending(database, report)
    expire_leases(database)
    with database.begin() as session:
        assert deliveries.reap(session) == 1
        assert deliveries.reap(session) == 0
    new = claim(database)
    assert new is not None
    with pytest.raises(LeaseLostError, match="token 1"), database.begin() as session:
        WRITES[write](session, lost.id, lost.fencing_token)
    assert show(database, new).state == DeliveryState.SENDING


def test_a_correction_overtakes_what_still_waits(database: Database, report: ReportObject) -> None:
    queued = queue(database, report, "pacs")
    with database.begin() as session:
        held = deliveries.enqueue(session, report, "held", DeliveryState.HELD)
    assert held is not None
    assert overtake(database, report) == 2
    for delivery in (queued, held):
        row = show(database, delivery)
        assert (row.state, row.error) == ("cancelled", "overtaken: a correction arrived")
    assert claim(database) is None


@pytest.mark.parametrize("end", ["stored", "failed", "reaped"])
def test_what_is_being_sent_while_overtaken_is_not_sent_again(
    database: Database, report: ReportObject, end: str
) -> None:
    delivery = sending(database, report)
    assert overtake(database, report) == 0
    with database.begin() as session:
        if end == "stored":
            deliveries.stored(session, delivery.id, 1, 0)
        elif end == "failed":
            state = deliveries.failed(session, delivery.id, 1, "full", retry=True, delay_s=0)
            assert state is DeliveryState.CANCELLED
    if end == "reaped":
        expire_leases(database)
        with database.begin() as session:
            deliveries.reap(session)
    expected = DeliveryState.STORED if end == "stored" else DeliveryState.CANCELLED
    assert show(database, delivery).state == expected
    assert claim(database) is None


@pytest.mark.parametrize("state", ["failed", "held", "stored"])
def test_a_person_can_send_again(database: Database, report: ReportObject, state: str) -> None:
    delivery = queue(database, report)
    with database.begin() as session:
        session.execute(update(Delivery).values(state=state, attempts=100, error="x"))
    with database.begin() as session:
        again = deliveries.retry(session, delivery.id)
    assert (again.state, again.attempts, again.error) == (DeliveryState.QUEUED, 0, None)
    assert claim(database) is not None


@pytest.mark.parametrize("state", ["queued", "sending", "shadow", "cancelled"])
def test_other_states_do_not_allow_that(
    database: Database, report: ReportObject, state: str
) -> None:
    delivery = queue(database, report)
    with database.begin() as session:
        session.execute(update(Delivery).values(state=state))
    with pytest.raises(DeliveryStateError, match=f"is {state}"), database.begin() as session:
        deliveries.retry(session, delivery.id)


def test_an_overtaken_or_missing_delivery_cannot_be_sent_again(
    database: Database, report: ReportObject
) -> None:
    delivery = queue(database, report)
    overtake(database, report)
    with database.begin() as session:
        session.execute(update(Delivery).values(state="failed"))
    with pytest.raises(DeliveryStateError, match="overtaken"), database.begin() as session:
        deliveries.retry(session, delivery.id)
    with pytest.raises(DeliveryStateError, match="no delivery 99"), database.begin() as session:
        deliveries.retry(session, 99)


def test_deliveries_are_listed_newest_first_and_counted(
    database: Database, report: ReportObject
) -> None:
    ids = [queue(database, report, name).id for name in ("a", "b", "c")]
    claim(database, "a")
    with database.read() as session:
        found = deliveries.listing(session)
        assert [row.id for row in found] == ids[::-1]
        assert [row.id for row in deliveries.listing(session, state="sending")] == ids[:1]
        assert [row.id for row in deliveries.listing(session, destination="b")] == [ids[1]]
        assert [row.id for row in deliveries.listing(session, limit=1, after_id=ids[2])] == [ids[1]]
        numbers = deliveries.counts(session)
    assert (numbers["queued"], numbers["sending"], numbers["stored"]) == (2, 1, 0)
    assert found[0].object.sop_instance_uid == "2.25.1"


def test_what_waits_for_an_unknown_destination_is_held_until_a_person_sends_it(
    database: Database,
) -> None:
    with database.begin() as session:
        report = add_report(session)
        for name in ("pacs", "gone"):
            deliveries.enqueue(session, report, name)
        assert held.hold_others(session, ["pacs"]) == 1
        states = {row.destination: row for row in deliveries.by_report(session, report.report_id)}
        assert states["pacs"].state == DeliveryState.QUEUED
        assert states["gone"].state == DeliveryState.HELD
        assert "not configured" in (states["gone"].error or "")
        assert deliveries.retry(session, states["gone"].id).state == DeliveryState.QUEUED


def test_an_object_counts_as_offered_from_its_first_attempt_on(
    database: Database, report: ReportObject
) -> None:
    delivery = queue(database, report)
    assert not delivery.offered
    claim(database)
    with database.begin() as session:
        deliveries.failed(session, delivery.id, 1, "refused", retry=False, delay_s=0)
    assert show(database, delivery).offered
    with database.begin() as session:
        deliveries.retry(session, delivery.id)
    assert show(database, delivery).offered


def test_withdrawals_outlast_what_stops_reports(database: Database, report: ReportObject) -> None:
    with database.begin() as session:
        row = session.get_one(Report, report.report_id)
        made = new_object(2, kind="withdrawal")
        withdrawal = reports.add_object(session, row, made, "w.dcm")
        deliveries.enqueue(session, report, "pacs")
        deliveries.enqueue(session, withdrawal, "pacs")
    overtake(database, report)
    with database.read() as session:
        states = {row.object.kind: row.state for row in deliveries.by_report(session, row.id)}
    assert states == {"report": DeliveryState.CANCELLED, "withdrawal": DeliveryState.QUEUED}
    with database.begin() as session:
        deliveries.overtake(session, row.series_id, "a newer report", withdrawals=True)
        states = {row.object.kind: row.state for row in deliveries.by_report(session, row.id)}
    assert states["withdrawal"] == DeliveryState.CANCELLED
