"""Received objects: each kept as it came, durably, before it is acknowledged.

Order of `InstanceStore.store`: temporary file, fsync, and then in one transaction that has locked
the series: row, rename, fsync of the folder, commit. A crash before the commit leaves at most a
file that no row names, which the repeated send replaces; a crash after it loses nothing.
"""

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import exc as sql_exc
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage import deliveries, jobs, series
from storage.arrival import Arrival, Incoming, Outcome, Verdict, Version, of_state
from storage.database import Database
from storage.durable import DurableFolder
from storage.identifiers import validated_uid
from storage.tables import Instance, InstanceState, Series, SeriesState

__all__ = [
    "Incoming",
    "InstanceStore",
    "Outcome",
    "all_instances",
    "current_instances",
    "resolve",
]

_ATTEMPTS: Final = 20
_RACE_SQLSTATES: Final = ("23505", "40001", "40P01")  # unique, serialization, deadlock


class InstanceStore:
    """Keeps received instances below a folder, and their rows; safe between threads."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._durable = DurableFolder(folder.absolute())

    def store(self, incoming: Incoming) -> Outcome:
        """Keep an instance; when this returns, it survives a power cut.

        Raises:
            ValueError: a UID is invalid.
            OSError: the disk refuses, for instance ENOSPC; nothing is kept.
            sqlalchemy.exc.SQLAlchemyError: the database refuses; at most an unnamed file is kept.
        """
        _check_uids(incoming)
        digest = hashlib.sha256(memoryview(incoming.part10)[incoming.data_offset :]).hexdigest()
        for _ in range(_ATTEMPTS - 1):
            try:
                outcome = self._attempt(incoming, digest)
            except sql_exc.DBAPIError as error:
                if not _lost_race(error):
                    raise
                outcome = None
            if outcome is not None:
                return outcome
        outcome = self._attempt(incoming, digest)
        if outcome is None:
            raise sql_exc.InvalidRequestError(
                f"instance {incoming.sop_instance_uid}: {_ATTEMPTS} times another association was "
                "faster with the same UID; expected once or twice; send it again"
            )
        return outcome

    def _attempt(self, incoming: Incoming, digest: str) -> Outcome | None:
        """Judge against what is there, then write if that is still what is there; else None."""
        with self._database.read() as session:
            versions = _versions(session, incoming.sop_instance_uid)
        path = _path(incoming, digest)
        with ExitStack() as stack:
            draft: Path | None = None
            if not self._is_kept(versions, digest):
                draft = stack.enter_context(self._durable.draft(path, incoming.part10))
            verdict = self._judge(versions, digest, draft)
            with self._database.begin() as session:
                rows = _locked_series(session, incoming, versions)
                if _versions(session, incoming.sop_instance_uid) != versions:
                    return None
                arrival = Arrival(session, incoming, digest, path, rows)
                arrival.write(verdict)
                if draft is not None and (
                    verdict.known is not None or verdict.outcome is not Outcome.DUPLICATE
                ):
                    self._durable.publish(draft, path)
            return verdict.outcome

    def _is_kept(self, versions: Iterable[Version], digest: str) -> bool:
        """Tell whether this content is kept, its file is there, and nothing would change."""
        return any(
            version.data_sha256 == digest
            and version.state != InstanceState.SUPERSEDED
            and (self._durable.root / version.path).exists()
            for version in versions
        )

    def _judge(self, versions: tuple[Version, ...], digest: str, draft: Path | None) -> Verdict:
        known = next((v for v in versions if v.data_sha256 == digest), None)
        if draft is None or (known is not None and known.state != InstanceState.SUPERSEDED):
            return Verdict(Outcome.DUPLICATE, known=known)
        current = next((v for v in versions if v.state == InstanceState.CURRENT), None)
        if current is None:
            return Verdict(Outcome.STORED, known=known)

        from storage import content  # decodes pixels: loaded by whoever meets a repeated UID

        difference = content.difference(self._durable.root / current.path, draft)
        if difference.outcome is Outcome.CONFLICT and any(
            content.compare(self._durable.root / version.path, draft) is Outcome.DUPLICATE
            for version in versions
            if version is not current
        ):
            # It is kept beside the current one already: undecided, or decided against by a person.
            return Verdict(Outcome.DUPLICATE, known=known)
        return Verdict(difference.outcome, difference.keywords, known)


def current_instances(session: Session, series_id: int) -> list[Instance]:
    """Give the instances of a series that are processed, in the order they came."""
    query = (
        select(Instance)
        .where(Instance.series_id == series_id, Instance.state == InstanceState.CURRENT)
        .order_by(Instance.id)
    )
    return list(session.scalars(query))


def all_instances(session: Session, series_id: int) -> list[Instance]:
    """Give every version that was received of a series, in the order they came."""
    query = select(Instance).where(Instance.series_id == series_id).order_by(Instance.id)
    return list(session.scalars(query))


def resolve(session: Session, series_id: int, keep: Literal["current", "newest"]) -> int:
    """Carry out a person's decision on every undecided conflict of a series; how many.

    The versions decided against are kept, superseded; sent again, they are duplicates. Every held
    series concerned is opened again, to be judged anew. Where another version becomes the current
    one, the revision of the series rises, and its open jobs and unsent reports are cancelled.
    """
    uids = session.scalars(series.contested(series_id).distinct()).all()
    for uid in sorted(uids):
        _resolve_one(session, uid, keep)
    return len(uids)


def _resolve_one(session: Session, uid: str, keep: Literal["current", "newest"]) -> None:
    old = of_state(session, uid, InstanceState.CURRENT)
    undecided = of_state(session, uid, InstanceState.CONFLICT)
    versions = sorted([*old, *undecided], key=lambda instance: (instance.received_at, instance.id))
    kept = old[0] if keep == "current" and old else versions[-1]
    touched = {instance.series_id for instance in versions}
    for instance in versions:
        instance.state = InstanceState.SUPERSEDED
    session.flush()  # before the kept one, because only one may be current
    kept.state = InstanceState.CURRENT
    session.flush()
    for row in session.scalars(
        select(Series).where(Series.id.in_(touched)).order_by(Series.id).with_for_update()
    ).all():
        series.record(session, row, "resolved", f"{uid}: kept the {keep} of {len(versions)}")
        if kept not in old:
            row.revision += 1
            jobs.cancel_open(session, row.id, "a conflict in its series was decided")
            deliveries.overtake(session, row.id, "a conflict in the series was decided")
        if row.state == SeriesState.HELD:
            series.reopen(session, row, "a conflict was decided by hand")
    session.flush()


def _check_uids(incoming: Incoming) -> None:
    for uid in (
        incoming.sop_class_uid,
        incoming.sop_instance_uid,
        incoming.transfer_syntax_uid,
        incoming.study_instance_uid,
        incoming.series_instance_uid,
    ):
        validated_uid(uid)


def _path(incoming: Incoming, digest: str) -> Path:
    """Name the file by its content: two versions never meet, and a repeated send hits the same."""
    shelf = hashlib.sha256(incoming.series_instance_uid.encode()).hexdigest()[:2]
    name = f"{incoming.sop_instance_uid}-{digest[:16]}.dcm"
    return Path("instances", shelf, incoming.series_instance_uid, name)


def _versions(session: Session, sop_instance_uid: str) -> tuple[Version, ...]:
    query = (
        select(Instance.id, Instance.series_id, Instance.data_sha256, Instance.state, Instance.path)
        .where(Instance.sop_instance_uid == sop_instance_uid)
        .order_by(Instance.id)
    )
    return tuple(Version(*row) for row in session.execute(query))


def _locked_series(
    session: Session, incoming: Incoming, versions: Iterable[Version]
) -> tuple[Series, ...]:
    """Lock the rows of all series concerned, always in the same order."""
    others = [version.series_id for version in versions if version.state == InstanceState.CURRENT]
    query = (
        select(Series)
        .where(
            or_(
                Series.series_instance_uid == incoming.series_instance_uid,
                Series.id.in_(others),
            )
        )
        .order_by(Series.id)
        .with_for_update()
    )
    return tuple(session.scalars(query))


def _lost_race(error: sql_exc.DBAPIError) -> bool:
    """Tell whether another association was faster; only PostgreSQL lets two write at once."""
    return getattr(error.orig, "sqlstate", None) in _RACE_SQLSTATES
