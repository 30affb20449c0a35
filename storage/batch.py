"""Many instances in one transaction: those that need no comparison with earlier ones.

What costs most per instance, locking its series, a commit, a sync of the folder, is paid once for
all of them. Whatever is not plain (a repeated SOP Instance UID with other content, a value that
the database refuses) is left to `storage.instances`, one by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage import removals
from storage.arrival import (
    Outcome,
    Version,
    advance,
    begin_series,
    instance_values,
)
from storage.database import now
from storage.incoming import Incoming
from storage.tables import Instance, InstanceState, Series, SeriesState


@dataclass(frozen=True, slots=True)
class Prepared:
    """An instance that is about to be filed."""

    incoming: Incoming
    digest: str  # SHA-256 of the data set
    path: Path  # of its file, below the storage folder


def versions_of(
    session: Session, sop_instance_uids: Iterable[str]
) -> dict[str, tuple[Version, ...]]:
    """Give what was received before under these UIDs, in the order it came."""
    query = (
        select(
            Instance.sop_instance_uid,
            Instance.id,
            Instance.series_id,
            Instance.data_sha256,
            Instance.state,
            Instance.path,
            Instance.received_at,
            Instance.purged_at.is_not(None),
        )
        .where(Instance.sop_instance_uid.in_(set(sop_instance_uids)))
        .order_by(Instance.id)
    )
    found: dict[str, tuple[Version, ...]] = {}
    for row in session.execute(query):
        uid, columns = row[0], list[Any](row[1:])
        found[uid] = (*found.get(uid, ()), Version(*columns))
    return found


def locked_series(session: Session, prepared: Iterable[Prepared]) -> dict[str, Series]:
    """Lock the rows of the instances' series, always in the same order."""
    uids = {one.incoming.series_instance_uid for one in prepared}
    query = (
        select(Series)
        .where(Series.series_instance_uid.in_(uids))
        .order_by(Series.id)
        .with_for_update()
    )
    return {row.series_instance_uid: row for row in session.scalars(query)}


def write(
    session: Session, prepared: Sequence[tuple[Prepared, Outcome]], rows: dict[str, Series]
) -> None:
    """Write the rows of instances that are new (STORED), or known with this content (DUPLICATE).

    Args:
        session: in whose transaction the series are locked.
        prepared: no two with one SOP Instance UID.
        rows: of the series, by SeriesInstanceUID; those that are missing are made.
    """
    fresh: dict[str, list[Prepared]] = defaultdict(list)
    for one, outcome in prepared:
        if outcome is Outcome.STORED:
            fresh[one.incoming.series_instance_uid].append(one)
    values = [line for uid in fresh for line in _new(session, fresh[uid], rows.get(uid))]
    for one, outcome in prepared:
        row = rows.get(one.incoming.series_instance_uid)
        if outcome is Outcome.DUPLICATE and row and row.state == SeriesState.RECEIVING:
            moment = one.incoming.received_at or now(session)
            row.last_received_at = max(row.last_received_at, moment)
    session.flush()
    if values:
        session.execute(insert(Instance), values)
    for one, _outcome in prepared:
        row = rows.get(one.incoming.series_instance_uid)
        if row is not None and row.purged_at is not None:
            uid, path = one.incoming.sop_instance_uid, one.path.as_posix()
            removals.keep_again(session, row, uid, one.digest, path)


def _new(
    session: Session, group: Sequence[Prepared], row: Series | None
) -> list[dict[str, object]]:
    """Bring a series forward by new instances of it; the columns of their rows."""
    moments = [one.incoming.received_at or now(session) for one in group]
    count = len(group)
    if row is None:
        row = begin_series(session, group[0].incoming, moments[0])
        count -= 1
    if count:
        advance(session, row, group[-1].incoming, count, max(moments))
    return [
        {
            **instance_values(one.incoming, one.digest, one.path, moment),
            "series_id": row.id,
            "state": InstanceState.CURRENT,
        }
        for one, moment in zip(group, moments, strict=True)
    ]
