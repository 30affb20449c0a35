"""The queue: a job is claimed once, finished once, and never lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage import jobs
from storage.database import Database, now
from storage.jobs import JobStateError, LeaseLostError
from storage.tables import Job, JobEvent, JobState, Series, SeriesState
from tests.rows import add_job, expire_leases


def queue(database: Database, *, number: int = 1, max_attempts: int = 3) -> int:
    with database.begin() as session:
        return add_job(session, number, max_attempts=max_attempts).id


def claim(database: Database, worker: str = "worker-1") -> Job:
    with database.begin() as session:
        job = jobs.claim(session, worker, 60)
    assert job is not None
    return job


def claim_nothing(database: Database) -> bool:
    with database.begin() as session:
        return jobs.claim(session, "worker-1", 60) is None


def fail(database: Database, job: Job, *, retry: bool = True, delay_s: float = 0) -> JobState:
    with database.begin() as session:
        return jobs.fail(
            session, job.id, job.fencing_token, "no memory", retry=retry, delay_s=delay_s
        )


def show(database: Database, job_id: int) -> Job:
    with database.read() as session:
        job = jobs.get(session, job_id)
    assert job is not None
    return job


def history(database: Database, job_id: int) -> list[str]:
    with database.read() as session:
        return [line.kind for line in jobs.events(session, job_id)]


def test_a_job_from_the_queue_to_its_success(database: Database) -> None:
    job_id = queue(database)
    queued = show(database, job_id)
    assert (queued.state, queued.attempts, queued.series_revision) == (JobState.QUEUED, 0, 1)
    running = claim(database)
    assert (running.id, running.state, running.worker) == (job_id, JobState.RUNNING, "worker-1")
    assert (running.attempts, running.fencing_token) == (1, 1)
    assert running.series.series_instance_uid == "1.2.3.1"
    assert running.lease_expires_at is not None
    assert running.started_at is not None
    assert running.lease_expires_at - running.started_at == timedelta(seconds=60)
    with database.begin() as session:
        jobs.succeed(session, job_id, running.fencing_token, {"read": 1.5, "predict": 2.5})
    done = show(database, job_id)
    assert (done.state, done.error) == (JobState.SUCCEEDED, None)
    assert done.seconds == {"read": 1.5, "predict": 2.5}
    assert done.lease_expires_at is None
    assert done.finished_at is not None
    assert done.finished_at >= running.started_at
    assert done.finished_at.tzinfo is not None
    assert history(database, job_id) == ["queued", "claimed", "succeeded"]
    assert claim_nothing(database)


def test_the_job_that_has_waited_longest_comes_first(database: Database) -> None:
    first, second, third = (queue(database, number=number) for number in (1, 2, 3))
    with database.begin() as session:
        past = now(session) - timedelta(hours=1)
        session.execute(update(Job).where(Job.id == third).values(not_before=past))
    assert [claim(database).id for _ in range(3)] == [third, first, second]
    assert claim_nothing(database)


def test_a_claim_does_not_wait_for_another_one(postgres_database: Database) -> None:
    first, second = queue(postgres_database, number=1), queue(postgres_database, number=2)
    with postgres_database.begin() as session:
        session.execute(text("SET LOCAL lock_timeout = '5s'"))
        mine = jobs.claim(session, "worker-1", 60)
        theirs = claim(postgres_database, "worker-2")  # while this one is not committed
    assert mine is not None
    assert (mine.id, theirs.id) == (first, second)


def test_a_failed_attempt_is_repeated_after_its_delay(database: Database) -> None:
    job_id = queue(database)
    assert fail(database, claim(database), delay_s=3600) is JobState.QUEUED
    waiting = show(database, job_id)
    assert (waiting.state, waiting.attempts, waiting.worker) == (JobState.QUEUED, 1, None)
    assert waiting.error == "no memory"
    assert claim_nothing(database)
    with database.begin() as session:
        session.execute(update(Job).values(not_before=now(session)))
    assert claim(database).attempts == 2


def test_a_job_fails_for_good_after_its_last_attempt(database: Database) -> None:
    job_id = queue(database, max_attempts=2)
    assert fail(database, claim(database)) is JobState.QUEUED
    assert fail(database, claim(database)) is JobState.FAILED
    failed = show(database, job_id)
    assert (failed.state, failed.error, failed.attempts) == (JobState.FAILED, "no memory", 2)
    assert failed.finished_at is not None
    assert claim_nothing(database)
    assert history(database, job_id) == [
        "queued", "claimed", "attempt failed", "claimed", "failed",
    ]  # fmt: skip


def test_what_no_repetition_helps_fails_at_once(database: Database) -> None:
    queue(database)
    assert fail(database, claim(database), retry=False) is JobState.FAILED


def test_a_heartbeat_prolongs_the_lease(database: Database) -> None:
    queue(database)
    job = claim(database)
    with database.begin() as session:
        assert jobs.heartbeat(session, job.id, job.fencing_token, 3600)
    prolonged = show(database, job.id).lease_expires_at
    assert job.lease_expires_at is not None
    assert prolonged is not None
    assert prolonged - job.lease_expires_at > timedelta(minutes=50)


WRITES: dict[str, Callable[[Session, int, int], object]] = {
    "succeed": lambda session, job, token: jobs.succeed(session, job, token, {}),
    "fail": lambda session, job, token: jobs.fail(
        session, job, token, "late", retry=True, delay_s=0
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("taken", ["by another worker", "by a person", "by the reaper"])
def test_a_worker_that_lost_its_lease_writes_nothing(
    database: Database, write: str, taken: str
) -> None:
    job_id = queue(database)
    lost = claim(database)
    if taken == "by a person":
        with database.begin() as session:
            jobs.cancel(session, job_id, "not needed")
    else:
        expire_leases(database)
        with database.begin() as session:
            assert jobs.reap(session, 0) == 1
        if taken == "by another worker":
            assert claim(database, "worker-2").fencing_token == lost.fencing_token + 1
    before = show(database, job_id)
    with database.begin() as session:
        assert not jobs.heartbeat(session, job_id, lost.fencing_token, 60)
    with pytest.raises(LeaseLostError, match="token 1"), database.begin() as session:
        WRITES[write](session, job_id, lost.fencing_token)
    after = show(database, job_id)
    assert (after.state, after.worker) == (before.state, before.worker)
    assert history(database, job_id)[-1] in ("claimed", "cancelled", "attempt failed")


def test_a_lost_lease_undoes_the_whole_transaction(database: Database) -> None:
    queue(database)
    lost = claim(database)
    with database.begin() as session:
        jobs.release(session, "worker-1")

    def hand_over(session: Session) -> None:
        add_job(session, 2)  # stands for the report
        jobs.succeed(session, lost.id, lost.fencing_token, {})

    with pytest.raises(LeaseLostError), database.begin() as session:
        hand_over(session)
    with database.read() as session:
        assert len(jobs.listing(session)) == 1


def test_only_expired_leases_are_reaped(database: Database) -> None:
    first, second = queue(database, number=1), queue(database, number=2)
    claim(database)
    expire_leases(database)
    claim(database)
    with database.begin() as session:
        assert jobs.reap(session, 3600) == 1
        assert jobs.reap(session, 3600) == 0
    assert show(database, first).state == JobState.QUEUED
    assert "worker-1 died or hung in attempt 1" in (show(database, first).error or "")
    assert show(database, second).state == JobState.RUNNING
    assert claim_nothing(database)  # the delay has not passed


def test_a_job_that_kills_its_workers_fails(database: Database) -> None:
    job_id = queue(database, max_attempts=2)
    for expected in (JobState.QUEUED, JobState.FAILED):
        claim(database)
        expire_leases(database)
        with database.begin() as session:
            assert jobs.reap(session, 0) == 1
        assert show(database, job_id).state == expected
    assert "the worker died 2 times" in (show(database, job_id).error or "")


def test_the_jobs_of_a_dead_worker_go_back_at_once(database: Database) -> None:
    first, second = queue(database, number=1), queue(database, number=2)
    claim(database, "dead")
    claim(database, "alive")
    with database.begin() as session:
        assert jobs.release(session, "dead") == 1
    assert show(database, second).state == JobState.RUNNING
    assert claim(database, "alive").id == first


def test_a_dead_worker_uses_up_an_attempt(database: Database) -> None:
    job_id = queue(database, max_attempts=1)
    claim(database, "dead")
    with database.begin() as session:
        jobs.release(session, "dead")
    assert show(database, job_id).state == JobState.FAILED


@pytest.mark.parametrize("running", [False, True])
def test_an_open_job_can_be_cancelled(database: Database, running: bool) -> None:
    job_id = queue(database)
    if running:
        claim(database)
    with database.begin() as session:
        assert jobs.cancel(session, job_id, "wrong patient").state == JobState.CANCELLED
    assert show(database, job_id).error == "wrong patient"
    assert history(database, job_id)[-1] == "cancelled"
    assert claim_nothing(database)
    with pytest.raises(JobStateError, match="is cancelled: only"), database.begin() as session:
        jobs.cancel(session, job_id, "again")


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.SUCCEEDED])
def test_a_finished_job_can_be_retried(database: Database, state: JobState) -> None:
    job_id = queue(database)
    job = claim(database)
    with database.begin() as session:
        if state is JobState.SUCCEEDED:
            jobs.succeed(session, job_id, job.fencing_token, {"read": 1.0})
        elif state is JobState.CANCELLED:
            jobs.cancel(session, job_id, "not now")
        else:
            jobs.fail(session, job_id, job.fencing_token, "broken", retry=False, delay_s=0)
    with database.begin() as session:
        retried = jobs.retry(session, job_id)
    assert (retried.id, retried.state, retried.attempts) == (job_id, JobState.QUEUED, 0)
    assert (retried.error, retried.seconds, retried.finished_at) == (None, None, None)
    assert history(database, job_id)[-1] == "retried by hand"
    assert claim(database).fencing_token == job.fencing_token + 1  # rises, never starts anew


@pytest.mark.parametrize("running", [False, True])
def test_an_open_job_cannot_be_retried(database: Database, running: bool) -> None:
    job_id = queue(database)
    if running:
        claim(database)
    with pytest.raises(JobStateError, match="only a failed, canc"), database.begin() as session:
        jobs.retry(session, job_id)


def test_a_job_of_older_content_cannot_be_retried(database: Database) -> None:
    job_id = queue(database)
    with database.begin() as session:
        jobs.cancel(session, job_id, "x")
        session.execute(update(Series).values(revision=2))
    with pytest.raises(JobStateError, match="at revision 2 by now"), database.begin() as session:
        jobs.retry(session, job_id)


def test_a_job_of_a_held_series_cannot_be_retried(database: Database) -> None:
    job_id = queue(database)
    with database.begin() as session:
        jobs.cancel(session, job_id, "x")
        session.execute(update(Series).values(state=SeriesState.HELD, reason="two patients"))
    with pytest.raises(JobStateError, match="held: two patients"), database.begin() as session:
        jobs.retry(session, job_id)


def test_one_content_has_one_open_job(database: Database) -> None:
    job_id = queue(database)
    with database.begin() as session:
        job = jobs.cancel(session, job_id, "x")
        other = jobs.enqueue(session, session.get_one(Series, job.series_id), 3)
    open_already = f"job {other.id} is already open"
    with pytest.raises(JobStateError, match=open_already), database.begin() as session:
        jobs.retry(session, job_id)
    with pytest.raises(DBAPIError), database.begin() as session:
        jobs.enqueue(session, session.get_one(Series, other.series_id), 3)


def test_what_is_not_there_is_named(database: Database) -> None:
    with pytest.raises(JobStateError, match="no job 99"), database.begin() as session:
        jobs.retry(session, 99)
    with pytest.raises(JobStateError, match="no job 99"), database.begin() as session:
        jobs.cancel(session, 99, "x")
    with database.read() as session:
        assert jobs.get(session, 99) is None


def test_the_history_only_grows(database: Database) -> None:
    job_id = queue(database)
    seen: list[tuple[int, str, str]] = []
    with database.begin() as session:
        jobs.cancel(session, job_id, "x")
    for _ in range(2):
        with database.begin() as session:
            jobs.retry(session, job_id)
        fail(database, claim(database), retry=False)
        with database.read() as session:
            lines = [(line.id, line.kind, line.detail) for line in jobs.events(session, job_id)]
        assert lines[: len(seen)] == seen
        assert len(lines) > len(seen)
        seen = lines
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as session:
        session.execute(update(JobEvent).values(detail="nothing happened"))
    with database.begin() as session:  # retention deletes histories with their jobs
        session.execute(delete(JobEvent))


def test_jobs_are_listed_newest_first_and_counted(database: Database) -> None:
    ids = [queue(database, number=number) for number in range(1, 6)]
    claim(database)
    with database.read() as session:
        assert [job.id for job in jobs.listing(session)] == ids[::-1]
        assert [job.id for job in jobs.listing(session, state="running")] == ids[:1]
        page = jobs.listing(session, limit=2, after_id=ids[3])
        assert [job.id for job in page] == [ids[2], ids[1]]
        expected = {"queued": 4, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0}
        assert jobs.counts(session) == expected
    assert page[0].series.series_instance_uid == "1.2.3.3"  # loaded, also after the transaction
