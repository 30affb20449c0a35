"""Received objects: each kept as it came, durably, before it is acknowledged or leaves the journal.

Order of `InstanceStore.file`: temporary files, fsync, and then in one transaction that has locked
the series: rows, renames, fsync of the folders, commit. A crash before the commit leaves at most
files that no row names, which filing again replaces; a crash after it loses nothing. Filing an
instance again changes nothing.
"""

import errno
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import exc as sql_exc
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from storage import batch as batches
from storage import deliveries, jobs, series
from storage.arrival import Arrival, Outcome, Verdict, Version, of_state
from storage.batch import Prepared
from storage.database import Database
from storage.durable import DurableFolder
from storage.identifiers import validated_uid
from storage.incoming import Incoming
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
_COMPARED: Final = 16  # earlier versions of one UID: who sends thousands must not cost their square
_RACE_SQLSTATES: Final = ("23505", "40001", "40P01")  # unique, serialization, deadlock
_OF_THE_WHOLE_DISK: Final = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
)  # fmt: skip
"""Every other error of the disk may be that of one place, and the next instance fares better."""
_PASSING: Final = (
    MemoryError, sql_exc.InterfaceError, sql_exc.OperationalError, sql_exc.TimeoutError,
)  # fmt: skip
"""What another attempt may not meet again; all else is the instance's own fault, or a bug."""


