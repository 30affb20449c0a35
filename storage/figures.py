"""How much stands where: the numbers of the overview and of the metrics. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage import jobs
from storage.database import now
from storage.states import NoticeState
from storage.tables import Delivery, DeliveryState, Job, JobState, Notice, Series, SeriesState

RECENT: Final = timedelta(hours=24)
STEP_JOBS: Final = 100
"""Over so many of the last jobs the seconds per step are averaged."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The state of the node, in numbers, at a moment.

    Attributes:
        at: when.
        series: series by state.
        recent: the same, of those whose first instance came within `RECENT`.
        jobs: jobs by state.
        deliveries: deliveries by destination and state.
        job_age_s, delivery_age_s: since when the oldest that waits is in its queue; 0: none waits.
        step_s: mean seconds per step of the last jobs that succeeded.
        notices: those that were raised and are not over, by what they are about.
    """

    at: datetime
    series: dict[str, int]
    recent: dict[str, int]
    jobs: dict[str, int]
    deliveries: dict[str, dict[str, int]]
    job_age_s: float
    delivery_age_s: float
    step_s: dict[str, float]
    notices: dict[str, int]

    def delivered(self, *states: DeliveryState) -> int:
        """Count the deliveries to all destinations in these states."""
        return sum(count.get(state, 0) for count in self.deliveries.values() for state in states)


def figures(session: Session) -> Figures:
    """Count; every count is read from an index alone."""
    moment = now(session)
    total = select(Series.state, func.count()).group_by(Series.state)
    return Figures(
        at=moment,
        series=_by_state(session.execute(total).all()),
        recent={state.value: _recent(session, state, moment - RECENT) for state in SeriesState},
        jobs=jobs.counts(session),
        deliveries=_deliveries(session),
        job_age_s=_age_s(session, moment, Job.created_at, Job.state == JobState.QUEUED),
        delivery_age_s=_age_s(
            session, moment, Delivery.created_at, Delivery.state == DeliveryState.QUEUED
        ),
        step_s=_step_s(session),
        notices=_notices(session),
    )


def _by_state(rows: Sequence[Row[str, int]]) -> dict[str, int]:
    found = {state: count for state, count in rows}  # a Row is no tuple to mypy
    return {state.value: found.get(state.value, 0) for state in SeriesState}


def _recent(session: Session, state: SeriesState, since: datetime) -> int:
    """Count by one state at a time: grouped, SQLite would read the series of all times."""
    query = select(func.count()).where(Series.state == state, Series.first_received_at >= since)
    return session.scalars(query).one()


def _deliveries(session: Session) -> dict[str, dict[str, int]]:
    query = select(Delivery.destination, Delivery.state, func.count()).group_by(
        Delivery.destination, Delivery.state
    )
    found: dict[str, dict[str, int]] = {}
    for destination, state, count in session.execute(query):
        found.setdefault(destination, {})[state] = count
    return found


def _notices(session: Session) -> dict[str, int]:
    query = (
        select(Notice.event, func.count())
        # The first condition is that of an index, which holds few.
        .where(text("notices.state <> 'over'"), Notice.state == NoticeState.RAISED)
        .group_by(Notice.event)
    )
    return {event: count for event, count in session.execute(query)}  # a Row is no tuple to mypy


def _age_s(
    session: Session, moment: datetime, column: InstrumentedAttribute[datetime], waiting: Any
) -> float:
    oldest = session.scalars(select(func.min(column)).where(waiting)).one()
    return max(0.0, (moment - oldest).total_seconds()) if oldest else 0.0


def _step_s(session: Session) -> dict[str, float]:
    query = (
        select(Job.seconds)
        .where(Job.state == JobState.SUCCEEDED)
        .order_by(Job.id.desc())
        .limit(STEP_JOBS)
    )
    spent: dict[str, list[float]] = {}
    for seconds in session.scalars(query):
        for step, value in (seconds or {}).items():
            spent.setdefault(step, []).append(float(value))
    return {step: sum(values) / len(values) for step, values in spent.items()}
