"""Which series may lose their files, and why the others may not.

May go: rejected series, and accepted ones whose report has arrived everywhere it should. Never one
that is received, waits, is held, has work or a delivery before it, is in dispute, or belongs to a
study of which another series is still worked on. Rows, reasons, histories and reports stay.
Functions never commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select, true
from sqlalchemy.orm import Session, aliased

from storage import disputes, jobs, removals, series
from storage.database import now
from storage.tables import (
    Delivery,
    DeliveryState,
    Instance,
    InstanceState,
    Job,
    RemovalReason,
    Report,
    ReportObject,
    Series,
    SeriesState,
)

_DECIDED: Final = (SeriesState.REJECTED, SeriesState.ACCEPTED)
_ARRIVED: Final = (
    DeliveryState.STORED,
    DeliveryState.COMMITTED,
    DeliveryState.SHADOW,
    DeliveryState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A series whose files may go.

    Attributes:
        id, series_instance_uid, state, last_received_at: of the series.
        files: how many it has.
        size_bytes: how much they take.
    """

    id: int
    series_instance_uid: str
    state: str
    last_received_at: datetime
    files: int
    size_bytes: int


def candidates(
    session: Session, before: Mapping[SeriesState, datetime], limit: int = 50
) -> list[Candidate]:
    """List the series that may lose their files: rejected ones first, then the oldest.

    Read along the index `series_with_files`, so that what lost its files long ago costs nothing.

    Args:
        session: to read in.
        before: state to the moment before which the last instance must have come; a state that
            is missing is left alone.
        limit: how many at the most.
    """
    ids: list[int] = []
    for state in (SeriesState.REJECTED, SeriesState.ACCEPTED):
        if state in before:
            oldest = (
                select(Series.id)
                .where(_old({state: before[state]}), _may_have_files(), _has_files())
                .where(*(not_(reason) for reason in _reasons().values()))
                .order_by(Series.last_received_at, Series.id)
                .limit(limit - len(ids))
            )
            ids += session.scalars(oldest)
    return _sized(session, ids)


def _sized(session: Session, ids: Sequence[int]) -> list[Candidate]:
    """Add what series are and how much they take, in the same order."""
    query = (
        select(
            Series.id, Series.series_instance_uid, Series.state, Series.last_received_at,
            func.count(Instance.id), func.sum(Instance.size_bytes),
        )
        .join(Instance, and_(Instance.series_id == Series.id, Instance.purged_at.is_(None)))
        .where(Series.id.in_(ids))
        .group_by(Series.id)
    )  # fmt: skip
    found = {row[0]: Candidate(*row[:5], int(row[5])) for row in session.execute(query)}
    return [found[each] for each in ids]


def kept(session: Session, before: datetime) -> dict[str, int]:
    """Count the series that are old enough and stay, by the first reason against each."""
    reasons = _reasons()
    first = case(*((reason, words) for words, reason in reasons.items()), else_="")
    query = (
        select(first, func.count())
        .where(Series.last_received_at < before, _may_have_files(), _has_files())
        .where(or_(*reasons.values()))
        .group_by(first)
    )
    found = {words: count for words, count in session.execute(query)}
    return {words: found[words] for words in reasons if words in found}


def purge(
    session: Session,
    series_id: int,
    before: Mapping[SeriesState, datetime],
    folders: Sequence[str],
    why: str,
) -> int:
    """Take the files of a series away from its rows and mark them for deletion; how many.

    Everything that `candidates` looks at is looked at again, with the study locked. 0: it may not
    lose them any more.

    Args:
        session: a write transaction.
        series_id: a candidate.
        before: as for `candidates`.
        folders: below the storage folder, where sub-volumes of series are kept.
        why: a sentence for the history of the series.
    """
    row = series.get(session, series_id)
    if row is None:
        return 0
    disputes.lock_study(session, row.study_instance_uid)
    session.refresh(row, with_for_update=True)
    allowed = select(Series.id).where(
        Series.id == series_id, _old(before), *(not_(reason) for reason in _reasons().values())
    )
    if session.scalars(allowed).one_or_none() is None:
        return 0
    files = session.scalars(
        select(Instance).where(Instance.series_id == series_id, Instance.purged_at.is_(None))
    ).all()
    if not files:
        return 0
    row.purged_at = now(session)
    for instance in files:
        instance.purged_at = row.purged_at
    paths = [instance.path for instance in files]
    removals.mark(session, row.id, [*paths, *crops_of(row, folders)], RemovalReason.RETENTION)
    series.record(session, row, "purged", f"{len(files)} files: {why}")
    return len(files)


