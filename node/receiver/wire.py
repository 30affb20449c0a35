"""The node's end of a connection: reads that are limited in size and time, without polling.

pynetdicom reads 4 kB at a time, waits for ever inside a PDU, and takes a PDU of any length. Here a
read takes whatever has come, into a buffer that is used again, and the limits of `node.limits`
hold.
"""

import select
import socket
import ssl
import threading
from collections import deque
from contextlib import suppress
from typing import Final

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from node.limits import Deadline, Limits

PDU_HEAD: Final = 6  # type, reserved, length (PS3.8 section 9.3.1)
_FIRST_BYTES: Final = 512 << 10  # a large MR image and a little more
_LEAST_ROOM: Final = 64 << 10
_DROPPED_AT_ONCE: Final = 64 << 10
_MOST_KEPT: Final = 8  # buffers that wait for their next use


class LimitedSocket(AssociationSocket):
    """Reads as pynetdicom wants to, within the limits."""

    def __init__(self, association: Association, connection: socket.socket, limits: Limits) -> None:
        super().__init__(association, client_socket=connection)
        self._limits = limits
        self._pdu_type = 0  # of the head that was read last
        self._is_shut = False  # towards the peer

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes; fewer when the connection ends.

        Raises:
            OSError: the peer is too slow, or announced more than this node takes.
        """
        if nr_bytes != PDU_HEAD:
            self._limits.check_pdu_length(self._pdu_type, nr_bytes)
        found = bytearray(nr_bytes)
        got = self._fill(memoryview(found))
        if got < nr_bytes:
            return found[:got]
        self._pdu_type = found[0] if nr_bytes == PDU_HEAD else 0
        return found

    def _fill(self, view: memoryview) -> int:
        """Read until a buffer is full or the connection ends; how many bytes."""
        limits, got = self._limits, 0
        established = self.assoc.is_established
        deadline = Deadline(limits.pdu_s if established else limits.association_s)
        while got < len(view) and (read := self._read_into(view[got:], deadline)):
            got += read
        if self.socket is not None:
            self.socket.settimeout(limits.pdu_s)  # for responses, and for who reads by himself
        return got

    def _read_into(self, view: memoryview, deadline: Deadline) -> int:
        connection = self.socket
        if connection is None:
            return 0
        connection.settimeout(deadline.left())
        return int(connection.recv_into(view))

    def drop(self) -> int | None:
        """Say that nothing more is sent, and forget what has come; how many bytes.

        0: the connection has ended. None: nothing has come now.

        Raises:
            OSError: the connection broke.
        """
        connection = self.socket
        if connection is None:
            return 0
        if not self._is_shut:
            self._is_shut = True
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0)
        try:
            return len(connection.recv(_DROPPED_AT_ONCE))
        except BlockingIOError:
            return None

    def _shutdown_socket(self) -> None:
        """End the connection; pynetdicom leaves it open where the peer was first."""
        connection = self.socket
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def has_pending(self) -> bool:
        """Whether bytes are there that the operating system does not know of."""
        connection = self.socket
        return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0


class BufferPool:
    """Buffers that lend themselves to one association after the other."""

    def __init__(self) -> None:
        self._free: deque[bytearray] = deque(maxlen=_MOST_KEPT)

    def take(self) -> bytearray:
        """Give a buffer."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(_FIRST_BYTES)

    def give_back(self, buffer: bytearray) -> None:
        """Take a buffer back; nobody may refer to it any more."""
        if len(buffer) == _FIRST_BYTES:  # those that grew were for one large instance
            self._free.append(buffer)


