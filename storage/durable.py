"""Files that survive a power cut: written aside, synced, renamed, and their folders synced.

A rename is atomic, but neither it nor a new folder is on the disk before the folder that holds it
has been synced (fsync(2)). A reader therefore sees a whole file or none, and after a crash there is
at worst a file that no row names.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

PART_SUFFIX: Final = ".part"
_FOLDER_MODE: Final = 0o750  # what is kept here belongs to patients
_FILE_MODE: Final = 0o640
_REMEMBERED: Final = 4096


class DurableFolder:
    """A root folder, below which files are placed so that they stay; safe between threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._synced: set[Path] = set()

    @contextmanager
    def draft(self, path: Path, data: bytes) -> Iterator[Path]:
        """Write and sync `data` beside its final `path`; the draft is gone when the block ends.

        Yields the draft's path. `publish` it inside the block, or it is removed.

        Raises:
            OSError: the disk refuses (full, read-only, ...); nothing is left behind.
        """
        target = self.root / path
        draft = target.with_name(f".{uuid4().hex}{PART_SUFFIX}")
        descriptor = self._create(draft)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            with suppress(FileNotFoundError):  # published
                draft.unlink()

    def publish(self, draft: Path, path: Path) -> None:
        """Rename a draft to `path`, over what is there, and make the new name durable."""
        target = self.root / path
        os.rename(draft, target)
        _sync_folder(target.parent)

    def _create(self, draft: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._make(draft.parent)
        try:
            return os.open(draft, flags, _FILE_MODE)
        except FileNotFoundError:  # somebody removed the folder since it was made
            with self._lock:
                self._synced.clear()
            self._make(draft.parent)
            return os.open(draft, flags, _FILE_MODE)

    def _make(self, folder: Path) -> None:
        """Make `folder` and all above it durable.

        A folder that another thread has just made may not be on the disk yet, so all of them are
        synced once by each process, not only those that were missing.
        """
        with self._lock:
            if folder in self._synced:
                return
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        chain = [folder, *folder.parents]
        for each in chain[: chain.index(self.root) + 2]:
            _sync_folder(each)
        with self._lock:
            if len(self._synced) >= _REMEMBERED:
                self._synced.clear()
            self._synced.add(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
