"""Rows where a person has to look: found when they are new, and let go when they are mended."""

from datetime import timedelta

import pytest

from storage import deliveries, jobs, notices, series, troubles
from storage.database import Database, now
from storage.notices import Condition
from storage.tables import Delivery, DeliveryState, Job, Series, SeriesState
from tests.rows import add_job, add_report, add_series


def fail_job(database: Database, number: int = 1) -> None:
    with database.begin() as session:
        add_job(session, number)
        claimed = jobs.claim(session, "w", 60)
        assert claimed is not None
        jobs.fail(session, claimed.id, claimed.fencing_token, "no", retry=False, delay_s=0)


def failed(database: Database, hours: float = 24) -> list[int]:
    with database.read() as session:
        since = now(session) - timedelta(hours=hours)
        return [job.id for job in troubles.failed_jobs(session, "job-failed", since, 10)]


def tell(database: Database, event: str, key: str) -> None:
    with database.begin() as session:
        notices.see(session, {}, [Condition(event, key, {})], ["email"])


def mended(database: Database, event: str) -> list[str]:
    with database.begin() as session:
        gone = troubles.mended(session, event)
        notices.end(session, gone, ["email"], 0.0)
        return [notice.key for notice in gone]


def test_a_failed_job_is_found_until_it_is_told(database: Database) -> None:
    fail_job(database)
    assert failed(database) == [1]
    tell(database, "job-failed", "1")
    assert failed(database) == []


def test_what_failed_long_ago_is_not_found(database: Database) -> None:
    fail_job(database)
    with database.begin() as session:
        job = session.get_one(Job, 1)
        assert job.finished_at is not None
        job.finished_at -= timedelta(hours=25)
    assert failed(database) == []


def test_a_job_that_fails_again_is_found_again(database: Database) -> None:
    fail_job(database)
    tell(database, "job-failed", "1")
    assert mended(database, "job-failed") == []
    with database.begin() as session:
        jobs.retry(session, 1)
    assert mended(database, "job-failed") == ["1"]
    assert mended(database, "job-failed") == []
    with database.begin() as session:
        claimed = jobs.claim(session, "w", 60)
        assert claimed is not None
        jobs.fail(session, 1, claimed.fencing_token, "no", retry=False, delay_s=0)
    assert failed(database) == [1]


def test_a_held_series_is_found_whenever_it_was_held(database: Database) -> None:
    with database.begin() as session:
        row = add_series(session)
        series.hold_locked(session, row, "two versions")
        row.last_received_at -= timedelta(days=30)
    with database.read() as session:
        assert [each.id for each in troubles.held_series(session, "series-held", 10)] == [1]
    tell(database, "series-held", "1")
    with database.read() as session:
        assert troubles.held_series(session, "series-held", 10) == []
    with database.begin() as session:
        session.get_one(Series, 1).state = SeriesState.RECEIVING
    assert mended(database, "series-held") == ["1"]


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.HELD])
def test_deliveries_that_need_a_person_are_found(database: Database, state: DeliveryState) -> None:
    event = f"delivery-{state}"
    with database.begin() as session:
        made = deliveries.enqueue(session, add_report(session), "pacs")
        assert made is not None
        made.state, made.finished_at = state, now(session)
    with database.read() as session:
        since = now(session) - timedelta(hours=1)
        both = {
            "delivery-failed": troubles.failed_deliveries(session, "delivery-failed", since, 10),
            "delivery-held": troubles.held_deliveries(session, "delivery-held", 10),
        }
        assert [row.object.report.series.id for row in both.pop(event)] == [1]
        assert list(both.values()) == [[]]
    tell(database, event, "1")
    assert mended(database, event) == []
    with database.begin() as session:
        session.get_one(Delivery, 1).state = DeliveryState.QUEUED
    assert mended(database, event) == ["1"]


def test_jobs_that_wait_are_counted_from_when_they_could_have_run(database: Database) -> None:
    with database.begin() as session:
        assert troubles.waiting_jobs(session) == troubles.Queue(0, 0.0, 0)
        add_job(session, 1)
        add_job(session, 2).not_before += timedelta(hours=1)  # after an attempt that failed
        add_job(session, 3).not_before -= timedelta(hours=1)
        jobs.claim(session, "w", 60)
        session.get_one(Job, 1).not_before -= timedelta(minutes=10)
    with database.read() as session:
        queue = troubles.waiting_jobs(session)
    assert (queue.waiting, queue.running) == (1, 1)
    assert 600 <= queue.oldest_s < 660


def test_a_destination_that_took_something_lately_is_known(database: Database) -> None:
    with database.begin() as session:
        made = deliveries.enqueue(session, add_report(session), "pacs")
        assert made is not None
        assert not troubles.delivered_since(session, "pacs", 600)
        made.stored_at = now(session) - timedelta(seconds=300)
        session.flush()
        assert troubles.delivered_since(session, "pacs", 600)
        assert not troubles.delivered_since(session, "pacs", 60)
        assert not troubles.delivered_since(session, "other", 600)