class BufferedSocket(LimitedSocket):
    """Reads whatever has come into a buffer, and gives out what stands there, PDU by PDU.

    `start` to `end` of `view` came and was not consumed. What was consumed stays in its place, so
    that it can be referred to, until `make_room` is told that it may move.
    """

    def __init__(
        self, association: Association, connection: socket.socket, limits: Limits, pool: BufferPool
    ) -> None:
        super().__init__(association, connection, limits)
        self._pool = pool
        self._buffer: bytearray | None = None
        self._deadline: Deadline | None = None
        self.view = memoryview(b"")
        self.start = self.end = 0

    @property
    def has_unread(self) -> bool:
        """Whether bytes are there that waiting for the connection would not show."""
        return self.start < self.end or self.has_pending

    @property
    def ready(self) -> bool:
        """Whether bytes can be read without waiting."""
        if self.has_unread:
            return True
        connection = self.socket
        if connection is None or not self._is_connected or connection.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))

    def _read_into(self, view: memoryview, deadline: Deadline) -> int:
        """Give what is in the buffer first: it came before what is on the wire."""
        there = min(self.end - self.start, len(view))
        if not there:
            return super()._read_into(view, deadline)
        view[:there] = self.view[self.start : self.start + there]
        self.start += there
        return there

    def drop(self) -> int | None:
        """Forget what is in the buffer, too."""
        self.start = self.end
        return super().drop()

    def next_pdu(self) -> tuple[int, int, int] | None:
        """Consume a whole PDU; gives its type, and where its content begins and ends.

        None: it has not come yet.

        Raises:
            PduTooLargeError: it is longer than this node takes.
        """
        there = self.end - self.start
        if there < PDU_HEAD:
            return None
        at = self.start
        pdu_type = self.view[at]
        length = int.from_bytes(self.view[at + 2 : at + PDU_HEAD], "big")
        self._limits.check_pdu_length(pdu_type, length)
        if there < PDU_HEAD + length:
            return None
        self.start = at + PDU_HEAD + length
        self._deadline = None
        return pdu_type, at + PDU_HEAD, self.start

    def put_back(self, content: int) -> None:
        """Unread the PDU whose content began here."""
        self.start = content - PDU_HEAD

    def fill(self) -> bool:
        """Wait for bytes and add them to the buffer; false: the connection has ended.

        Raises:
            OSError: the connection broke, or the peer is too slow.
        """
        if self._deadline is None:
            self._deadline = Deadline(self._limits.pdu_s)
        self._deadline.left()
        connection = self.socket
        read = 0 if connection is None else connection.recv_into(self.view[self.end :])
        self.end += read
        return read > 0

    def make_room(self, *, movable: bool) -> None:
        """Make sure that the PDU that comes fits the buffer, and some more.

        Args:
            movable: nobody refers to what was consumed; otherwise all stays in its place, and the
                buffer grows.
        """
        buffer = self._buffer
        if buffer is None:
            self._buffer = buffer = self._pool.take()
            self.view = memoryview(buffer)
        wanted = self._wanted()
        if movable and self.start and len(buffer) - self.end < wanted:
            rest = self.end - self.start
            self.view[:rest] = bytes(self.view[self.start : self.end])
            self.start, self.end = 0, rest
        if len(buffer) - self.end < wanted:
            grown = bytearray(max(2 * len(buffer), self.end + wanted))
            grown[: self.end] = self.view[: self.end]
            self._buffer, self.view = grown, memoryview(grown)

    def _wanted(self) -> int:
        there = self.end - self.start
        if there < PDU_HEAD:
            return _LEAST_ROOM
        length = int.from_bytes(self.view[self.start + 2 : self.start + PDU_HEAD], "big")
        return max(_LEAST_ROOM, PDU_HEAD + length - there)

    def rest(self) -> None:
        """Lend the buffer to others while nothing comes."""
        buffer = self._buffer
        if buffer is not None and self.start == self.end:
            self.view = memoryview(b"")
            self.start = self.end = 0
            self._buffer = None
            self._pool.give_back(buffer)


class Waker:
    """Wakes a thread that waits for a connection, because there is something else to do."""

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._lock = threading.Lock()  # a descriptor that was closed may be another's already

    def wake(self) -> None:
        """End the wait, or the next one at once."""
        with self._lock:
            try:
                self._writing.send(b"\0")
            except OSError:  # full, so it will wake; or closed, so nobody waits
                return

    def wait(self, connection: socket.socket | None, timeout_s: float) -> bool:
        """Wait for bytes on a connection, for `wake`, or for so long; tells whether bytes came."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        if connection is not None and connection.fileno() >= 0:
            poll.register(connection, select.POLLIN)
        came = [descriptor for descriptor, _ in poll.poll(timeout_s * 1000)]
        woken = self._reading.fileno() in came
        if woken:
            self._reading.recv(4096)
        return len(came) > woken

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._reading.close()
            self._writing.close()
