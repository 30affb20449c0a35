"""The reading end of the journal: one per node, in the process that files."""

import threading
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from storage.durable import sync_folder
from storage.journal import files, spool
from storage.journal.files import SegmentName
from storage.journal.layout import HEAD_BYTES, Head, Kind, decoded
from storage.journal.walk import SegmentFile, UnreadableSegmentError

BATCH_BYTES: Final = 16 << 20
BATCH_COUNT: Final = 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, whole and checked."""

    kind: Kind
    fields: dict[str, Any]
    body: memoryview
    """Overwritten by the next call of `Reader.entries`."""
    written_at: datetime
    segment: SegmentName
    end: int
    """Position behind it."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A place of the journal that cannot be read, though something can behind it."""

    segment: str
    position: int


class _Source:
    """One segment while it is read and filed."""

    def __init__(self, name: SegmentName, path: Path) -> None:
        self.name = name
        self.path = path
        self.file = SegmentFile(path)
        self.position = self.filed = self.file.marked
        self.outstanding = 0
        self.exhausted = False
        self.damaged = False
        self.unreported: list[Damage] = []
        self._sequence = 0
        self._head: Head | None = None

    @property
    def is_left(self) -> bool:
        return files.is_left(self.file.descriptor)

    def head(self) -> Head | None:
        """Give the head of the next entry; None: there is none now, or none any more."""
        while self._head is None and not self.exhausted:
            head = self._read_head()
            if head is None:
                if not self.is_left:
                    return None
                # Read again: the writer may have written more before it left.
                head = self._read_head()
            if head is None:
                self._search()
            elif head.kind is Kind.SEALED:
                self.exhausted = True
            elif head.kind is Kind.ERASED:
                self._step_over(head)
            else:
                self._head = head
        return self._head

    def take(self, head: Head, buffer: memoryview) -> Entry | None:
        """Read the next entry; None: it is being written, was erased, or is damaged."""
        whole = self.file.read(self.position, head, buffer)
        if not whole and self.is_left:
            whole = self.file.read(self.position, head, buffer)
            if not whole:
                self._discard(head)
        if not whole:
            self._head = None  # it may have been erased in between
            return None
        self._step_over(head)
        self.outstanding += 1
        return Entry(
            head.kind,
            decoded(buffer[: head.fields_bytes]),
            buffer[head.fields_bytes : head.fields_bytes + head.body_bytes],
            _moment(head.time_ns),
            self.name,
            self.position,
        )

    def settle(self, end: int, count: int) -> None:
        """Note that so many more entries are filed, up to `end`."""
        self.outstanding -= count
        self.filed = max(self.filed, end)
        self.file.mark(self.filed)

    def _read_head(self) -> Head | None:
        return self.file.head_at(self.position, self._sequence)

    def _step_over(self, head: Head) -> None:
        self.position += head.extent_bytes
        self._sequence = head.sequence + 1
        self._head = None

    def _discard(self, head: Head) -> None:
        """Step over an entry that will never be whole.

        Where nothing follows, and the disk gives all of it, its writer died in the middle of it,
        and nobody was told that it is safe; else it has gone bad since, unless it was erased in
        this moment.
        """
        found = self._read_head()
        if found is not None and found.kind is Kind.ERASED:
            return
        last = self.file.next_after(self.position, head.sequence + 1) is None
        if not last or self.file.has_bad_blocks:
            self._report()
        if last:
            self.exhausted = True
        else:
            self._step_over(head)

    def _search(self) -> None:
        """Go on behind a place where no head can be read; a torn end is the end."""
        found = self.file.next_after(self.position, self._sequence)
        if found is not None or self.file.has_bad_blocks:
            self._report()
        if found is None:
            self.exhausted = True
        else:
            self.position = found

    def _report(self) -> None:
        self.damaged = True
        self.unreported.append(Damage(str(self.name), self.position))


