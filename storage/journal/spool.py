"""A body that is too large for a segment: a file that grows while it arrives."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from storage.durable import sync_folder
from storage.journal import files
from storage.journal.layout import Buffer


class Spool:
    """A file beside the journal, deleted at the end of the block unless it is committed.

    It stays locked until the block ends, so append the entry that names it inside the block: a
    whole file that nobody holds and no entry names is cleared away at the next start.
    """

    def __init__(self, folder: Path) -> None:
        """Make an empty file.

        Args:
            folder: of the journal.

        Raises:
            OSError: the disk refuses.
        """
        self._folder = folder / files.SPOOL_FOLDER
        files.make_folder(self._folder)
        self._name = uuid4().hex
        self._path = self._folder / f"{self._name}{files.PART}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._descriptor = os.open(self._path, flags, files.FILE_MODE)
        files.lock(self._descriptor)
        self._committed = False
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if not self._committed:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def write(self, *buffers: Buffer) -> None:
        """Append bytes.

        Raises:
            OSError: the disk refuses.
        """
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        views = [view for view in views if view]
        self.size_bytes = files.write_all(self._descriptor, views, self.size_bytes)

    def commit(self) -> str:
        """Make the file durable; the name by which an entry refers to it.

        Raises:
            OSError: the disk refuses.
        """
        os.fdatasync(self._descriptor)
        whole = self._folder / f"{self._name}{files.WHOLE}"
        self._path.rename(whole)
        sync_folder(self._folder)
        self._committed = True
        return whole.name


def path_of(folder: Path, name: str) -> Path:
    """Give the path of a committed file.

    Raises:
        ValueError: `name` is none that `Spool.commit` gave.
    """
    return folder / files.SPOOL_FOLDER / files.validated_spool(name)
