"""The queue: jobs are claimed, kept alive, finished, and taken back from workers that died.

The table is the queue. Every write of a worker carries the fencing token of its claim; a worker
that lost its lease cannot overwrite its successor's result. Functions never commit.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session, joinedload

from storage import purged
from storage.database import now
from storage.tables import Job, JobEvent, JobKind, JobState, Series, SeriesState

OPEN = (JobState.QUEUED, JobState.RUNNING)


class LeaseLostError(Exception):
    """Another claim, a person, or the reaper has taken the row since this token was given."""


class JobStateError(Exception):
    """The job's state does not allow what was asked; the message is for an administrator."""


def enqueue(
    session: Session,
    series: Series,
    max_attempts: int,
    kind: JobKind = JobKind.LOCALISATION,
    reason: str | None = None,
) -> Job:
    """Queue a job for the series' current revision, at once."""
    moment = now(session)
    job = Job(
        series_id=series.id,
        series_revision=series.revision,
        kind=kind,
        reason=reason,
        state=JobState.QUEUED,
        attempts=0,
        max_attempts=max_attempts,
        fencing_token=0,
        created_at=moment,
        not_before=moment,
    )
    session.add(job)
    session.flush()
    detail = f"revision {series.revision}"
    if reason is not None:
        detail = f"{kind}, {detail}: {reason}"
    record(session, job, "queued", detail)
    return job


def ensure(session: Session, series: Series, max_attempts: int, kind: JobKind, reason: str) -> Job:
    """Queue a job unless one of its kind is open for the series' current revision; give that one.

    One that is running serves as well: whatever a job publishes, it decides with the study locked.
    The caller holds the series locked.
    """
    found = session.scalars(
        select(Job).where(
            Job.series_id == series.id,
            Job.series_revision == series.revision,
            Job.kind == kind,
            Job.state.in_(OPEN),
        )
    ).first()
    if found is not None:
        return found
    return enqueue(session, series, max_attempts, kind, reason)


