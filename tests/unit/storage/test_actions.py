"""What people do: the act and its record come together or not at all."""

import pytest

from storage import actions, deliveries, jobs, listing, reports, series
from storage.actions import Person, RefusedError
from storage.database import Database
from storage.listing import ActionListing
from storage.tables import JobKind, JobState, SeriesState
from tests.rows import add_job, add_report, add_series, report_of

ANN = Person("ann", "192.0.2.1")


def recorded(database: Database) -> list[tuple[str, str, str, int | None]]:
    """What is kept of what people did, newest first."""
    with database.read() as session:
        rows = listing.page(session, ActionListing(), 100).rows
    return [(row.person, row.action, row.subject, row.subject_id) for row in rows]


def test_process_anyway_accepts_and_queues(database: Database) -> None:
    with database.begin() as session:
        row = add_series(session, state=SeriesState.COMPLETE)
        series.reject(session, row, "Plane is axial.", {"rules": []})
    with database.begin() as session:
        assert "job 1 is queued" in actions.process_anyway(session, ANN, 1, 5)
    with database.read() as session:
        row = series.get(session, 1)
        assert row is not None
        assert (row.state, row.verdict) == ("accepted", {"rules": []})
        (job,) = jobs.by_series(session, 1)
        assert (job.kind, job.max_attempts, job.state) == ("localisation", 5, "queued")
        assert "Plane is axial." in series.events(session, 1)[-1].detail
    assert recorded(database) == [("ann", "process anyway", "series", 1)]


def test_process_anyway_leaves_a_withdrawal_alone(database: Database) -> None:
    """What was sent is withdrawn first; the new result then supersedes the withdrawal."""
    with database.begin() as session:
        job = add_job(session)
        made = report_of(session, job)
        deliveries.enqueue(session, made, "pacs")
        deliveries.claim(session, "pacs", 60)
        claimed = jobs.claim(session, "worker", 60)
        assert claimed is not None
        jobs.succeed(session, claimed.id, claimed.fencing_token, {})
        row = series.get(session, 1)
        assert row is not None
        row.state = SeriesState.COMPLETE
        series.reject(session, row, "Plane is axial.", {})
        actions.process_anyway(session, ANN, 1, 3)
        kinds = {(each.kind, each.state) for each in jobs.by_series(session, 1)}
        assert (JobKind.WITHDRAWAL, JobState.QUEUED) in kinds
        assert (JobKind.LOCALISATION, JobState.QUEUED) in kinds
        assert reports.by_series(session, 1)[0].current is False


@pytest.mark.parametrize("state", [state for state in SeriesState if state != "rejected"])
def test_only_rejected_series_are_overruled(sqlite_database: Database, state: SeriesState) -> None:
    with sqlite_database.begin() as session:
        add_series(session, state=state)
        with pytest.raises(RefusedError, match=f"it is {state}"):
            actions.process_anyway(session, ANN, 1, 3)
        with pytest.raises(RefusedError, match="no such series"):
            actions.process_anyway(session, ANN, 2, 3)
    assert recorded(sqlite_database) == []


def test_retry_and_cancel_stand_in_the_history(database: Database) -> None:
    with database.begin() as session:
        add_job(session)
        actions.cancel_job(session, ANN, 1, "sent twice")
        with pytest.raises(RefusedError, match="only a queued"):
            actions.cancel_job(session, ANN, 1)
        actions.retry_job(session, ANN, 1)
        with pytest.raises(RefusedError, match="can be retried"):
            actions.retry_job(session, ANN, 1)
        told = [event.detail for event in jobs.events(session, 1)]
    assert "cancelled by ann: sent twice" in told
    assert "retried by ann" in told
    assert recorded(database) == [("ann", "retry", "job", 1), ("ann", "cancel", "job", 1)]


def test_send_again(database: Database) -> None:
    with database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        claimed = deliveries.claim(session, "pacs", 60)
        assert claimed is not None
        deliveries.stored(session, claimed.id, claimed.fencing_token, 0)
        with pytest.raises(RefusedError, match="not configured"):
            actions.send_again(session, ANN, 1, {"elsewhere"})
        with pytest.raises(RefusedError, match="no delivery 2"):
            actions.send_again(session, ANN, 2, {"pacs"})
        actions.send_again(session, ANN, 1, {"pacs"})
        with pytest.raises(RefusedError, match="is queued"):
            actions.send_again(session, ANN, 1, {"pacs"})
    assert recorded(database) == [
        ("ann", "send again", "delivery", 1),
        ("(node)", "send", "delivery", 1),
    ]


def test_what_is_no_decision_is_refused(sqlite_database: Database) -> None:
    with sqlite_database.begin() as session:
        add_series(session)
        with pytest.raises(RefusedError, match="no decision"):
            actions.resolve(session, ANN, 1, "both")
        with pytest.raises(RefusedError, match="two versions"):
            actions.resolve(session, ANN, 1, "newest")


def test_an_act_that_is_undone_leaves_no_record(database: Database) -> None:
    with database.begin() as session:
        add_job(session)

    def act() -> None:
        with database.begin() as session:
            actions.cancel_job(session, ANN, 1)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        act()
    assert recorded(database) == []
    with database.read() as session:
        assert jobs.counts(session)["queued"] == 1
