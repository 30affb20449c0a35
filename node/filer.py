"""Files what the receiving processes have written to the journal: into folders and rows.

One thread, one line: entries -> `InstanceStore.file` -> `Reader.filed`. An entry leaves the journal
only when it is in the database, so whatever stops this thread, it goes on where it was; and filing
an entry twice changes nothing. A database or a disk that is away is waited for. One instance whose
place on the disk cannot be used stops no other: it leaves the journal for a folder beside, is told,
and is tried again every minute; its series is judged without it, and again when it comes.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import structlog
from sqlalchemy.exc import DBAPIError

from model import inflation
from node.outage import Outage
from storage import associations
from storage.arrival import Outcome
from storage.database import Database
from storage.incoming import Incoming, arrived
from storage.instances import InstanceStore
from storage.journal import LATER, REFUSED, Aside, Entry, Kind, Reader

logger = structlog.get_logger(__name__)

JOURNAL: Final = "journal"
"""The folder of the journal, below `storage.folder`."""

_IDLE_S: Final = 0.05
_AWAY_S: Final = 1.0
_LATER_S: Final = 60.0
_LATER_SERIES: Final = 20  # of which instances are put off; of more it is no fault of their places
_FULL_BATCH: Final = 48
_BEHIND_BYTES: Final = 1 << 30
_PATIENT: Final = 5  # the niceness of a thread that can wait: receiving comes first
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has been acknowledged and waits to be filed."""

    entries_bytes: int
    """In segments that are full or left, and in spooled files."""
    oldest: datetime | None
    """Before it, everything is filed; None: nothing waits."""
    refused: int
    """Instances kept aside for a person."""
    put_off: int
    """Instances whose place on the disk cannot be used; they are tried again."""
    damaged: int
    """Places in the journal that could not be read, since the start."""


