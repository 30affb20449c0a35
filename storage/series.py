"""What became of a series: received, complete, held, accepted or rejected, each with its reason.

A decision is taken on a row that was read earlier; every function that writes one re-reads the row
locked, and refuses when an instance arrived in between. Functions never commit.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, inspect, or_, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.attributes import set_committed_value

from storage import deliveries, disputes, jobs, trail
from storage.database import now
from storage.tables import (
    Instance,
    InstanceState,
    Job,
    JobKind,
    JobState,
    Series,
    SeriesEvent,
    SeriesState,
)


class StaleSeriesError(Exception):
    """The series has changed since it was read; read it again and decide anew."""


_MAY_BE_HELD: Final = (SeriesState.RECEIVING, SeriesState.COMPLETE, SeriesState.ACCEPTED)


def by_uid(session: Session, series_instance_uid: str) -> Series | None:
    """Give the series of a SeriesInstanceUID, or None."""
    query = select(Series).where(Series.series_instance_uid == series_instance_uid)
    return session.scalars(query).one_or_none()


def get(session: Session, series_id: int) -> Series | None:
    """Give one series, or None."""
    return session.get(Series, series_id)


def listing(
    session: Session, *, state: str | None = None, limit: int = 100, after_id: int | None = None
) -> list[Series]:
    """List series, newest first; `after_id` continues below the last one seen."""
    query = select(Series).order_by(Series.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Series.state == state)
    if after_id is not None:
        query = query.where(Series.id < after_id)
    return list(session.scalars(query))


def events(session: Session, series_id: int) -> list[SeriesEvent]:
    """Give the history of a series, oldest first."""
    query = select(SeriesEvent).where(SeriesEvent.series_id == series_id).order_by(SeriesEvent.id)
    return list(session.scalars(query))


def record(session: Session, series: Series, kind: str, detail: str = "") -> None:
    """Append one line to the history of a series; no patient data."""
    session.add(SeriesEvent(series_id=series.id, at=now(session), kind=kind, detail=detail))
    session.flush()


def due(
    session: Session,
    stable_age_s: float,
    limit_s: float,
    limit: int = 100,
    horizon: datetime | None = None,
) -> list[Series]:
    """List series that are being received and may be complete, longest quiet first.

    They got nothing for `stable_age_s`, or for `limit_s` nothing but repetitions; and they do not
    wait for a later moment. Silence counts up to the `horizon`: what was received later may not
    be in the database yet. None: everything is.
    """
    moment = now(session) if horizon is None else min(now(session), horizon)
    long_ago = moment - timedelta(seconds=limit_s)
    new = exists().where(Instance.series_id == Series.id, Instance.received_at > long_ago)
    repeated = and_(Series.first_received_at <= long_ago, ~new)
    query = (
        select(Series)
        .where(
            Series.state == SeriesState.RECEIVING,
            or_(Series.last_received_at <= moment - timedelta(seconds=stable_age_s), repeated),
            or_(Series.not_before.is_(None), Series.not_before <= moment),
        )
        .order_by(Series.last_received_at, Series.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def wait(session: Session, series: Series, evidence: dict[str, Any], seconds: float) -> None:
    """Let a series wait for more images, with the evidence that some are missing.

    Its history tells each reason once, not each look.

    Raises:
        StaleSeriesError: revision or state moved on.
    """
    row = _guarded(session, series, (SeriesState.RECEIVING,))
    before = (row.evidence or {}).get("reason")
    row.evidence = evidence
    row.not_before = now(session) + timedelta(seconds=seconds)
    if evidence.get("reason") != before:
        record(session, row, "waiting", str(evidence.get("reason", "")))
    _mirror(row, series)


def unjudged(session: Session, limit: int = 100) -> list[Series]:
    """List series that are complete but not judged: somebody stopped in between."""
    query = (
        select(Series)
        .where(Series.state == SeriesState.COMPLETE)
        .order_by(Series.last_received_at, Series.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def disagreements(session: Session, series_id: int) -> list[str]:
    """Say in what the instances of a series disagree; no patient values; empty: in nothing."""
    current = and_(Instance.series_id == series_id, Instance.state == InstanceState.CURRENT)
    patients, studies = session.execute(
        select(
            func.count(Instance.patient_id.distinct()),
            func.count(Instance.study_instance_uid.distinct()),
        ).where(current)
    ).one()
    sentences = []
    if patients > 1:
        sentences.append(f"{patients} PatientID values in one series")
    if studies > 1:
        sentences.append(f"{studies} StudyInstanceUID values in one series")
    versions = (
        select(Instance.sop_instance_uid, func.count())
        .where(
            Instance.sop_instance_uid.in_(contested(series_id)),
            Instance.state != InstanceState.SUPERSEDED,
        )
        .group_by(Instance.sop_instance_uid)
        .order_by(Instance.sop_instance_uid)
    )
    sentences += [
        f"instance {uid} was received with other pixels or geometry ({number} versions)"
        for uid, number in session.execute(versions)
    ]
    return sentences


def contested(series_id: int) -> Any:
    """Select the SOP Instance UIDs with an undecided conflict that concerns this series.

    The conflicting version may name another series than the current one: both are concerned.
    """
    other = aliased(Instance)
    here: ColumnElement[bool] = exists().where(
        other.sop_instance_uid == Instance.sop_instance_uid,
        other.series_id == series_id,
        other.state == InstanceState.CURRENT,
    )
    return select(Instance.sop_instance_uid).where(
        Instance.state == InstanceState.CONFLICT, or_(Instance.series_id == series_id, here)
    )


def complete(session: Session, series: Series, evidence: dict[str, Any]) -> None:
    """Close a series that is being received, with the evidence for it.

    Raises:
        StaleSeriesError: revision or state moved on.
    """
    row = _guarded(session, series, (SeriesState.RECEIVING,))
    row.state = SeriesState.COMPLETE
    row.evidence = evidence
    row.not_before = None
    row.completed_at = now(session)
    record(session, row, "complete", f"revision {row.revision}")
    trail.received(session, row)
    _mirror(row, series)


def hold(session: Session, series: Series, reason: str) -> None:
    """Keep a series from being processed until a person decides, or its instances agree.

    Open jobs of earlier revisions are cancelled: they would read the instances that disagree.

    Raises:
        StaleSeriesError: revision or state moved on.
    """
    row = _guarded(session, series, _MAY_BE_HELD)
    hold_locked(session, row, reason)
    _mirror(row, series)


def hold_locked(session: Session, row: Series, reason: str) -> None:
    """Hold a series whose row this transaction has locked."""
    row.state = SeriesState.HELD
    row.reason = reason
    jobs.cancel_open(session, row.id, f"its series is held: {reason}")
    record(session, row, "held", reason)


def reject(session: Session, series: Series, reason: str, verdict: dict[str, Any]) -> None:
    """Decide that a complete series is not processed; older reports are not sent any more.

    What was sent is withdrawn by a job that is queued in the same transaction.

    Raises:
        StaleSeriesError: revision or state moved on.
    """
    disputes.lock_study(session, series.study_instance_uid)
    row = _guarded(session, series, (SeriesState.COMPLETE,))
    row.state = SeriesState.REJECTED
    row.reason = reason
    row.verdict = verdict
    row.processed_revision = row.revision
    jobs.cancel_open(session, row.id, "its series was rejected")
    deliveries.overtake(session, row.id, "the series was rejected since")
    record(session, row, "rejected", reason)
    disputes.withdraw(session, row.id, f"the series was rejected since: {reason}")
    disputes.reconsider(session, row.study_instance_uid, row.id)
    _mirror(row, series)


def accept(session: Session, series: Series, verdict: dict[str, Any], max_attempts: int) -> Job:
    """Decide that a complete series is processed, and queue its job in the same transaction.

    A job of this revision that is open or has succeeded is returned instead of making a second;
    open jobs of earlier revisions are cancelled.

    Raises:
        StaleSeriesError: revision or state moved on.
    """
    row = _guarded(session, series, (SeriesState.COMPLETE,))
    row.state = SeriesState.ACCEPTED
    row.reason = None
    row.verdict = verdict
    row.processed_revision = row.revision
    record(session, row, "accepted", f"revision {row.revision}")
    _mirror(row, series)
    kept = session.scalars(
        select(Job)
        .where(
            Job.series_id == row.id,
            Job.series_revision == row.revision,
            Job.kind == JobKind.LOCALISATION,
            Job.state.in_((*jobs.OPEN, JobState.SUCCEEDED)),
        )
        .order_by(Job.id.desc())
    ).first()
    if kept is not None:
        return kept
    jobs.cancel_open(session, row.id, f"overtaken by revision {row.revision} of its series")
    return jobs.enqueue(session, row, max_attempts)


def reopen(session: Session, row: Series, detail: str) -> None:
    """Put a series back to receiving, so that it is completed and judged anew.

    The caller holds the row locked, or is a person who lifts a hold.
    """
    row.state = SeriesState.RECEIVING
    row.reason = row.verdict = row.evidence = row.completed_at = row.not_before = None
    record(session, row, "reopened", detail)


def _guarded(session: Session, series: Series, states: tuple[SeriesState, ...]) -> Series:
    """Lock and re-read the row; it must stand as the caller saw it, in one of `states`."""
    seen = (series.revision, series.state)
    row = session.get_one(Series, series.id, with_for_update=True, populate_existing=True)
    if (row.revision, row.state) != seen or row.state not in states:
        raise StaleSeriesError(
            f"series {row.series_instance_uid}: expected revision {seen[0]}, {seen[1]} (one of "
            f"{', '.join(states)}), but it is at revision {row.revision}, {row.state}; "
            "read it again"
        )
    return row


def _mirror(row: Series, series: Series) -> None:
    """Let a detached object that the caller goes on using show what was written."""
    if row is series:
        return
    for column in inspect(Series).column_attrs:
        set_committed_value(series, column.key, getattr(row, column.key))
