"""A series moves only from where its reader saw it, and every move is recorded."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage import deliveries, jobs, series
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.series import StaleSeriesError
from storage.tables import DeliveryState, JobState, Series, SeriesEvent, SeriesState
from tests.factories import make_incoming
from tests.rows import add_series, report_of


def received(database: Database, number: int = 1, *, age_s: float = 0) -> Series:
    with database.begin() as session:
        row = add_series(session, number)
        row.last_received_at = now(session) - timedelta(seconds=age_s)
    return row


def completed(database: Database) -> Series:
    row = received(database)
    with database.begin() as session:
        series.complete(session, row, {})
    return row


def reread(database: Database, row: Series) -> Series:
    with database.read() as session:
        return session.get_one(Series, row.id)


def kinds(database: Database, row: Series) -> list[str]:
    with database.read() as session:
        return [line.kind for line in series.events(session, row.id)]


def test_a_series_is_found_by_its_uid(database: Database) -> None:
    row = received(database)
    with database.read() as session:
        found = series.by_uid(session, "1.2.3.1")
        assert found is not None
        assert found.id == row.id
        assert series.by_uid(session, "1.2.3.9") is None


def test_series_are_listed_newest_first(database: Database) -> None:
    ids = [received(database, number).id for number in range(1, 5)]
    with database.begin() as session:
        series.complete(session, session.get_one(Series, ids[1]), {})
    with database.read() as session:
        assert [row.id for row in series.listing(session)] == ids[::-1]
        assert [row.id for row in series.listing(session, state="complete")] == [ids[1]]
        assert [row.id for row in series.listing(session, limit=2, after_id=ids[3])] == [
            ids[2], ids[1],
        ]  # fmt: skip


def test_quiet_series_are_those_without_news(database: Database) -> None:
    old, older = received(database, 1, age_s=61), received(database, 2, age_s=600)
    received(database, 3, age_s=30)
    closed = received(database, 4, age_s=600)
    with database.begin() as session:
        series.complete(session, closed, {})
    with database.read() as session:
        assert [row.id for row in series.due(session, 60, 3600)] == [older.id, old.id]
        assert [row.id for row in series.due(session, 60, 3600, limit=1)] == [older.id]
        assert [row.id for row in series.unjudged(session, 10)] == [closed.id]


def test_a_series_that_waits_is_due_again_only_later(database: Database) -> None:
    row = received(database, 1, age_s=61)
    with database.begin() as session:
        series.wait(session, row, {"reason": "a gap"}, seconds=60)
        series.wait(session, row, {"reason": "a gap"}, seconds=60)
    with database.read() as session:
        assert series.due(session, 60, 3600) == []
        assert [event.kind for event in series.events(session, row.id)].count("waiting") == 1
    with database.begin() as session:
        series.wait(session, row, {"reason": "a wider gap"}, seconds=-1)
    with database.read() as session:
        (found,) = series.due(session, 60, 3600)
        assert found.evidence == {"reason": "a wider gap"}
        waits = [one for one in series.events(session, row.id) if one.kind == "waiting"]
        assert [one.detail for one in waits] == ["a gap", "a wider gap"]


def test_a_series_that_closed_meanwhile_does_not_wait(database: Database) -> None:
    row = received(database, 1, age_s=61)
    with database.begin() as session:
        series.complete(session, session.get_one(Series, row.id), {})
    with pytest.raises(StaleSeriesError), database.begin() as session:
        series.wait(session, row, {}, seconds=60)


def test_a_series_is_completed_with_the_evidence(database: Database) -> None:
    row = received(database)
    with database.begin() as session:
        series.complete(session, row, {"pieces": [{"rule": "quiet"}]})
    found = reread(database, row)
    assert (found.state, found.evidence) == ("complete", {"pieces": [{"rule": "quiet"}]})
    assert found.completed_at is not None
    assert kinds(database, row) == ["complete"]


def test_an_accepted_series_has_a_queued_job(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        job = series.accept(session, row, {"accepted": True}, 5)
    found = reread(database, row)
    assert (found.state, found.verdict) == (SeriesState.ACCEPTED, {"accepted": True})
    assert found.processed_revision == found.revision == 1
    assert (job.state, job.series_revision, job.max_attempts) == (JobState.QUEUED, 1, 5)
    assert kinds(database, row) == ["complete", "accepted"]


def test_completing_and_accepting_fit_into_one_transaction(database: Database) -> None:
    row = received(database)  # detached, as the assembler has it
    with database.begin() as session:
        series.complete(session, row, {})
        assert series.accept(session, row, {}, 3).id == 1
    assert row.state == SeriesState.ACCEPTED


def test_one_revision_gets_one_job(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        job = series.accept(session, row, {}, 3)
        series.reopen(session, session.get_one(Series, row.id), "by hand")
    again = reread(database, row)
    with database.begin() as session:
        series.complete(session, again, {})
        assert series.accept(session, again, {}, 3).id == job.id
    with database.read() as session:
        assert len(jobs.listing(session)) == 1


def test_a_job_that_was_cancelled_does_not_stand_for_its_revision(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        job = series.accept(session, row, {}, 3)
        series.hold(session, row, "conflict")
        series.reopen(session, session.get_one(Series, row.id), "decided")
    again = reread(database, row)
    with database.begin() as session:
        series.complete(session, again, {})
        second = series.accept(session, again, {}, 3)
    assert second.id != job.id
    with database.read() as session:
        assert [each.id for each in jobs.by_series(session, row.id)] == [second.id, job.id]
    assert second.state == JobState.QUEUED


def test_a_newer_revision_overtakes_the_open_job_of_an_older_one(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        old = series.accept(session, row, {}, 3)
    with database.begin() as session:
        session.execute(update(Series).values(revision=2, state="complete"))
    again = reread(database, row)
    with database.begin() as session:
        new = series.accept(session, again, {}, 3)
    with database.read() as session:
        overtaken = jobs.get(session, old.id)
    assert overtaken is not None
    assert overtaken.state == JobState.CANCELLED
    assert "overtaken by revision 2" in (overtaken.error or "")
    assert (new.series_revision, new.state) == (2, JobState.QUEUED)


def test_a_rejected_series_keeps_all_reasons(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        series.reject(session, row, "axial; T2", {"rules": [1, 2]})
    found = reread(database, row)
    assert (found.state, found.reason) == (SeriesState.REJECTED, "axial; T2")
    assert found.verdict == {"rules": [1, 2]}
    assert found.processed_revision == 1
    with database.read() as session:
        assert series.events(session, row.id)[-1].detail == "axial; T2"


def test_a_rejection_stops_older_reports(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        job = series.accept(session, row, {}, 3)
        report = report_of(session, job)
        deliveries.enqueue(session, report, "pacs")
    with database.begin() as session:
        session.execute(update(Series).values(revision=2, state="complete"))
    again = reread(database, row)
    with database.begin() as session:
        series.reject(session, again, "axial", {})
    with database.read() as session:
        assert deliveries.by_report(session, report.report_id)[0].state == DeliveryState.CANCELLED
        assert jobs.counts(session)["cancelled"] == 1


def test_a_held_series_waits_with_its_reason(database: Database) -> None:
    row = completed(database)
    with database.begin() as session:
        series.hold(session, row, "2 PatientID values in one series")
    found = reread(database, row)
    assert (found.state, found.processed_revision) == (SeriesState.HELD, 0)
    assert found.reason == "2 PatientID values in one series"
    with database.begin() as session:
        series.reopen(session, session.get_one(Series, row.id), "lifted by hand")
    assert reread(database, row).state == SeriesState.RECEIVING
    assert kinds(database, row) == ["complete", "held", "reopened"]


DECISIONS: dict[str, Callable[[Session, Series], object]] = {
    "complete": lambda session, row: series.complete(session, row, {}),
    "hold": lambda session, row: series.hold(session, row, "x"),
    "reject": lambda session, row: series.reject(session, row, "x", {}),
    "accept": lambda session, row: series.accept(session, row, {}, 3),
}


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("moved", ["revision", "state"])
def test_a_decision_on_what_has_changed_is_refused(
    database: Database, decision: str, moved: str
) -> None:
    row = received(database) if decision == "complete" else completed(database)
    with database.begin() as session:
        session.execute(
            update(Series).values({"revision": 2} if moved == "revision" else {"state": "rejected"})
        )
    before = kinds(database, row)
    with pytest.raises(StaleSeriesError, match="read it again"), database.begin() as session:
        DECISIONS[decision](session, row)
    assert kinds(database, row) == before
    with database.read() as session:
        assert jobs.listing(session) == []


@pytest.mark.parametrize("decision", ["reject", "accept"])
def test_only_a_complete_series_is_judged(database: Database, decision: str) -> None:
    row = received(database)
    with pytest.raises(StaleSeriesError, match="receiving"), database.begin() as session:
        DECISIONS[decision](session, row)


def test_the_history_of_a_series_only_grows(database: Database) -> None:
    completed(database)
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as session:
        session.execute(update(SeriesEvent).values(detail="nothing happened"))


def test_a_state_that_no_code_knows_is_refused(database: Database) -> None:
    received(database)
    with pytest.raises(DBAPIError, match="state_known"), database.begin() as session:
        session.execute(update(Series).values(state="lost"))


def test_instances_that_disagree_are_counted_not_quoted(
    database: Database, store: InstanceStore
) -> None:
    store.store(make_incoming(1))
    store.store(make_incoming(2, PatientID="SECRET", StudyInstanceUID="1.2.3"))
    store.store(make_incoming(3, RescaleSlope="2"))
    store.store(make_incoming(3))
    with database.read() as session:
        found = series.disagreements(session, 1)
    assert found[:2] == [
        "2 PatientID values in one series",
        "2 StudyInstanceUID values in one series",
    ]
    assert "498.2.3 was received with other pixels or geometry (2 versions)" in found[2]
    assert len(found) == 3
    assert "SECRET" not in "".join(found)


def test_corrections_can_make_instances_agree(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    store.store(make_incoming(2, PatientID="P2"))
    store.store(make_incoming(1, PatientID="P2"))
    with database.read() as session:
        assert series.disagreements(session, 1) == []


def test_silence_counts_up_to_the_horizon(database: Database, store: InstanceStore) -> None:
    store.store(make_incoming(1))
    with database.read() as session:
        moment = now(session)
        assert len(series.due(session, 0, 3600)) == 1
        assert len(series.due(session, 0, 3600, horizon=moment)) == 1
        assert len(series.due(session, 60, 3600, horizon=moment + timedelta(days=1))) == 0
        assert len(series.due(session, 0, 3600, horizon=moment - timedelta(days=1))) == 0
        assert len(series.due(session, 0, 3600, horizon=datetime(1970, 1, 1, tzinfo=UTC))) == 0