class InstanceStore:
    """Keeps received instances below a folder, and their rows; safe between threads."""

    def __init__(
        self, database: Database, folder: Path, check: Callable[[Path], None] | None = None
    ) -> None:
        """Keep what it works with.

        Args:
            database: of the rows.
            folder: of the files.
            check: sees a file before it is read to be compared with another of its UID; see
                `storage.content.Check`. None: every file is read.
        """
        self._database = database
        self._check = check
        self._durable = DurableFolder(folder.absolute())

    def store(self, incoming: Incoming) -> Outcome:
        """Keep an instance; when this returns, it survives a power cut.

        Raises:
            ValueError: a UID is invalid.
            OSError: the disk refuses, for instance ENOSPC; nothing is kept.
            sqlalchemy.exc.SQLAlchemyError: the database refuses; at most an unnamed file is kept.
        """
        (result,) = self.file([incoming])
        if isinstance(result, Exception):
            raise result
        return result

    def file(self, batch: Sequence[Incoming]) -> list[Outcome | Exception]:
        """Keep instances, in the order in which they came; when this returns, they are safe.

        An instance that cannot be kept whatever is tried (a UID is invalid, the database refuses a
        value) has the error for its result, and spoils no other. So has one whose place on the disk
        cannot be used: an `OSError`; file that one again later.

        Raises:
            OSError: the whole disk refuses; some may be kept. File the whole batch again.
            sqlalchemy.exc.SQLAlchemyError: the database is away; likewise.
        """
        results: dict[int, Outcome | Exception] = {}
        prepared: dict[int, Prepared] = {}
        for index, incoming in enumerate(batch):
            try:
                _check_uids(incoming)
                digest = _digest(incoming)
            except (OSError, ValueError) as error:
                _raise_general(error)
                results[index] = error
                continue
            prepared[index] = Prepared(incoming, digest, _path(incoming, digest))
        results |= self._together(prepared)
        for index, one in prepared.items():
            if index not in results:
                results[index] = self._alone(one)
        return [results[index] for index in range(len(batch))]

    def discard_drafts(self, batch: Sequence[Incoming], before: datetime) -> int:
        """Delete what a killed process left beside the files of a batch; how many files.

        What was being written then is in the journal still, and is filed again: these are the
        folders. Should another host lose a draft that way, it files its batch once more.
        """
        folders = {_folder(one) for one in batch}
        return sum(self._durable.discard_drafts(folder, before) for folder in folders)

    def _together(self, prepared: Mapping[int, Prepared]) -> dict[int, Outcome]:
        """Keep what needs no comparison, in one transaction; the others are left out."""
        first: dict[str, int] = {}
        for index, one in prepared.items():
            first.setdefault(one.incoming.sop_instance_uid, index)
        with self._database.read() as session:
            versions = batches.versions_of(session, first)
        plain: dict[int, tuple[Prepared, Outcome]] = {}
        for uid, index in first.items():
            one = prepared[index]
            if uid not in versions:
                plain[index] = one, Outcome.STORED
            elif self._is_kept(versions[uid], one.digest, one.incoming):
                plain[index] = one, Outcome.DUPLICATE
        try:
            kept = bool(plain) and self._write([plain[index] for index in sorted(plain)], versions)
        except sql_exc.StatementError as error:
            if isinstance(error, _PASSING) and not _lost_race(error):
                raise
            kept = False  # one of them is refused, or was raced: each alone will tell
        except OSError as error:
            _raise_general(error)
            kept = False
        return {index: outcome for index, (_, outcome) in plain.items()} if kept else {}

    def _write(
        self,
        plain: Sequence[tuple[Prepared, Outcome]],
        seen: Mapping[str, tuple[Version, ...]],
    ) -> bool:
        """Write files and rows, if under their UIDs is still what was seen there; whether."""
        fresh = [one for one, outcome in plain if outcome is Outcome.STORED]
        contents = [(one.path, one.incoming.content) for one in fresh]
        uids = {one.incoming.sop_instance_uid for one, _ in plain}
        with self._durable.drafts(contents) as drafts, self._database.begin() as session:
            rows = batches.locked_series(session, [one for one, _ in plain])
            found = batches.versions_of(session, uids)
            if any(found.get(uid) != seen.get(uid) for uid in uids):
                return False
            known = [one for one, outcome in plain if outcome is Outcome.DUPLICATE]
            if not all(self._is_kept_still(one, seen) for one in known):
                return False
            batches.write(session, plain, rows)
            self._durable.publish_all(
                (draft, one.path) for draft, one in zip(drafts, fresh, strict=True)
            )
        return True

    def _alone(self, one: Prepared) -> Outcome | Exception:
        """Keep one instance; give the error where no other attempt could do better."""
        try:
            return self._patiently(one)
        except OSError as error:
            _raise_general(error)
            return error
        except _PASSING:
            raise
        except sql_exc.DBAPIError as error:
            if error.connection_invalidated:
                raise
            return error
        except Exception as error:
            # Broad: whatever one instance meets, the next ones are kept.
            return error

    def _patiently(self, one: Prepared) -> Outcome:
        for _ in range(_ATTEMPTS - 1):
            try:
                outcome = self._attempt(one)
            except sql_exc.DBAPIError as error:
                if not _lost_race(error):
                    raise
                outcome = None
            if outcome is not None:
                return outcome
        outcome = self._attempt(one)
        if outcome is None:
            raise sql_exc.TimeoutError(
                f"instance {one.incoming.sop_instance_uid}: {_ATTEMPTS} times another association "
                "was faster with the same UID; expected once or twice; send it again"
            )
        return outcome

    def _attempt(self, one: Prepared) -> Outcome | None:
        """Judge against what is there, then write if that is still what is there; else None."""
        incoming, digest, path = one.incoming, one.digest, one.path
        uid = incoming.sop_instance_uid
        with self._database.read() as session:
            versions = batches.versions_of(session, [uid]).get(uid, ())
        with ExitStack() as stack:
            draft: Path | None = None
            if not self._is_kept(versions, digest, incoming):
                draft = stack.enter_context(self._durable.draft(path, incoming.content))
            verdict = self._judge(versions, digest, draft)
            with self._database.begin() as session:
                rows = _locked_series(session, incoming, versions)
                if batches.versions_of(session, [uid]).get(uid, ()) != versions:
                    return None
                if draft is None and not self._is_kept(versions, digest, incoming):
                    return None  # its file was deleted since
                arrival = Arrival(session, incoming, digest, path, rows)
                arrival.write(verdict)
                if draft is not None and (
                    verdict.known is not None or verdict.outcome is not Outcome.DUPLICATE
                ):
                    self._durable.publish(draft, path)
            return verdict.outcome

    def _is_kept(self, versions: Iterable[Version], digest: str, incoming: Incoming) -> bool:
        """Tell whether this content is kept, its file is there, and nothing would change."""
        return any(
            version.data_sha256 == digest
            and not version.purged
            and (version.state != InstanceState.SUPERSEDED or _is_overtaken(versions, incoming))
            and (self._durable.root / version.path).exists()
            for version in versions
        )

    def _is_kept_still(self, one: Prepared, seen: Mapping[str, tuple[Version, ...]]) -> bool:
        """Tell the same with the series locked: nothing is deleted from here on."""
        return self._is_kept(seen[one.incoming.sop_instance_uid], one.digest, one.incoming)

    def _judge(self, versions: tuple[Version, ...], digest: str, draft: Path | None) -> Verdict:
        known = next((v for v in versions if v.data_sha256 == digest), None)
        if draft is None or (known is not None and known.state != InstanceState.SUPERSEDED):
            return Verdict(Outcome.DUPLICATE, known=known)
        current = next((v for v in versions if v.state == InstanceState.CURRENT), None)
        if current is None:
            return Verdict(Outcome.STORED, known=known)

        if current.purged:  # nothing is left to compare with
            return Verdict(Outcome.CORRECTION, ("(the earlier file was deleted)",), known)

        from storage import content  # decodes pixels: loaded by whoever meets a repeated UID

        check = self._check or content.unchecked
        difference = content.difference(self._durable.root / current.path, draft, check)
        if difference.outcome is Outcome.CONFLICT and any(
            content.compare(self._durable.root / version.path, draft, check) is Outcome.DUPLICATE
            for version in versions[-_COMPARED:]
            if version is not current and not version.purged
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


def _raise_general(error: Exception) -> None:
    """Raise an error again that the next instance would meet as well."""
    if isinstance(error, OSError) and error.errno in _OF_THE_WHOLE_DISK:
        raise error


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
    return _folder(incoming) / f"{incoming.sop_instance_uid}-{digest[:16]}.dcm"


def _folder(incoming: Incoming) -> Path:
    shelf = hashlib.sha256(incoming.series_instance_uid.encode()).hexdigest()[:2]
    return Path("instances", shelf, incoming.series_instance_uid)


def _digest(incoming: Incoming) -> str:
    """Sum up the data set."""
    if incoming.spooled is None:
        return hashlib.sha256(memoryview(incoming.part10)[incoming.data_offset :]).hexdigest()
    with incoming.spooled.open("rb") as file:
        file.seek(incoming.data_offset)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_overtaken(versions: Iterable[Version], incoming: Incoming) -> bool:
    """Tell whether the current version was received after this one.

    So it is when a journal is read again: the correction has been filed, and here once more comes
    what it corrected.
    """
    if incoming.received_at is None:
        return False
    return any(
        version.state == InstanceState.CURRENT and version.received_at > incoming.received_at
        for version in versions
    )


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
