"""The writing end of the journal: one per process."""

import errno
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from storage.journal import files
from storage.journal.layout import HEAD_BYTES, HEADER_BYTES, Buffer, Content, Fields, Kind
from storage.journal.segment import OpenSegment
from storage.journal.spool import Spool

SEGMENT_BYTES: Final = 64 << 20
LIMIT_BYTES: Final = 4 << 30
WAIT_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.02


class JournalFullError(OSError):
    """More has arrived than was filed, up to the limit; nothing of the entry is kept."""

    def __init__(self, backlog_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            errno.ENOSPC,
            f"{backlog_bytes >> 20} MiB wait to be filed, the limit is {limit_bytes >> 20} MiB",
        )


class Writer:
    """Appends entries to segments of its own; safe between threads, not across a fork."""

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        limit_bytes: int = LIMIT_BYTES,
        wait_s: float = WAIT_S,
    ) -> None:
        """Prepare; the first segment is made by the first entry.

        Args:
            folder: of the journal, made where it is missing.
            name: of this process; no two that live at once share one.
            segment_bytes: size of each segment file.
            limit_bytes: how much of all writers may wait to be filed. Every writer may have one
                segment whatever the limit.
            wait_s: how long to wait at the limit; a burst is slowed to the rate of filing.

        Raises:
            ValueError: `name` is no file name.
            OSError: the folder cannot be made.
        """
        self._folder = folder
        self._name = files.validated_writer(name)
        self._segment_bytes = segment_bytes
        self._limit_bytes = limit_bytes
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._segment: OpenSegment | None = None
        self._number = 0
        self._closed = False
        files.make_folder(folder)

    @property
    def largest_entry(self) -> int:
        """How many bytes an entry may have, head and fields included; larger ones are spooled."""
        return self._segment_bytes - HEADER_BYTES - HEAD_BYTES

    def append(self, kind: Kind, fields: Fields, body: Sequence[Buffer] = ()) -> None:
        """Write an entry; when this returns, it survives a power cut.

        One sync may serve several threads.

        Raises:
            ValueError: it is larger than `largest_entry`.
            JournalFullError: too much waits to be filed.
            OSError: the disk refuses.
        """
        deadline = time.monotonic() + self._wait_s
        content = Content.of(kind, fields, body)
        if content.extent_bytes > self.largest_entry:
            raise ValueError(
                f"an entry of {content.extent_bytes} bytes: expected at most {self.largest_entry}; "
                "spool its body"
            )
        with self._turn:
            segment = self._with_room(content.extent_bytes, deadline)
            position = segment.write(content)
        segment.sync(position)

    def spool(self) -> Spool:
        """Open a file for a body that is too large for a segment.

        Raises:
            JournalFullError: too much waits to be filed.
            OSError: the disk refuses.
        """
        deadline = time.monotonic() + self._wait_s
        while (backlog := files.backlog_bytes(self._folder)) >= self._limit_bytes:
            self._pause(backlog, deadline)
        return Spool(self._folder)

    def close(self) -> None:
        """Let go of the segment; what was appended stays until it is filed."""
        with self._turn:
            self._closed = True
            self._leave()

    def _with_room(self, extent_bytes: int, deadline: float) -> OpenSegment:
        if self._closed:
            raise OSError(errno.EBADF, "the journal's writer is closed")
        if self._segment and (self._segment.failed or not self._segment.has_room(extent_bytes)):
            self._leave()
        if self._segment is None:
            self._segment = self._next(deadline)
        return self._segment

    def _next(self, deadline: float) -> OpenSegment:
        """Open the next segment, when there is room for one."""
        while True:
            own = [each for each in files.segments(self._folder) if each.writer == self._name]
            backlog = files.backlog_bytes(self._folder)
            if not own or backlog < self._limit_bytes:
                break
            self._pause(backlog, deadline)
        self._number = max(self._number, *(each.number for each in own), 0) + 1
        name = files.SegmentName(self._name, self._number)
        return OpenSegment(self._folder, name, self._segment_bytes)

    def _pause(self, backlog_bytes: int, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise JournalFullError(backlog_bytes, self._limit_bytes)
        time.sleep(_LOOK_AGAIN_S)

    def _leave(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()
