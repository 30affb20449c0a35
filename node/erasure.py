"""Erase a patient or a study: from the journal, the rows, the files, and what a crash left behind.

Order: the journal first, so that what waits in it is not filed any more; then, in one transaction,
work is stopped, rows are emptied and files are marked; then files are deleted; then the journal
again, for what came in between, with its free segments. A kill in between loses nothing: what is
marked is deleted by the node or by the next run, and every step finds nothing when repeated.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from sqlalchemy import select
from sqlalchemy.orm import Session

from node.headers import UNREADABLE
from storage import erasure, journal, removals, trail
from storage.database import Database
from storage.durable import sync_folder
from storage.erasure import Found, Subject
from storage.tables import Action, RemovalReason, ReportObject
from storage.trail import Person

KEY_FILE: Final = "erasure.key"
_BATCH: Final = 20
_MORE: Final = 3  # rounds, while something of the subject is just being filed
_FILED_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Done:
    """What an erasure did.

    Attributes:
        files: deleted, strays included.
        size_bytes: of them.
        journal_entries: overwritten.
        strays: reports that no row named, left by a job that was killed.
    """

    files: int
    size_bytes: int
    journal_entries: int
    strays: int

    def plus(self, other: "Done") -> "Done":
        """Add what another round did."""
        return Done(
            self.files + other.files,
            self.size_bytes + other.size_bytes,
            self.journal_entries + other.journal_entries,
            self.strays + other.strays,
        )


class Eraser:
    """Erases from one node's storage."""

    def __init__(
        self, database: Database, folder: Path, crops: str = "crops", files_per_s: float = 20
    ) -> None:
        self._database = database
        self._folder = folder
        self._crops = (crops,)
        self._files_per_s = files_per_s

    def look(self, subject: Subject) -> Found:
        """Say what would be erased; change nothing."""
        with self._database.read() as session:
            return erasure.find(session, subject)

    def earlier(self, subject: Subject) -> list[Action]:
        """List the erasures of the same subject, oldest first."""
        if not (self._folder / KEY_FILE).exists():
            return []
        digest = subject.fingerprint(self._key())
        query = select(Action).where(
            Action.action == "erase", Action.detail.contains(digest, autoescape=True)
        )
        with self._database.read() as session:
            return list(session.scalars(query.order_by(Action.id)))

    def erase(
        self,
        subject: Subject,
        person: Person,
        stop: threading.Event,
    ) -> tuple[Found, Done]:
        """Erase, and tell what was there; stopped or killed, the next call goes on from there.

        Args:
            subject: whom or what.
            person: who wants it, for the audit.
            stop: ends it between two batches of files.

        Raises:
            OSError: the disk refuses; what is marked stays marked.
        """
        found, done = self._once(subject, person, stop)
        for _ in range(_MORE):
            if stop.is_set() or not self.look(subject).instances:
                break
            # The node was just filing something of it, from the journal or from a sender.
            stop.wait(_FILED_S)
            done = done.plus(self._once(subject, person, stop)[1])
        self._database.shed()
        if not stop.is_set():
            self._finish(person, done)
        return found, done

    def _once(self, subject: Subject, person: Person, stop: threading.Event) -> tuple[Found, Done]:
        entries = self._from_journal(subject)
        with self._database.begin() as session:
            found = erasure.erase(session, subject, self._crops)
            self._record(session, subject, person, found)
        files, size_bytes = self._delete(stop)
        strays = self._strays(subject)
        for stray in strays:
            size_bytes += stray.stat().st_size
            stray.unlink()
            sync_folder(stray.parent)
        entries += self._from_journal(subject)
        journal.discard_free(self._folder / "journal")
        return found, Done(files + len(strays), size_bytes, entries, len(strays))

    def _record(self, session: Session, subject: Subject, person: Person, found: Found) -> None:
        fingerprint = subject.fingerprint(self._key())
        detail = f"{subject.kind} {fingerprint}: {found.summary}"
        trail.record(session, person, "erase", detail=detail)

    def _finish(self, person: Person, done: Done) -> None:
        detail = (
            f"{done.files} files deleted, {done.journal_entries} entries of the journal "
            f"overwritten, {done.strays} strays"
        )
        with self._database.begin() as session:
            trail.record(session, person, "erased", detail=detail)

    def _from_journal(self, subject: Subject) -> int:
        place = self._folder / "journal"
        return journal.erase(place, subject.is_of) if place.is_dir() else 0

    def _delete(self, stop: threading.Event) -> tuple[int, int]:
        """Delete all files that are marked for erasure, at a pace that receiving does not feel."""
        files = size_bytes = 0
        with self._database.read() as session:
            series = removals.series_of(session, RemovalReason.ERASURE)
        for each in series:
            while not stop.is_set():
                removed = removals.remove_some(self._database, self._folder, _BATCH, of=each)
                if removed is None:
                    break
                files += removed.files
                size_bytes += removed.size_bytes
                stop.wait(removed.files / self._files_per_s)
        return files, size_bytes

    def _strays(self, subject: Subject) -> list[Path]:
        """Find files of the subject that no row names: a kill leaves them."""
        return [path for path in self._unnamed() if subject.is_of(_identity(path))]

    def _unnamed(self) -> Iterator[Path]:
        root = self._folder / "reports"
        for shelf in sorted(root.iterdir()) if root.is_dir() else ():
            paths = {f"reports/{shelf.name}/{file.name}": file for file in shelf.iterdir()}
            query = select(ReportObject.path).where(
                ReportObject.path.startswith(f"reports/{shelf.name}/"),
                ReportObject.purged_at.is_(None),
            )
            with self._database.read() as session:
                named = set(session.scalars(query))
            yield from (file for path, file in paths.items() if path not in named)

    def _key(self) -> bytes:
        """Give the key of the audit's fingerprints; made once, readable by the node alone."""
        path = self._folder / KEY_FILE
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        with open(descriptor, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
        return path.read_bytes()


def _identity(path: Path) -> dict[str, str]:
    try:
        header = pydicom.dcmread(
            path,
            stop_before_pixels=True,
            specific_tags=["SpecificCharacterSet", "PatientID", "StudyInstanceUID"],
        )
        return {
            "patient_id": str(header.get("PatientID", "")),
            "study_instance_uid": str(header.get("StudyInstanceUID", "")),
        }
    except UNREADABLE:
        return {}