class Reader:
    """Gives the entries of all writers, the oldest first, and takes back the emptied segments."""

    def __init__(self, folder: Path) -> None:
        """Clear away what nobody will finish, and find what is there.

        Raises:
            OSError: the folder cannot be made or read.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._sources: dict[SegmentName, _Source] = {}
        self._buffer = bytearray(BATCH_BYTES)
        self._order: list[SegmentName] = []
        self._damages: list[Damage] = []
        self._was_damaged = False
        files.make_folder(folder)
        files.discard_left(folder, files.MAKING)
        files.discard_left(folder / files.SPOOL_FOLDER, files.PART)
        self._unheld: set[Path] = set()
        self._strays = set(files.with_suffix(folder / files.SPOOL_FOLDER, files.WHOLE))

    def entries(
        self, limit_bytes: int = BATCH_BYTES, limit_count: int = BATCH_COUNT
    ) -> list[Entry]:
        """Give the next entries, in the order in which they were written.

        At most so many, but one however large it is. Their bodies hold until the next call.
        """
        with self._lock:
            self._discover()
            batch: list[Entry] = []
            stalled: set[SegmentName] = set()
            used = 0
            while len(batch) < limit_count:
                source, head = self._oldest_source(stalled)
                if source is None or head is None:
                    break
                size = head.extent_bytes - HEAD_BYTES
                if batch and used + size > limit_bytes:
                    break
                entry = source.take(head, self._space(used, size))
                if entry is not None:
                    batch.append(entry)
                    used += size
                elif source.head() == head:
                    stalled.add(source.name)  # being written just now
            return batch

    def filed(self, entries: Sequence[Entry]) -> None:
        """Note that entries are filed, and retire the segments of which all are."""
        with self._lock:
            for name in {entry.segment for entry in entries}:
                ends = [entry.end for entry in entries if entry.segment == name]
                self._sources[name].settle(max(ends), len(ends))
            self._retire()

    def retire(self) -> None:
        """Retire the segments whose writers have left and of which all is filed."""
        with self._lock:
            self._retire()

    def oldest(self) -> datetime | None:
        """Tell when the oldest entry that is known and not handed out was written."""
        with self._lock:
            heads = [source.head() for source in self._sources.values()]
        return min((_moment(head.time_ns) for head in heads if head), default=None)

    def backlog_bytes(self) -> int:
        """Tell how much waits in segments that are full or left, and in spooled files."""
        with self._lock:
            waiting = sum(
                source.file.size - source.filed
                for source in self._sources.values()
                if not source.exhausted and source.is_left
            )
        return waiting + files.spooled_bytes(self._folder)

    def damages(self) -> list[Damage]:
        """Give the damages found since the last call."""
        with self._lock:
            for source in self._sources.values():
                self._collect(source)
            found, self._damages = self._damages, []
        return found

    def clear_strays(self) -> int:
        """Delete spooled files of an earlier life that no entry named; how many.

        Call it when everything that is there has been filed: the senders of what is left were
        never told that it is safe. A file goes at the second call that finds it held by nobody,
        because its entry may have been written just before it was let go. Where entries were
        damaged, nobody knows what they named; all are kept.
        """
        if self._was_damaged:
            return 0
        doomed, self._unheld = self._unheld, {path for path in self._strays if files.is_free(path)}
        self._strays = {path for path in self._strays if path.exists()} - doomed
        return sum(files.discard(path) for path in doomed)

    def spooled(self, name: str) -> Path:
        """Give the path of a spooled body.

        Raises:
            ValueError: `name` is none that a `Spool` gave.
        """
        return spool.path_of(self._folder, name)

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for source in self._sources.values():
                source.file.close()
            self._sources.clear()
            self._order.clear()

    def _discover(self) -> None:
        for name in files.segments(self._folder):
            if name in self._sources:
                continue
            path = self._folder / str(name)
            try:
                self._sources[name] = _Source(name, path)
                self._order = sorted(self._sources)
            except UnreadableSegmentError:
                self._was_damaged = True
                self._damages.append(Damage(str(name), 0))
                path.rename(path.with_suffix(files.DAMAGED))

    def _oldest_source(self, stalled: Set[SegmentName]) -> tuple[_Source | None, Head | None]:
        """Find the segment with the oldest entry; of each writer only the first not yet read."""
        found: tuple[_Source | None, Head | None] = None, None
        seen: set[str] = set()
        for name in self._order:
            source = self._sources[name]
            if name.writer in seen:
                continue
            head = source.head()
            if source.exhausted:
                continue
            seen.add(name.writer)
            if head is None or name in stalled:
                continue
            if found[1] is None or head.time_ns < found[1].time_ns:
                found = source, head
        return found

    def _space(self, used: int, size: int) -> memoryview:
        """Give room for an entry: in the buffer of this batch, or for a large one its own."""
        if used + size <= len(self._buffer):
            return memoryview(self._buffer)[used : used + size]
        return memoryview(bytearray(size))

    def _retire(self) -> None:
        for name in self._order.copy():
            source = self._sources[name]
            source.head()
            if source.outstanding or not source.exhausted or not source.is_left:
                continue
            self._collect(source)
            del self._sources[name]
            self._order.remove(name)
            source.file.close()
            if source.damaged:
                source.path.rename(source.path.with_suffix(files.DAMAGED))
                sync_folder(self._folder)
            else:
                files.release(source.path)

    def _collect(self, source: _Source) -> None:
        self._was_damaged |= source.damaged
        self._damages += source.unreported
        source.unreported = []


def _moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)
