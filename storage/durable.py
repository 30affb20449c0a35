"""Files that survive a power cut: written aside, synced, renamed, and their folders synced.

A rename is atomic, but neither it nor a new folder is on the disk before the folder that holds it
has been synced (fsync(2)). A reader therefore sees a whole file or none, and after a crash there is
at worst a file that no row names.
"""

import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

PART_SUFFIX: Final = ".part"
_FOLDER_MODE: Final = 0o750  # what is kept here belongs to patients
_FILE_MODE: Final = 0o640
_REMEMBERED: Final = 4096
_COPIED_BYTES: Final = 1 << 20

Content = bytes | memoryview | Path


class DurableFolder:
    """A root folder, below which files are placed so that they stay; safe between threads."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._synced: set[Path] = set()

    @contextmanager
    def draft(self, path: Path, data: Content) -> Iterator[Path]:
        """Write and sync `data` beside its final `path`; the draft is gone when the block ends.

        Yields the draft's path. `publish` it inside the block, or it is removed.

        Raises:
            OSError: the disk refuses (full, read-only, ...); nothing is left behind.
        """
        with self.drafts([(path, data)]) as (draft,):
            yield draft

    @contextmanager
    def drafts(self, contents: Sequence[tuple[Path, Content]]) -> Iterator[list[Path]]:
        """Write several drafts, then sync them: the disk can write them all at once.

        A content that is a path is a file elsewhere on the disk, durable already, which the draft
        becomes a second name of.

        Raises:
            OSError: the disk refuses; nothing is left behind.
        """
        drafts: list[Path] = []
        try:
            with ExitStack() as stack:
                descriptors = []
                for path, data in contents:
                    draft = (self.root / path).with_name(f".{uuid4().hex}{PART_SUFFIX}")
                    drafts.append(draft)
                    descriptors.append(self._create(draft, data))
                    stack.callback(os.close, descriptors[-1])
                for descriptor in descriptors:
                    os.fsync(descriptor)
            yield drafts
        finally:
            for draft in drafts:
                with suppress(FileNotFoundError):  # published
                    draft.unlink()

    def publish(self, draft: Path, path: Path) -> None:
        """Rename a draft to `path`, over what is there, and make the new name durable."""
        self.publish_all([(draft, path)])

    def publish_all(self, drafts: Iterable[tuple[Path, Path]]) -> None:
        """Rename drafts to their paths, over what is there, and make the new names durable."""
        folders = set()
        for draft, path in drafts:
            target = self.root / path
            os.rename(draft, target)
            folders.add(target.parent)
        for folder in folders:
            sync_folder(folder)

    def discard_drafts(self, folder: Path, before: datetime) -> int:
        """Delete the drafts in one folder that a process left when it was killed; how many.

        Args:
            folder: below the root.
            before: when this process began; younger ones may be in use.
        """
        count = 0
        for draft in (self.root / folder).glob(f".*{PART_SUFFIX}"):
            with suppress(OSError):  # gone meanwhile; or it stays, and costs room
                if draft.stat().st_mtime < before.timestamp():
                    draft.unlink()
                    count += 1
        return count

    def _create(self, draft: Path, data: Content) -> int:
        """Make a file and fill it; its descriptor."""
        self._make(draft.parent)
        try:
            return _filled(draft, data)
        except FileNotFoundError:
            if draft.parent.exists():
                raise
            # Somebody removed the folder since it was made.
            with self._lock:
                self._synced.clear()
            self._make(draft.parent)
            return _filled(draft, data)

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
            sync_folder(each)
        with self._lock:
            if len(self._synced) >= _REMEMBERED:
                self._synced.clear()
            self._synced.add(folder)


def _filled(draft: Path, data: Content) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    if isinstance(data, Path) and _linked(data, draft):
        return os.open(draft, os.O_RDONLY)
    descriptor = os.open(draft, flags, _FILE_MODE)
    try:
        if isinstance(data, Path):
            with data.open("rb") as source, os.fdopen(os.dup(descriptor), "wb") as file:
                shutil.copyfileobj(source, file, _COPIED_BYTES)
        else:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _linked(source: Path, draft: Path) -> bool:
    """Give a file a second name; False: this file system knows no such thing."""
    try:
        os.link(source, draft)
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
