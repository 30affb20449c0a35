"""Where received instances go: into the journal of this process, or to a plain function."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, Self, runtime_checkable

from storage.incoming import Incoming, ending_fields, instance_fields

if TYPE_CHECKING:
    from storage.journal import Writer

Buffer = bytes | bytearray | memoryview

_FIELDS_BYTES: Final = 8192  # at most, of the record before the bytes


class Spool(Protocol):
    """A file that grows while an instance arrives that is too large for memory."""

    def write(self, *buffers: Buffer) -> None:
        """Append bytes; the first ones are those that precede the data set."""

    def commit(self) -> str:
        """Make it durable and give its name."""


@runtime_checkable
class Keeper(Protocol):
    """Keeps instances for good; safe between threads.

    Whatever these raise becomes the status of a response (`node.status.of_error`).
    """

    def keep(self, incoming: Incoming, data_set: Sequence[Buffer]) -> None:
        """Keep an instance whose `part10` is only what precedes the data set."""

    def spool(self) -> AbstractContextManager[Spool]:
        """Begin an instance that is too large for memory; ended without `commit`, it is gone."""

    def keep_spooled(self, incoming: Incoming, name: str) -> None:
        """Keep an instance whose bytes are in a committed spool."""

    def ended(self, name: str, ending: str, calling_ae_title: str) -> None:
        """Record how an association ended over which instances came."""


class JournalKeeper:
    """Appends everything to the journal of this process; durable when it returns."""

    def __init__(self, writer: "Writer") -> None:
        from storage.journal import Kind

        self._writer = writer
        self._kind = Kind

    def keep(self, incoming: Incoming, data_set: Sequence[Buffer]) -> None:
        """Append an instance: record and bytes under one sync."""
        body = (incoming.part10, *data_set)
        if sum(map(len, body)) + _FIELDS_BYTES > self._writer.largest_entry:
            with self._writer.spool() as spool:
                spool.write(*body)
                self.keep_spooled(incoming, spool.commit())
            return
        self._writer.append(self._kind.INSTANCE, instance_fields(_stamped(incoming)), body)

    def spool(self) -> AbstractContextManager[Spool]:
        """Begin a file beside the segments."""
        return self._writer.spool()

    def keep_spooled(self, incoming: Incoming, name: str) -> None:
        """Append the record of an instance whose bytes are in a spool."""
        fields = instance_fields(_stamped(incoming)) | {"spool": name}
        self._writer.append(self._kind.INSTANCE, fields)

    def ended(self, name: str, ending: str, calling_ae_title: str) -> None:
        """Append how an association ended."""
        fields = ending_fields(name, ending, calling_ae_title, datetime.now(UTC))
        self._writer.append(self._kind.ENDING, fields)


class FunctionKeeper:
    """Hands whole instances to a function, and ends to another; for tests and small tools."""

    def __init__(
        self,
        receive: Callable[[Incoming], object],
        ended: Callable[[str, str, str], object] | None,
    ) -> None:
        self._receive = receive
        self._ended = ended
        self._spooled: dict[str, bytes] = {}

    def keep(self, incoming: Incoming, data_set: Sequence[Buffer]) -> None:
        """Call the function."""
        self._receive(replace(incoming, part10=b"".join((incoming.part10, *data_set))))

    def spool(self) -> AbstractContextManager[Spool]:
        """Begin a spool in memory."""
        return _MemorySpool(self._spooled)

    def keep_spooled(self, incoming: Incoming, name: str) -> None:
        """Call the function."""
        self._receive(replace(incoming, part10=self._spooled.pop(name)))

    def ended(self, name: str, ending: str, calling_ae_title: str) -> None:
        """Call the other function."""
        if self._ended is not None:
            self._ended(name, ending, calling_ae_title)


class _MemorySpool:
    def __init__(self, committed: dict[str, bytes]) -> None:
        self._committed = committed
        self._parts: list[bytes] = []

    def write(self, *buffers: Buffer) -> None:
        self._parts.extend(map(bytes, buffers))

    def commit(self) -> str:
        name = str(id(self))
        self._committed[name] = b"".join(self._parts)
        return name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._parts.clear()


def _stamped(incoming: Incoming) -> Incoming:
    """Say when it came: filing, which comes later, must not decide that."""
    return replace(incoming, received_at=datetime.now(UTC))
