"""How a segment file is laid out: a header block, and entries one behind the other.

    header block   4096 bytes: magic, version, generation, time, check; from 512: the mark, up to
                   where entries are filed
    entry          head (64 bytes), fields (JSON, UTF-8), body, filled up to a multiple of 64

A segment is used again and again without being cleared. Its generation, a random number drawn for
every use, is the seed of the checks of heads and header, so that what an earlier use left behind is
never taken for an entry, and neither are bytes that a sender chose. Checks are XXH3: 64 bits,
against accident, twenty times quicker than `zlib.crc32` on the machine this was written on. Whether
fields and body are whole is told by their own checks, which stand in the head.

All numbers are little endian.
"""

import json
import secrets
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from xxhash import xxh3_64, xxh3_64_intdigest

Buffer = bytes | bytearray | memoryview
Fields = Mapping[str, str | int | None]

HEADER_BYTES: Final = 4096
HEAD_BYTES: Final = 64
MAGIC: Final = b"FENT"  # of an entry

_SEGMENT_MAGIC: Final = b"FORAMJNL"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("<8sIIQQ")  # magic, version, spare, generation, made at (ns)
_CHECK: Final = struct.Struct("<Q")
_MARK: Final = struct.Struct("<QQ")  # generation, position
MARK_OFFSET: Final = 512
_MARK_BYTES: Final = _MARK.size + _CHECK.size
_HEAD: Final = struct.Struct("<4sHHII5Q")
_ALIGNMENT: Final = 64


class Kind(StrEnum):
    """What an entry tells."""

    INSTANCE = "instance"  # an object arrived
    ENDING = "ending"  # an association ended
    SEALED = "sealed"  # nothing follows: written by the journal itself
    ERASED = "erased"  # what stood here was erased


_CODES: Final = {Kind.INSTANCE: 1, Kind.ENDING: 2, Kind.SEALED: 3, Kind.ERASED: 4}
_KINDS: Final = {code: kind for kind, code in _CODES.items()}


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before fields and body of an entry."""

    kind: Kind
    fields_bytes: int
    body_bytes: int
    sequence: int
    time_ns: int
    """Since 1970, when it was written."""
    fields_check: int
    body_check: int

    @property
    def extent_bytes(self) -> int:
        """Give the size of the whole entry, up to where the next one begins."""
        return aligned(HEAD_BYTES + self.fields_bytes + self.body_bytes)

    def pack(self, generation: int) -> bytes:
        """Encode it for a segment of this generation."""
        data = _HEAD.pack(
            MAGIC, _CODES[self.kind], 0, self.fields_bytes, 0, self.body_bytes, self.sequence,
            self.time_ns, self.fields_check, self.body_check,
        )  # fmt: skip
        return data + _CHECK.pack(xxh3_64_intdigest(data, seed=generation))


def parse_head(data: Buffer, generation: int) -> Head | None:
    """Decode a head; None: here is none of this generation, or it is damaged."""
    if len(data) < HEAD_BYTES or bytes(data[:4]) != MAGIC:
        return None
    head = bytes(data[: _HEAD.size])
    (check,) = _CHECK.unpack_from(data, _HEAD.size)
    if check != xxh3_64_intdigest(head, seed=generation):
        return None
    _, code, _, fields_bytes, _, body_bytes, sequence, time_ns, of_fields, of_body = _HEAD.unpack(
        head
    )
    kind = _KINDS.get(code)
    if kind is None:
        return None
    return Head(kind, fields_bytes, body_bytes, sequence, time_ns, of_fields, of_body)


@dataclass(frozen=True, slots=True)
class Content:
    """Fields and body of an entry, encoded and summed up; made outside of any lock."""

    kind: Kind
    fields: bytes
    body: Sequence[Buffer]
    body_bytes: int
    body_check: int

    @classmethod
    def of(cls, kind: Kind, fields: Fields, body: Sequence[Buffer] = ()) -> "Content":
        """Encode fields, and sum up the body without copying it."""
        encoded = json.dumps(dict(fields), separators=(",", ":")).encode("ascii")
        return cls(kind, encoded, body, sum(map(_size, body)), check_of(body))

    @property
    def extent_bytes(self) -> int:
        """Give the size of the entry that it makes."""
        return aligned(HEAD_BYTES + len(self.fields) + self.body_bytes)

    def head(self, sequence: int) -> Head:
        """Make the head, with the present time."""
        return Head(
            self.kind,
            len(self.fields),
            self.body_bytes,
            sequence,
            time.time_ns(),
            check_of((self.fields,)),
            self.body_check,
        )


def check_of(buffers: Iterable[Buffer]) -> int:
    """Sum up bytes (XXH3, 64 bits)."""
    digest = xxh3_64()
    for buffer in buffers:
        digest.update(buffer)
    return digest.intdigest()


def decoded(fields: Buffer) -> dict[str, Any]:
    """Decode the fields of an entry, whose check has been found right."""
    found: dict[str, Any] = json.loads(bytes(fields))
    return found


def aligned(size_bytes: int) -> int:
    """Round up to where an entry may begin."""
    return -(-size_bytes // _ALIGNMENT) * _ALIGNMENT


def new_generation() -> int:
    """Draw a number that no sender can guess, and no earlier use of a file had."""
    return secrets.randbits(64)


def pack_header(generation: int) -> bytes:
    """Encode the header block of an empty segment."""
    data = _HEADER.pack(_SEGMENT_MAGIC, _VERSION, 0, generation, time.time_ns())
    data += _CHECK.pack(xxh3_64_intdigest(data, seed=generation))
    return data.ljust(HEADER_BYTES, b"\0")


def parse_header(data: Buffer) -> int | None:
    """Give the generation of a segment; None: this is no header that this version knows."""
    if len(data) < HEADER_BYTES:
        return None
    magic, version, _, generation, _ = _HEADER.unpack_from(data)
    (check,) = _CHECK.unpack_from(data, _HEADER.size)
    known = (magic, version) == (_SEGMENT_MAGIC, _VERSION)
    if not known or check != xxh3_64_intdigest(bytes(data[: _HEADER.size]), seed=generation):
        return None
    return int(generation)


def pack_mark(generation: int, position: int) -> bytes:
    """Encode up to where a segment is filed."""
    data = _MARK.pack(generation, position)
    return data + _CHECK.pack(xxh3_64_intdigest(data, seed=generation))


def parse_mark(data: Buffer, generation: int) -> int:
    """Give the position up to which a segment is filed; its first entry where no mark is."""
    mark = bytes(data[MARK_OFFSET : MARK_OFFSET + _MARK_BYTES])
    found, position = _MARK.unpack_from(mark)
    if found != generation or mark != pack_mark(generation, position):
        return HEADER_BYTES
    return int(position)


def _size(buffer: Buffer) -> int:
    return buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)