def crops_of(row: Series, folders: Sequence[str]) -> Iterator[str]:
    """Name the folders that hold the sub-volumes of a series, if it has any."""
    for folder in folders:
        yield str(PurePosixPath(folder, row.series_instance_uid))


def is_receiving(session: Session, since: datetime) -> bool:
    """Tell whether an instance has come since a moment, of a series that is being received."""
    query = select(Series.id).where(
        Series.state == SeriesState.RECEIVING, Series.last_received_at >= since
    )
    return session.scalars(query.limit(1)).one_or_none() is not None


def _old(before: Mapping[SeriesState, datetime]) -> ColumnElement[bool]:
    return or_(
        *(
            and_(Series.state == state, Series.last_received_at < moment)
            for state, moment in before.items()
            if state in _DECIDED
        ),
        not_(true()),
    )


def _may_have_files() -> ColumnElement[bool]:
    """Select what the index `series_with_files` holds; its condition has to be the same."""
    return or_(Series.purged_at.is_(None), Series.last_received_at >= Series.purged_at)


def _has_files() -> ColumnElement[bool]:
    return exists().where(Instance.series_id == Series.id, Instance.purged_at.is_(None))


def _reasons() -> Mapping[str, ColumnElement[bool]]:
    """Give what forbids to delete the files of a series, with words for an administrator."""
    mine = Report.series_id == Series.id
    version, other = aliased(Instance), aliased(Series)  # not those of the query around
    of_study = and_(other.study_instance_uid == Series.study_instance_uid, other.id != Series.id)
    # Nested, so that SQLite looks at the jobs of few series, and not for each at all open jobs.
    works = exists().where(Job.series_id == other.id, Job.state.in_(jobs.OPEN)).correlate(other)
    return MappingProxyType({
        "not decided: receiving, complete or held": Series.state.not_in(_DECIDED),
        "a job of it is queued or running": exists().where(
            Job.series_id == Series.id, Job.state.in_(jobs.OPEN)
        ),
        "two versions of an instance, not decided": exists().where(
            version.series_id == Series.id, version.state == InstanceState.CONFLICT
        ),
        "its report is in dispute": exists().where(
            mine, Report.current, Report.dispute.is_not(None)
        ),
        "a report or a withdrawal has not arrived everywhere": _undelivered(),
        "accepted, but without a report": and_(
            Series.state == SeriesState.ACCEPTED, ~exists().where(mine, Report.current)
        ),
        # Two, and not one with OR, which PostgreSQL would look at row by row.
        "another series of its study is received or judged": exists().where(
            of_study, other.state.in_((SeriesState.RECEIVING, SeriesState.COMPLETE))
        ),
        "a job of another series of its study is queued or running": exists().where(
            of_study, works
        ),
    })  # fmt: skip


def _undelivered() -> ColumnElement[bool]:
    """Select series of which an object is not where it should be, or not known to be."""
    waits = Delivery.state.not_in((*_ARRIVED, DeliveryState.FAILED))
    failed = and_(Delivery.state == DeliveryState.FAILED, ReportObject.current)
    unconfirmed = and_(Delivery.state == DeliveryState.STORED, Delivery.check_at.is_not(None))
    found: Select[int] = (
        select(Delivery.id)
        .join(ReportObject, ReportObject.id == Delivery.object_id)
        .join(Report, Report.id == ReportObject.report_id)
        .where(Report.series_id == Series.id, or_(waits, failed, unconfirmed))
    )
    return found.exists()
