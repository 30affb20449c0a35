"""The upper layer by hand: PDUs of PS3.8 and command sets of PS3.7, well-formed or not.

pynetdicom's own requestor cannot be made to break a rule, and is slower than what is measured.
"""

import socket
import struct
from collections.abc import Sequence
from typing import Final, Self

from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
COMMAND, LAST = 1, 2  # message control header, PS3.8 annex E.2
VERIFICATION = "1.2.840.10008.1.1"
STORE, ECHO = 0x0001, 0x0030  # command fields, PS3.7 annex E
NO_DATA_SET: Final = 0x0101

Context = tuple[int, str, str]
"""A presentation context: its number, an abstract syntax and the one transfer syntax proposed."""


def text(value: str) -> bytes:
    """Encode a UID or a title to an even length."""
    return value.encode() + b"\0" * (len(value) % 2)


def command_set(*elements: tuple[int, bytes]) -> bytes:
    """Encode elements of group 0000 behind their group length (PS3.7 section 6.3.1)."""
    body = b"".join(
        struct.pack("<HHL", 0, number, len(value) + len(value) % 2)
        + value
        + b"\0" * (len(value) % 2)
        for number, value in elements
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def command(field: int, message_id: int, sop_class: str, instance: str = "") -> bytes:
    """Encode a C-STORE-RQ or a C-ECHO-RQ (PS3.7 tables 9.3-1 and 9.3-12)."""
    stores = field == STORE
    return command_set(
        (0x0002, text(sop_class)),
        (0x0100, struct.pack("<H", field)),
        (0x0110, struct.pack("<H", message_id)),
        *([(0x0700, struct.pack("<H", 0))] if stores else []),
        (0x0800, struct.pack("<H", 0x0000 if stores else NO_DATA_SET)),
        *([(0x1000, text(instance))] if instance else []),
    )


def item(context_id: int, control: int, value: bytes) -> bytes:
    """Encode a presentation data value item (PS3.8 table 9-23)."""
    return struct.pack(">LBB", len(value) + 2, context_id, control) + value


def pdu(kind: int, content: bytes) -> bytes:
    """Encode a PDU (PS3.8 section 9.3.1)."""
    return struct.pack(">BxL", kind, len(content)) + content


RELEASE: Final = pdu(RELEASE_RQ, bytes(4))


def p_data(context_id: int, control: int, value: bytes) -> bytes:
    """Encode a P-DATA-TF PDU of one presentation data value."""
    return pdu(P_DATA, item(context_id, control, value))


def pieces(context_id: int, kind: int, value: bytes, size: int = 16000) -> bytes:
    """Encode a command set (`kind` is COMMAND) or a data set (0) as PDUs of `size` bytes of it."""
    starts = range(0, max(len(value), 1), size)
    return b"".join(
        p_data(context_id, kind | (LAST if at == starts[-1] else 0), value[at : at + size])
        for at in starts
    )


def _sub_item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content) & 0xFFFF) + content


def associate_request(
    contexts: Sequence[Context],
    calling_ae_title: str = "SCANNER",
    called_ae_title: str = "FORAMINA",
) -> bytes:
    """Encode an A-ASSOCIATE-RQ (PS3.8 table 9-11)."""
    proposed = b"".join(
        _sub_item(
            0x20,
            struct.pack(">Bxxx", number)
            + _sub_item(0x30, abstract_syntax.encode())
            + _sub_item(0x40, transfer_syntax.encode()),
        )
        for number, abstract_syntax, transfer_syntax in contexts
    )
    user = (
        _sub_item(0x51, struct.pack(">L", 131072))
        + _sub_item(0x52, b"2.25.1")
        + _sub_item(0x55, b"TESTS")
    )
    titles = (called_ae_title.encode().ljust(16), calling_ae_title.encode().ljust(16))
    content = (
        struct.pack(">Hxx16s16s32x", 1, *titles)
        + _sub_item(0x10, b"1.2.840.10008.3.1.1.1")
        + proposed
        + _sub_item(0x50, user)
    )
    return pdu(ASSOCIATE_RQ, content)


def maximum_length(accepted: bytes) -> int:
    """Read the maximum length from the content of an A-ASSOCIATE-AC (PS3.8 table 9-17)."""
    at = 68
    while at < len(accepted):
        kind, length = struct.unpack_from(">BxH", accepted, at)
        if kind == 0x50:
            assert accepted[at + 4] == 0x51
            return int(struct.unpack_from(">L", accepted, at + 8)[0])
        at += 4 + length
    raise ConnectionError("no maximum length in the answer")


def response(content: bytes) -> dict[int, bytes]:
    """Read the command set of a response that fits one PDU, by element number."""
    found = {}
    at = 6
    while at < len(content):
        group, number, length = struct.unpack_from("<HHL", content, at)
        assert group == 0
        found[number] = content[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def status(content: bytes) -> int:
    """Read (0000,0900) of a response that fits one PDU."""
    return int.from_bytes(response(content)[0x0900], "little")


class Line:
    """A connection on which anything may be written, and what comes back is read."""

    def __init__(self, port: int, timeout_s: float = 120) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        """Send bytes; ConnectionError: the other side has closed."""
        self.socket.sendall(b"".join(parts))

    def read(self) -> tuple[int, bytes]:
        """Read a PDU: type and content; 0: the connection has been closed."""
        head = self._exactly(6)
        if not head:
            return 0, b""
        kind, length = struct.unpack(">BxL", head)
        return kind, self._exactly(length)

    def status(self) -> int:
        """Read a response, and give its status."""
        kind, content = self.read()
        if kind != P_DATA:
            raise ConnectionError(f"no response, but a PDU of type {kind}")
        return status(content)

    def finish(self) -> None:
        """Say no more, and wait until the other side closes; TimeoutError: it never does."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            raise
        except OSError:  # it has closed already, or resets the connection
            pass
        finally:
            self.socket.close()

    def _exactly(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            try:
                more = self.socket.recv(count - len(got))
            except ConnectionResetError:
                more = b""
            if not more:
                return b""
            got += more
        return got


class Connection(Line):
    """An association, or what one may take for it."""

    def __init__(
        self,
        port: int,
        contexts: dict[int, str] | None = None,
        calling_ae_title: str = "SCANNER",
        called_ae_title: str = "FORAMINA",
    ) -> None:
        """Associate, by default for MR images in context 1 and verification in context 3.

        All contexts are of Explicit VR Little Endian.
        """
        super().__init__(port)
        contexts = contexts or {1: MRImageStorage, 3: VERIFICATION}
        proposed = [(number, syntax, ExplicitVRLittleEndian) for number, syntax in contexts.items()]
        self.send(associate_request(proposed, calling_ae_title, called_ae_title))
        kind, content = self.read()
        if kind != ASSOCIATE_AC:
            self.socket.close()
            raise ConnectionError(f"association not accepted: PDU {kind}, {content.hex()}")
        self.maximum = maximum_length(content)

    def release(self) -> None:
        """Release the association and close the connection."""
        self.send(RELEASE)
        self.read()
        self.socket.close()
