"""Deletes received files when they are old enough, or when the disk is short of room: slowly.

Two steps, each of which may be killed anywhere: a series loses its files in the rows and gets a
list of what is to be deleted (`storage.retention`), and the list is worked off, a few files at a
time (`storage.removals`). The second step also finishes what `foramina erase` has begun.
"""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node.settings import Retention
from storage import leases, removals, retention
from storage.database import Database, now
from storage.retention import Candidate
from storage.tables import SeriesState

logger = structlog.get_logger(__name__)

LEASE: Final = "retention"
_LEASE_S: Final = 120.0
_BATCH: Final = 20  # files: a database that others want is not held for longer
_CANDIDATES: Final = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be deleted now, and why; and what is old enough and stays.

    Attributes:
        doomed: series, each with a sentence.
        kept: how many series stay although they are old enough, by reason.
        waiting: files and folders on the list already.
        free_bytes: on the disk of the storage folder.
        short: whether that is less than the settings want.
    """

    doomed: tuple[tuple[Candidate, str], ...]
    kept: Mapping[str, int]
    waiting: int
    free_bytes: int
    short: bool


class RetentionLoop:
    """Keeps what is stored within the limits of the settings."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: Retention,
        crops: str = "crops",
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Prepare; nothing is read or deleted yet.

        Args:
            database: with the rows.
            folder: the storage folder.
            settings: ages, room on the disk, and how fast.
            crops: below `folder`, where sub-volumes are kept.
            free_bytes: tells how much room the disk of a folder has.
        """
        self._database = database
        self._folder = folder
        self._settings = settings
        self._crops = (crops,)
        self._free_bytes = free_bytes
        self._holder = uuid4().hex

    def run(self, stop: threading.Event) -> None:
        """Delete what may go, and look again, until told to stop."""
        while not stop.wait(self._settings.poll_s):
            try:
                self.step(stop)
            except (SQLAlchemyError, OSError):
                # What is marked stays marked, and the next round goes on with it.
                logger.exception("retention interrupted")
        self.close()

    def step(self, stop: threading.Event) -> int:
        """Delete all that may go now; how many files. 0 also while another host does so.

        Raises:
            OSError: the disk refuses.
            sqlalchemy.exc.SQLAlchemyError: the database does.
        """
        files = self._work_off(stop)
        while not stop.is_set() and (found := self._next()):
            for candidate, why in found:
                files += self._purge(candidate, why, stop)
                if stop.is_set():
                    break
        return files

    def plan(self, limit: int = 1000) -> Plan:
        """Say what would be deleted now; change nothing."""
        free = self._free_bytes(self._folder)
        with self._database.read() as session:
            moment = now(session)
            doomed = list(self._aged(retention.candidates(session, self._ages(moment), limit)))
            if short := free < self._settings.low_free_bytes:
                doomed += self._until_enough(
                    retention.candidates(session, self._youngest(moment), limit), free, doomed
                )
            oldest = max((*self._ages(moment).values(), *self._youngest(moment).values()))
            return Plan(
                doomed=tuple(doomed),
                kept=retention.kept(session, oldest),
                waiting=removals.waiting(session),
                free_bytes=free,
                short=short,
            )

    def _next(self) -> list[tuple[Candidate, str]]:
        """Find the series that go next: by age, or the oldest ones while the disk is short."""
        if not self._settings.is_on or not self._hold():
            return []
        with self._database.read() as session:
            moment = now(session)
            aged = list(self._aged(retention.candidates(session, self._ages(moment), _CANDIDATES)))
            free = self._free_bytes(self._folder)
            if aged or free >= self._settings.low_free_bytes:
                return aged
            early = retention.candidates(session, self._youngest(moment), _CANDIDATES)
        return self._until_enough(early, free, [])

    def _purge(self, candidate: Candidate, why: str, stop: threading.Event) -> int:
        self._pause(stop)
        if stop.is_set() or not self._hold():
            return 0
        with self._database.begin() as session:
            before = self._youngest(now(session))
            marked = retention.purge(session, candidate.id, before, self._crops, why)
        if marked:
            logger.info(
                "series purged",
                series_instance_uid=candidate.series_instance_uid,
                files=marked,
                reason=why,
            )
        return self._work_off(stop)

    def _work_off(self, stop: threading.Event) -> int:
        """Delete what is marked, at the pace of the settings; how many files."""
        files = 0
        batch = max(1, min(_BATCH, int(self._settings.files_per_s)))
        while not stop.is_set() and self._hold():
            removed = removals.remove_some(self._database, self._folder, batch)
            if removed is None:
                break
            files += removed.files
            stop.wait(batch / self._settings.files_per_s)
            self._pause(stop)
        return files

    def _pause(self, stop: threading.Event) -> None:
        """Wait while images come, unless the disk is short of room."""
        quiet = timedelta(seconds=self._settings.quiet_s)
        while not stop.is_set() and not self._is_short():
            with self._database.read() as session:
                if not retention.is_receiving(session, now(session) - quiet):
                    return
            self._hold()
            stop.wait(min(self._settings.quiet_s, _LEASE_S / 4))

    def _hold(self) -> bool:
        with self._database.begin() as session:
            return leases.hold(session, LEASE, self._holder, _LEASE_S)

    def close(self) -> None:
        """Give the lease up, so that another process need not wait for its end."""
        try:
            with self._database.begin() as session:
                leases.let_go(session, LEASE, self._holder)
        except SQLAlchemyError:
            logger.warning("retention's lease is left to run out", seconds=_LEASE_S)

    def _is_short(self) -> bool:
        low = self._settings.low_free_bytes
        return low > 0 and self._free_bytes(self._folder) < low

    def _ages(self, moment: datetime) -> dict[SeriesState, datetime]:
        days = {
            SeriesState.REJECTED: self._settings.rejected_after_days,
            SeriesState.ACCEPTED: self._settings.delivered_after_days,
        }
        return {
            state: moment - timedelta(days=value)
            for state, value in days.items()
            if value is not None
        }

    def _youngest(self, moment: datetime) -> dict[SeriesState, datetime]:
        latest = moment - timedelta(days=self._settings.keep_days)
        return {SeriesState.REJECTED: latest, SeriesState.ACCEPTED: latest}

    def _aged(self, found: list[Candidate]) -> Iterator[tuple[Candidate, str]]:
        for each in found:
            rejected = each.state == SeriesState.REJECTED
            days = (
                self._settings.rejected_after_days
                if rejected
                else self._settings.delivered_after_days
            )
            words = "rejected" if rejected else "reports delivered"
            yield each, f"{words}, and nothing came for {days:g} days"

    def _until_enough(
        self, found: list[Candidate], free: int, before: list[tuple[Candidate, str]]
    ) -> list[tuple[Candidate, str]]:
        """Take as many as are needed until enough room is free."""
        taken = []
        known = {each.id for each, _why in before}
        free += sum(each.size_bytes for each, _why in before)
        for each in found:
            if free >= self._settings.enough_free_bytes:
                break
            if each.id not in known:
                taken.append((each, "the disk is short of room"))
                free += each.size_bytes
        return taken