class Filer:
    """Moves entries from the journal to folders and rows."""

    def __init__(self, database: Database, storage_folder: Path) -> None:
        """Keep what it works with, and look at what an earlier life has left.

        Raises:
            OSError: the journal's folder cannot be made or read.
        """
        self._database = database
        self._folder = storage_folder / JOURNAL
        self._store = InstanceStore(database, storage_folder, inflation.check)
        self._reader = Reader(self._folder)
        self._started = datetime.now(UTC)
        self._horizon = _LONG_AGO
        self._pending: Sequence[Entry] = ()
        self._waiting = False
        self._outage = Outage(logger, "filing waits", "filing goes on")
        self._refused = Aside(self._folder, REFUSED)
        self._later = Aside(self._folder, LATER)
        self._put_off_series: set[str] = set()
        self._try_later_at = 0.0  # at once: what an earlier life put off
        for aside in (self._refused, self._later):
            aside.discard_drafts(self._started)
        self._damaged = 0

    def run(self, stop: threading.Event) -> None:
        """File until told to stop, and then what is still there.

        Stop the receiving processes first: what they write later is filed at the next start.
        """
        with _Priority() as priority:
            while not stop.is_set():
                filed = self._guarded()
                priority.follow(behind=self._is_behind())
                if filed < _FULL_BATCH:  # a little waiting makes larger batches, which cost less
                    stop.wait(_AWAY_S if self._outage.lasts else _IDLE_S)
            while self._guarded():
                pass
        self._reader.close()

    def _is_behind(self) -> bool:
        try:
            return self._reader.backlog_bytes() > _BEHIND_BYTES
        except OSError:  # the disk refuses: `_guarded` tells of it
            return False

    def step(self) -> int:
        """File one batch; how many entries.

        Raises:
            OSError: the disk refuses; the same entries come again.
            sqlalchemy.exc.SQLAlchemyError: the database is away; likewise.
        """
        if time.monotonic() >= self._try_later_at:
            self._try_later_at = time.monotonic() + _LATER_S
            self._file_later()
        before = datetime.now(UTC)
        entries = self._pending or self._reader.entries()
        self._pending = entries
        oldest = min((_received(entry) for entry in entries), default=self._reader.oldest())
        self._waiting = oldest is not None
        self._horizon = min(before, oldest) if oldest else before
        if entries:
            self._file([entry for entry in entries if entry.kind is Kind.INSTANCE])
            self._end([entry for entry in entries if entry.kind is Kind.ENDING])
            self._reader.filed(entries)
            self._discard_spooled(entries)
            self._pending = []
        else:
            self._reader.retire()
            if not self._waiting:
                self._clear_strays()
        self._report_damages()
        return len(entries)

    def horizon(self) -> datetime:
        """Tell up to when everything that was received is filed; 1970: not known yet."""
        return self._horizon

    def backlog(self) -> Backlog:
        """Tell what waits."""
        return Backlog(
            self._reader.backlog_bytes(),
            self._horizon if self._waiting else None,
            len(self._refused.names()),
            len(self._later.names()),
            self._damaged,
        )

    def _guarded(self) -> int:
        """Take a step; a database or a disk that is away is told once, and tried again later.

        Broad, as every loop of the node: a fault nobody thought of must not end the filing.
        """
        try:
            filed = self.step()
        except Exception as error:
            self._outage.began(error)
            return 0
        self._outage.over()
        return filed

    def _file(self, entries: Sequence[Entry]) -> None:
        incoming: list[tuple[Entry, Incoming]] = []
        for entry in entries:
            try:
                one = self._incoming(entry)
            except ValueError as error:
                self._set_aside(entry, error)
                continue
            if one is not None:
                incoming.append((entry, one))
        results = self._store.file([one for _, one in incoming])
        if entries and entries[0].written_at < self._started:
            valid = [
                one
                for (_, one), result in zip(incoming, results, strict=True)
                if isinstance(result, Outcome)
            ]
            self._store.discard_drafts(valid, self._started)
        for (entry, _), result in zip(incoming, results, strict=True):
            if isinstance(result, Exception):
                self._set_aside(entry, result)
        if incoming:  # one line for all: the line of an instance is written when it is received
            outcomes = Counter(str(result) for result in results if isinstance(result, Outcome))
            logger.debug("instances filed", **outcomes)

    def _incoming(self, entry: Entry) -> Incoming | None:
        """Make the instance of an entry; None: its spooled body is gone, so it was filed.

        Raises:
            ValueError: the entry is no instance's.
        """
        name = entry.fields.get("spool")
        if name is None:
            return arrived(entry.fields, entry.body)
        path = self._reader.spooled(str(name))
        if not path.exists():
            uid = entry.fields.get("sop_instance_uid")
            logger.info("spooled instance was filed before, or erased", sop_instance_uid=uid)
            return None
        return arrived(entry.fields, b"", path)

    def _end(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        with self._database.begin() as session:
            for entry in entries:
                try:
                    associations.end_recorded(session, entry.fields)
                except ValueError as error:
                    # What is lost is evidence, no image.
                    logger.error("end of an association not recorded", reason=_reason(error))

    def _discard_spooled(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind is Kind.INSTANCE and entry.fields.get("spool"):
                self._reader.spooled(str(entry.fields["spool"])).unlink(missing_ok=True)

    def _set_aside(self, entry: Entry, error: Exception) -> None:
        """Keep an instance that cannot be filed: for a person, or until its place can be used.

        Raises:
            OSError: the disk refuses, or too much waits already; the entry stays in the journal.
        """
        later = isinstance(error, OSError)
        body = self._body(entry)
        if body is None:
            return
        if later:
            self._count_put_off(str(entry.fields.get("series_instance_uid")), error)
        aside = self._later if later else self._refused
        name = aside.keep(entry, body, type(error).__name__)
        logger.error(
            "instance put off: its place on the disk cannot be used"
            if later
            else "instance kept aside: it cannot be filed",
            file=f"{JOURNAL}/{aside.folder.name}/{name}.dcm",
            sop_instance_uid=entry.fields.get("sop_instance_uid"),
            error=type(error).__name__,
            reason=_reason(error),
        )

    def _count_put_off(self, series_instance_uid: str, error: Exception) -> None:
        known = self._put_off_series
        if series_instance_uid not in known and len(known) >= _LATER_SERIES:
            raise error
        known.add(series_instance_uid)

    def _body(self, entry: Entry) -> bytes | memoryview | Path | None:
        """Give the bytes of an instance, or where they are; None: they were erased meanwhile."""
        try:
            path = self._reader.spooled(str(entry.fields["spool"]))
        except (KeyError, ValueError):
            return entry.body
        return path if path.exists() else None

    def _file_later(self) -> None:
        """Try once more what was put off.

        Raises:
            OSError: the disk refuses; it stays put off.
            sqlalchemy.exc.SQLAlchemyError: the database is away; likewise.
        """
        still: set[str] = set()
        for name in self._later.names():
            try:
                fields, path = self._later.read(name)
            except (FileNotFoundError, ValueError):  # erased meanwhile; or damaged, a person's
                continue
            series_uid = str(fields.get("series_instance_uid"))
            if series_uid in still:  # the same place, most likely
                continue
            result = self._filed(fields, path)
            if isinstance(result, OSError):
                still.add(series_uid)
            elif isinstance(result, Outcome):
                self._later.discard(name)
                uid = fields.get("sop_instance_uid")
                logger.info("instance filed that was put off", sop_instance_uid=uid)
            else:
                self._refused.take(name, self._later, type(result).__name__)
                logger.error(
                    "instance kept aside: it cannot be filed",
                    file=f"{JOURNAL}/{self._refused.folder.name}/{name}.dcm",
                    error=type(result).__name__,
                    reason=_reason(result),
                )
        self._put_off_series = still

    def _filed(self, fields: dict[str, Any], path: Path) -> Outcome | Exception:
        try:
            (result,) = self._store.file([arrived(fields, b"", path)])
        except ValueError as error:
            return error
        return result

    def _clear_strays(self) -> None:
        strays = self._reader.clear_strays()
        if strays:
            logger.info("spooled files that no sender was told of are deleted", files=strays)

    def _report_damages(self) -> None:
        for damage in self._reader.damages():
            self._damaged += 1
            logger.error(
                "journal damaged: kept for a person as *.damaged",
                segment=damage.segment,
                position=damage.position,
            )


class _Priority:
    """The priority of a thread: less than it had, while the block runs and little waits."""

    def __enter__(self) -> Self:
        self._own = self._niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.follow(behind=False)
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._own)

    def follow(self, *, behind: bool) -> None:
        """Be as quick as any while much waits, patient otherwise."""
        wanted = self._own if behind else self._own + _PATIENT
        if wanted != self._niceness:
            self._set(wanted)

    def _set(self, niceness: int) -> None:
        self._niceness = niceness
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
        except OSError:
            # Without the right to it (CAP_SYS_NICE) a thread only ever gets more patient; then
            # the journal's limit slows the senders down to what is filed.
            logger.info("priority of filing not raised: this user may not")


def _received(entry: Entry) -> datetime:
    """Tell when the instance of an entry was received: it may say so itself."""
    said = entry.fields.get("received_at")
    try:
        return min(entry.written_at, datetime.fromisoformat(said)) if said else entry.written_at
    except (TypeError, ValueError):
        return entry.written_at


def _reason(error: Exception) -> str:
    """Say what went wrong without patient data: databases quote values."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, DBAPIError):
        return type(error.orig).__name__
    return str(error) if isinstance(error, ValueError) else type(error).__name__
