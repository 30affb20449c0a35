"""A segment while it is written: entries in order, and one sync for all who wait for it."""

import contextlib
import errno
import os
import threading
from pathlib import Path

from storage.durable import sync_folder
from storage.journal import files, layout
from storage.journal.layout import HEADER_BYTES, Content, Kind


class OpenSegment:
    """The writing end of a segment file.

    `write` is called by one thread at a time; `sync` by as many as wait.
    """

    def __init__(self, folder: Path, name: files.SegmentName, size_bytes: int) -> None:
        """Take a free file, or make one, and give it its name, durably.

        Raises:
            OSError: the disk is full, or refuses.
        """
        self.name = name
        self._size = size_bytes
        self._generation = layout.new_generation()
        self._written = HEADER_BYTES
        self._synced = HEADER_BYTES
        self._sequence = 0
        self._failed: OSError | None = None
        self._syncing = False
        self._condition = threading.Condition()
        claimed = files.claim_free(folder, size_bytes)
        self._descriptor, making = claimed or files.make_new(folder, size_bytes)
        try:
            # The new generation is durable before the name is: what an earlier use left in the
            # file is unreadable from here on.
            os.pwrite(self._descriptor, layout.pack_header(self._generation), 0)
            os.fdatasync(self._descriptor)
            making.rename(folder / str(name))
            sync_folder(folder)
        except OSError:
            making.unlink(missing_ok=True)
            os.close(self._descriptor)
            raise

    @property
    def failed(self) -> bool:
        """Tell whether the disk refused something: nothing more may be written here."""
        return self._failed is not None

    def has_room(self, extent_bytes: int) -> bool:
        """Tell whether an entry of this size fits, and behind it the word that nothing follows."""
        return self._written + extent_bytes + layout.HEAD_BYTES <= self._size

    def write(self, content: Content) -> int:
        """Write an entry; the position up to which `sync` then has to be called.

        Raises:
            OSError: the disk refuses; the segment takes no further entry.
        """
        head = content.head(self._sequence).pack(self._generation)
        buffers = [memoryview(buffer).cast("B") for buffer in (head, content.fields, *content.body)]
        try:
            files.write_all(self._descriptor, [each for each in buffers if each], self._written)
        except OSError as error:
            with self._condition:
                self._failed = error
            raise
        self._sequence += 1
        with self._condition:
            self._written += content.extent_bytes
            return self._written

    def sync(self, position: int) -> None:
        """Return when everything before `position` is durable.

        The first to come syncs for all who have written by then; the others wait for it.

        Raises:
            OSError: the disk refuses. What was written stays unacknowledged: after a failed sync
                nobody knows what is on the disk (fsync(2)).
        """
        with self._condition:
            while self._synced < position and (self._syncing or self._failed):
                if self._failed:
                    raise OSError(self._failed.errno, os.strerror(self._failed.errno or errno.EIO))
                self._condition.wait()
            if self._synced >= position:
                return
            self._syncing = True
            target = self._written
        failed: OSError | None = None
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            failed = error
            raise
        finally:
            with self._condition:
                self._syncing = False
                if failed is None:
                    self._synced = target
                else:
                    self._failed = failed
                self._condition.notify_all()

    def close(self) -> None:
        """Sync what was written, say that nothing follows, and let go of the file."""
        with contextlib.suppress(OSError):  # whoever waits for it is told by `sync`
            if not self.failed:
                self.sync(self._written)
                # Not synced: without it a reader only has to look twice.
                head = Content.of(Kind.SEALED, {}).head(self._sequence)
                os.pwrite(self._descriptor, head.pack(self._generation), self._written)
        with self._condition:
            while self._syncing:
                self._condition.wait()
            os.close(self._descriptor)
