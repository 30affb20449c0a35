"""What people do by hand: each act and its record in one transaction, so that neither is alone.

Functions never commit.
"""

from sqlalchemy.orm import Session

from storage import deliveries, held, instances, jobs, purged, series
from storage.tables import JobKind, SeriesState
from storage.trail import Person, record

__all__ = [
    "DECISIONS", "Person", "RefusedError", "cancel_job", "process_anyway", "record", "resolve",
    "retry_job", "send_again",
]  # fmt: skip

DECISIONS = ("current", "newest")


class RefusedError(Exception):
    """What was asked cannot be done; the message is for an administrator."""


def process_anyway(session: Session, person: Person, series_id: int, max_attempts: int) -> str:
    """Accept a rejected series against the filters, and queue its job; say what was done.

    The verdict stays as it was. New instances re-open the series, and the filters judge it again.

    Raises:
        RefusedError: there is no such series, or it is not rejected.
    """
    row = series.get(session, series_id)
    if row is not None:
        session.refresh(row, with_for_update=True)
    if row is not None and (lack := purged.lack(session, series_id)):
        raise RefusedError(f"series {series_id}: {lack}")
    if row is None or row.state != SeriesState.REJECTED:
        stands = "there is no such series" if row is None else f"it is {row.state}"
        raise RefusedError(f"series {series_id}: {stands}; only a rejected one can be overruled")
    row.state = SeriesState.ACCEPTED
    said = f"processed anyway by {person.name}, although: {row.reason or 'rejected'}"
    row.reason = f"processed anyway by {person.name}"
    series.record(session, row, "accepted", said)
    job = jobs.ensure(session, row, max_attempts, JobKind.LOCALISATION, said)
    record(session, person, "process anyway", subject="series", subject_id=series_id)
    return f"series {series_id} is accepted; job {job.id} is queued"


def resolve(session: Session, person: Person, series_id: int, keep: str) -> str:
    """Decide which version of an instance that was received with two is the true one.

    Raises:
        RefusedError: there is no such series, or nothing to decide.
    """
    if keep not in DECISIONS:
        raise RefusedError(f"{keep!r} is no decision; expected {' or '.join(DECISIONS)}")
    row = series.get(session, series_id)
    decided = instances.resolve(session, series_id, "newest" if keep == "newest" else "current")
    if row is None or not decided:
        waits = f"; it waits because {row.reason}" if row is not None and row.reason else ""
        raise RefusedError(
            f"series {series_id}: nothing to decide, no instance of it has two versions{waits}"
        )
    series.record(session, row, "by hand", f"the {keep} version was chosen by {person.name}")
    record(session, person, f"keep {keep}", subject="series", subject_id=series_id)
    return f"series {series_id}: {decided} conflicts decided, the {keep} version is kept"


def retry_job(session: Session, person: Person, job_id: int) -> str:
    """Queue a finished job again.

    Raises:
        RefusedError: its state, or that of its series, does not allow it.
    """
    try:
        job = jobs.retry(session, job_id)
    except jobs.JobStateError as error:
        raise RefusedError(str(error)) from error
    jobs.record(session, job, "by hand", f"retried by {person.name}")
    record(session, person, "retry", subject="job", subject_id=job_id)
    return f"job {job_id} is queued"


def cancel_job(session: Session, person: Person, job_id: int, why: str = "") -> str:
    """Cancel a job that has not finished.

    Raises:
        RefusedError: it has, or there is none.
    """
    reason = f"cancelled by {person.name}" + (f": {why}" if why else "")
    try:
        jobs.cancel(session, job_id, reason)
    except jobs.JobStateError as error:
        raise RefusedError(str(error)) from error
    record(session, person, "cancel", subject="job", subject_id=job_id, detail=why)
    return f"job {job_id} is cancelled"


def send_again(
    session: Session,
    person: Person,
    delivery_id: int,
    reachable: set[str],
    *,
    release: bool = False,
) -> str:
    """Queue a failed, held, stored or committed delivery again.

    Args:
        session: a write transaction.
        person: who wants it.
        delivery_id: which.
        reachable: destinations that are configured, and not in shadow mode.
        release: it is held, and to be sent whatever became of its study.

    Raises:
        RefusedError: its state or its destination does not allow it.
    """
    found = deliveries.get(session, delivery_id)
    if found is not None and found.destination not in reachable:
        raise RefusedError(
            f"delivery {delivery_id}: destination {found.destination} is not configured, or in "
            f"shadow mode; configured are: {', '.join(sorted(reachable)) or 'none'}"
        )
    try:
        (held.release if release else deliveries.retry)(session, delivery_id)
    except deliveries.DeliveryStateError as error:
        raise RefusedError(str(error)) from error
    action = "release" if release else "send again"
    record(session, person, action, subject="delivery", subject_id=delivery_id)
    return f"delivery {delivery_id} is queued"
