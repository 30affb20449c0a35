"""Rows that stand where a person has to look: failed, held, waiting. Nothing here writes.

Each query leaves out what a notice already tells of, so that its cost follows what is new.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Integer, String, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from storage.database import now
from storage.records import Notice
from storage.states import DeliveryState, JobState, NoticeState, SeriesState
from storage.tables import Delivery, Job, Report, ReportObject, Series

_NEWEST: Final = 50


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in a queue that should have been taken by now.

    Attributes:
        waiting: how many rows may be taken, and are not.
        oldest_s: for how long the oldest of them could have been taken.
        running: how many are being worked on.
    """

    waiting: int
    oldest_s: float
    running: int


def failed_jobs(session: Session, event: str, since: datetime, limit: int) -> list[Job]:
    """List jobs that failed for good after `since`, with their series, newest first."""
    query = (
        select(Job)
        .options(joinedload(Job.series, innerjoin=True))
        .where(
            Job.state == JobState.FAILED,
            Job.finished_at > since,
            ~_told(event, Job.id, Job.finished_at),
        )
        .order_by(Job.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def held_series(session: Session, event: str, limit: int) -> list[Series]:
    """List series that wait for a person, newest first."""
    query = (
        select(Series)
        .where(Series.state == SeriesState.HELD, ~_told(event, Series.id))
        # Along `series_by_state_and_time`: by id, PostgreSQL would look at all series.
        .order_by(Series.first_received_at.desc(), Series.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def failed_deliveries(session: Session, event: str, since: datetime, limit: int) -> list[Delivery]:
    """List deliveries that failed for good after `since`, with their series, newest first."""
    return _deliveries(
        session,
        limit,
        Delivery.state == DeliveryState.FAILED,
        Delivery.finished_at > since,
        ~_told(event, Delivery.id, Delivery.finished_at),
    )


def held_deliveries(session: Session, event: str, limit: int) -> list[Delivery]:
    """List deliveries that wait for a person, with their series, newest first."""
    return _deliveries(
        session, limit, Delivery.state == DeliveryState.HELD, ~_told(event, Delivery.id)
    )


def _deliveries(session: Session, limit: int, *conditions: ColumnElement[bool]) -> list[Delivery]:
    query = (
        select(Delivery)
        .options(
            joinedload(Delivery.object, innerjoin=True)
            .joinedload(ReportObject.report, innerjoin=True)
            .joinedload(Report.series, innerjoin=True)
        )
        .where(*conditions)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def _told(
    event: str,
    row_id: InstrumentedAttribute[int],
    since: InstrumentedAttribute[datetime | None] | None = None,
) -> ColumnElement[bool]:
    """Say in SQL that a notice tells of a row: one not over, or one that began after `since`."""
    tells: ColumnElement[bool] = Notice.state != NoticeState.OVER
    if since is not None:
        tells = or_(tells, Notice.began_at >= since)
    return exists().where(Notice.event == event, Notice.key == cast(row_id, String), tells)


def mended(session: Session, event: str) -> list[Notice]:
    """List the notices of an event whose row does not stand so any more, locked."""
    row_id, stands = _STANDS[event]
    query = (
        select(Notice)
        .where(
            Notice.event == event,
            Notice.state != NoticeState.OVER,
            ~exists().where(row_id == cast(Notice.key, Integer), stands),
        )
        .order_by(Notice.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(query))


_STANDS: dict[str, tuple[InstrumentedAttribute[int], ColumnElement[bool]]] = {
    "job-failed": (Job.id, Job.state == JobState.FAILED),
    "series-held": (Series.id, Series.state == SeriesState.HELD),
    "delivery-failed": (Delivery.id, Delivery.state == DeliveryState.FAILED),
    "delivery-held": (Delivery.id, Delivery.state == DeliveryState.HELD),
}


def waiting_jobs(session: Session) -> Queue:
    """Tell how many jobs could be run, and for how long the oldest could have been."""
    moment = now(session)
    waiting, oldest = session.execute(
        select(func.count(), func.min(Job.not_before)).where(
            Job.state == JobState.QUEUED, Job.not_before <= moment
        )
    ).one()
    running = session.scalars(select(func.count()).where(Job.state == JobState.RUNNING)).one()
    return Queue(waiting, (moment - oldest).total_seconds() if oldest else 0.0, running)


def delivered_since(session: Session, destination: str, seconds: float) -> bool:
    """Tell whether one of the newest deliveries to a destination was taken so recently."""
    since = now(session) - timedelta(seconds=seconds)
    newest = (
        select(Delivery.stored_at)
        .where(Delivery.destination == destination)
        .order_by(Delivery.id.desc())
        .limit(_NEWEST)
    )
    return any(stored_at and stored_at > since for stored_at in session.scalars(newest))