def claim(session: Session, worker: str, lease_s: float) -> Job | None:
    """Take the job that has waited longest, or None; two claimers never get the same one.

    One UPDATE: PostgreSQL skips rows that another claimer has locked, SQLite ignores FOR UPDATE and
    lets one writer in at a time. `job.series` is loaded.
    """
    moment = now(session)
    waiting = (
        select(Job.id)
        .where(Job.state == JobState.QUEUED, Job.not_before <= moment)
        .order_by(Job.not_before, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(Job)
        .where(Job.id == waiting, Job.state == JobState.QUEUED)
        .values(
            state=JobState.RUNNING,
            worker=worker,
            attempts=Job.attempts + 1,
            fencing_token=Job.fencing_token + 1,
            started_at=moment,
            finished_at=None,
            lease_expires_at=moment + timedelta(seconds=lease_s),
        )
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    job = session.scalars(statement).one_or_none()
    if job is not None:
        record(session, job, "claimed", f"by {worker}, attempt {job.attempts}/{job.max_attempts}")
        session.refresh(job, ["series"])
    return job


def heartbeat(session: Session, job_id: int, token: int, lease_s: float) -> bool:
    """Prolong the lease; False: it is lost, stop working."""
    expires_at = now(session) + timedelta(seconds=lease_s)
    statement = (
        update(Job)
        .where(Job.id == job_id, Job.fencing_token == token, Job.state == JobState.RUNNING)
        .values(lease_expires_at=expires_at)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).one_or_none() is not None


def succeed(session: Session, job_id: int, token: int, seconds: dict[str, float]) -> None:
    """Finish a job; call it in the transaction that adds its report.

    Raises:
        LeaseLostError: the result must not be kept; roll back.
    """
    job = _leased(session, job_id, token)
    job.state = JobState.SUCCEEDED
    job.error = None
    job.seconds = dict(seconds)
    _end(session, job)
    record(session, job, "succeeded", f"{sum(seconds.values()):.1f} s")


def fail(
    session: Session, job_id: int, token: int, error: str, *, retry: bool, delay_s: float
) -> JobState:
    """End an attempt that failed: queued again after `delay_s`, or failed for good.

    Args:
        retry: trying again can help; it is tried while attempts are left.

    Raises:
        LeaseLostError: the job is another worker's by now.
    """
    job = _leased(session, job_id, token)
    return _give_up(session, job, error, delay_s if retry else None)


def cancel(session: Session, job_id: int, reason: str) -> Job:
    """Take a queued or running job out of the queue; its worker loses the lease.

    Raises:
        JobStateError: there is no such job, or it is finished.
    """
    job = _required(session, job_id)
    if job.state not in OPEN:
        raise JobStateError(
            f"job {job.id} is {job.state}: only a queued or running job can be cancelled"
        )
    _cancel(session, job, reason)
    return job


def cancel_open(session: Session, series_id: int, reason: str) -> int:
    """Cancel all queued and running jobs of a series; how many."""
    jobs = session.scalars(
        select(Job)
        .where(Job.series_id == series_id, Job.state.in_(OPEN))
        .order_by(Job.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for job in jobs:
        _cancel(session, job, reason)
    return len(jobs)


def retry(session: Session, job_id: int) -> Job:
    """Put a finished job back into the queue with all its attempts.

    Raises:
        JobStateError: there is no such job; it is not finished; its series is held, or has changed
            since (then a newer job belongs to it).
    """
    job = _required(session, job_id)
    _check_retry(session, job)
    job.state = JobState.QUEUED
    job.attempts = 0
    job.not_before = now(session)
    job.worker = job.lease_expires_at = job.started_at = job.finished_at = None
    job.error = job.seconds = None
    record(session, job, "retried by hand")
    return job


def reap(session: Session, delay_s: float) -> int:
    """Take back jobs whose lease has run out: queued again after `delay_s`, or failed; how many."""
    expired = select(Job).where(Job.lease_expires_at < now(session))
    return _take_back(session, session.scalars(_lockable(expired)).all(), delay_s)


def release(session: Session, worker: str) -> int:
    """Take back the jobs of a worker that is known to be dead, without waiting; how many."""
    held = select(Job).where(Job.worker == worker)
    return _take_back(session, session.scalars(_lockable(held)).all(), 0.0)


def get(session: Session, job_id: int) -> Job | None:
    """Give one job with its series, or None."""
    return session.get(Job, job_id, options=[joinedload(Job.series)])


def listing(
    session: Session, *, state: str | None = None, limit: int = 100, after_id: int | None = None
) -> list[Job]:
    """List jobs with their series, newest first; `after_id` continues below the last one seen."""
    query = select(Job).options(joinedload(Job.series)).order_by(Job.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Job.state == state)
    if after_id is not None:
        query = query.where(Job.id < after_id)
    return list(session.scalars(query))


def by_series(session: Session, series_id: int) -> list[Job]:
    """Give all jobs of a series, newest first."""
    query = select(Job).where(Job.series_id == series_id).order_by(Job.id.desc())
    return list(session.scalars(query))


def events(session: Session, job_id: int) -> list[JobEvent]:
    """Give the history of a job, oldest first."""
    query = select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.id)
    return list(session.scalars(query))


def counts(session: Session) -> dict[str, int]:
    """Count jobs per state; every state has its number."""
    found = {
        state: number
        for state, number in session.execute(select(Job.state, func.count()).group_by(Job.state))
    }
    return {state.value: found.get(state.value, 0) for state in JobState}


def record(session: Session, job: Job, kind: str, detail: str = "") -> None:
    """Append one line to the history of a job."""
    session.add(JobEvent(job_id=job.id, at=now(session), kind=kind, detail=detail))
    session.flush()


def _required(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise JobStateError(f"there is no job {job_id}; `foramina jobs list` shows all")
    return job


def _leased(session: Session, job_id: int, token: int) -> Job:
    job = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None or job.state != JobState.RUNNING or job.fencing_token != token:
        stands = f"{job.state}, token {job.fencing_token}" if job else "gone"
        raise LeaseLostError(
            f"job {job_id}: expected to hold it running with token {token}, but it is {stands}; "
            "this result is dropped"
        )
    return job


def _check_retry(session: Session, job: Job) -> None:
    if job.state in OPEN:
        raise JobStateError(
            f"job {job.id} is {job.state}: only a failed, cancelled or succeeded job can be retried"
        )
    series = session.get_one(Series, job.series_id, with_for_update=True, populate_existing=True)
    if series.revision != job.series_revision:
        raise JobStateError(
            f"job {job.id} is for revision {job.series_revision} of its series, which is at "
            f"revision {series.revision} by now: the newer content gets a job of its own"
        )
    if series.state == SeriesState.HELD:
        raise JobStateError(f"job {job.id}: its series is held: {series.reason}; decide that first")
    if lack := purged.lack(session, series.id):
        raise JobStateError(f"job {job.id}: {lack}, then retry")
    other = session.scalars(
        select(Job.id).where(
            Job.series_id == job.series_id,
            Job.series_revision == job.series_revision,
            Job.kind == job.kind,
            Job.state.in_(OPEN),
        )
    ).first()
    if other is not None:
        raise JobStateError(f"job {job.id}: job {other} is already open for the same content")


def _cancel(session: Session, job: Job, reason: str) -> None:
    job.state = JobState.CANCELLED
    job.error = reason
    _end(session, job)
    record(session, job, "cancelled", reason)


def _end(session: Session, job: Job) -> None:
    job.finished_at = now(session)
    job.lease_expires_at = None


def _give_up(session: Session, job: Job, error: str, delay_s: float | None) -> JobState:
    """End the attempt; `delay_s` None: never again."""
    job.error = error
    if delay_s is not None and job.attempts < job.max_attempts:
        job.state = JobState.QUEUED
        job.not_before = now(session) + timedelta(seconds=delay_s)
        job.worker = job.lease_expires_at = None
        record(session, job, "attempt failed", f"{error} (again in {delay_s:.0f} s)")
        return JobState.QUEUED
    job.state = JobState.FAILED
    _end(session, job)
    record(session, job, "failed", error)
    return JobState.FAILED


def _lockable(query: Select[Job]) -> Select[Job]:
    return (
        query.where(Job.state == JobState.RUNNING)
        .order_by(Job.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _take_back(session: Session, jobs: Sequence[Job], delay_s: float) -> int:
    for job in jobs:
        last = job.attempts >= job.max_attempts
        error = (
            f"the worker died {job.attempts} times on this job, the last one was {job.worker}; "
            "look into its log, then retry by hand"
            if last
            else f"worker {job.worker} died or hung in attempt {job.attempts}"
        )
        _give_up(session, job, error, delay_s)
    return len(jobs)
