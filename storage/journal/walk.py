"""Finding the entries of a segment file, also of one that was torn or has gone bad."""

import errno
import os
from pathlib import Path
from typing import Any, Final

from storage.journal import layout
from storage.journal.layout import HEAD_BYTES, HEADER_BYTES, Head, Kind

_CHUNK_BYTES: Final = 1 << 20  # a multiple of what entries are aligned to
_BLOCK_BYTES: Final = 4096  # of a disk: what of it is bad is bad as a whole


class UnreadableSegmentError(Exception):
    """A segment has no valid header, so its entries cannot be told from those of earlier uses."""


class SegmentFile:
    """A segment file opened for reading, and for the marks of its reader."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            UnreadableSegmentError: it has no valid header.
            OSError: it cannot be opened.
        """
        self.descriptor = os.open(path, os.O_RDWR)
        self.size = os.fstat(self.descriptor).st_size
        self.has_bad_blocks = False
        """The disk could not give all of what was read so far."""
        header = self._bytes_at(0, HEADER_BYTES)
        generation = layout.parse_header(header)
        if generation is None:
            self.close()
            raise UnreadableSegmentError(f"{path.name}: no segment of this version")
        self.generation = generation
        self.marked = layout.parse_mark(header, generation)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def mark(self, position: int) -> None:
        """Note up to where entries are filed; not synced: a lost mark only repeats some work."""
        data = layout.pack_mark(self.generation, position)
        os.pwrite(self.descriptor, data, layout.MARK_OFFSET)

    def head_at(self, position: int, sequence: int) -> Head | None:
        """Read the head at a position; None: there is none, or none from `sequence` on."""
        data = self._bytes_at(position, HEAD_BYTES)
        return self._fitting(layout.parse_head(data, self.generation), position, sequence)

    def next_after(self, position: int, sequence: int) -> int | None:
        """Search for the next head behind a place where none can be read; its position."""
        start = position + layout.aligned(1)
        while start < self.size:
            chunk = self._bytes_at(start, _CHUNK_BYTES)
            offset = chunk.find(layout.MAGIC)
            while offset >= 0:
                if offset % layout.aligned(1) == 0 and self.head_at(start + offset, sequence):
                    return start + offset
                offset = chunk.find(layout.MAGIC, offset + 1)
            if not chunk:
                break
            start += len(chunk)
        return None

    def read(self, position: int, head: Head, buffer: memoryview) -> bool:
        """Read fields and body of an entry into `buffer`; False: they are not whole."""
        wanted = head.fields_bytes + head.body_bytes
        done = 0
        while done < wanted:
            view = buffer[done:wanted]
            try:
                count = os.preadv(self.descriptor, [view], position + HEAD_BYTES + done)
            except OSError as error:
                self._note(error)
                return False
            if not count:
                return False
            done += count
        fields, body = buffer[: head.fields_bytes], buffer[head.fields_bytes : wanted]
        return (
            layout.check_of((fields,)) == head.fields_check
            and layout.check_of((body,)) == head.body_check
        )

    def fields_at(self, position: int, head: Head) -> dict[str, Any] | None:
        """Read the fields of an entry alone; None: they are damaged."""
        data = self._bytes_at(position + HEAD_BYTES, head.fields_bytes)
        if len(data) < head.fields_bytes or layout.check_of((data,)) != head.fields_check:
            return None
        return layout.decoded(data)

    def _bytes_at(self, position: int, count: int) -> bytes:
        """Read bytes; zeros in the place of blocks that the disk cannot give.

        One bad block must not stop all entries behind it.
        """
        try:
            return os.pread(self.descriptor, count, position)
        except OSError as error:
            self._note(error)
        found = bytearray()
        end = min(position + count, self.size)
        while (at := position + len(found)) < end:
            size = min(end, at - at % _BLOCK_BYTES + _BLOCK_BYTES) - at
            try:
                found += os.pread(self.descriptor, size, at).ljust(size, b"\0")
            except OSError as error:
                self._note(error)
                found += bytes(size)
        return bytes(found)

    def _note(self, error: OSError) -> None:
        """Note a bad block; any other error concerns more than this place.

        Raises:
            OSError: it is no bad block.
        """
        if error.errno != errno.EIO:
            raise error
        self.has_bad_blocks = True

    def _fitting(self, head: Head | None, position: int, sequence: int) -> Head | None:
        if head is None or head.sequence < sequence:
            return None
        if head.kind is not Kind.SEALED and position + head.extent_bytes > self.size:
            return None
        return head
