"""Reads the few elements that identify an instance from the first bytes of its data set.

pydicom reads every encoding and forgives much; that costs more than receiving the image. What is
plain, little endian and well-formed is read here. On the first byte that is anything else this
module gives up and pydicom is asked (`node.incoming`), so that nothing is understood in two ways.
"""

from collections.abc import Mapping
from struct import Struct, error
from typing import Final

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR

EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_ITEM: Final = 0xFFFEE000
_ITEM_DELIMITER: Final = 0xFFFEE00D
_SEQUENCE_DELIMITER: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_DEEPEST: Final = 8  # sequences within sequences; nothing real comes near

# PS3.5 section 7.1.2: a length of two bytes, or two reserved bytes and a length of four.
_SHORT: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

_EXPLICIT: Final = Struct("<HH2sH")
_IMPLICIT: Final = Struct("<HHL")
_LENGTH: Final = Struct("<L")
_CHARACTER_SETS: Final = frozenset(name.encode("ascii") for name in python_encoding)

Buffer = bytes | bytearray | memoryview


class _UnusualError(Exception):
    """The bytes are not plain enough for this module."""


def scan(
    head: Buffer, tags: frozenset[int], last_tag: int, *, implicit: bool
) -> Mapping[int, bytes] | None:
    """Read the values of some elements at the top level of a data set.

    Args:
        head: the data set, in Explicit or Implicit VR Little Endian, or as much of its beginning
            as is at hand.
        tags: which elements, as 0xGGGGEEEE.
        last_tag: reading ends at the first tag above this one.
        implicit: whether VRs are implicit.

    Returns:
        The values as received, by tag; None: not plain, or `head` ends before `last_tag`.
    """
    try:
        return _Scan(head, implicit).values(tags, last_tag)
    except (_UnusualError, error, IndexError):
        return None


class _Scan:
    """One walk over the elements of a data set."""

    def __init__(self, head: Buffer, implicit: bool) -> None:
        self._head = head
        self._implicit = implicit
        if implicit and 0x40 < head[4] < 0x5B and 0x40 < head[5] < 0x5B:
            raise _UnusualError  # it looks explicit: pydicom would read it as such

    def values(self, tags: frozenset[int], last_tag: int) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        element = self._implicit_element if self._implicit else self._explicit_element
        at = 0
        while True:
            tag, vr, length, at = element(at)
            if tag > last_tag:
                return found
            if length == _UNDEFINED:
                if tag in tags:
                    raise _UnusualError
                at = self._past_sequence(tag, vr, at, 0)
                continue
            if tag in tags:
                found[tag] = self._value(tag, vr, at, at + length)
            at += length

    def _explicit_element(self, at: int) -> tuple[int, bytes, int, int]:
        """Give tag, VR and length (PS3.5 section 7.1.2), and where the value begins."""
        group, element, vr, length = _EXPLICIT.unpack_from(self._head, at)
        if vr in _SHORT:
            return group << 16 | element, vr, length, at + 8
        if vr not in _LONG:
            raise _UnusualError
        return group << 16 | element, vr, _LENGTH.unpack_from(self._head, at + 8)[0], at + 12

    def _implicit_element(self, at: int) -> tuple[int, bytes, int, int]:
        """Give tag, no VR, and length (PS3.5 section 7.1.3), and where the value begins."""
        group, element, length = _IMPLICIT.unpack_from(self._head, at)
        return group << 16 | element, b"", length, at + 8

    def _value(self, tag: int, vr: bytes, start: int, end: int) -> bytes:
        if end > len(self._head) or vr == b"SQ":
            raise _UnusualError
        value = bytes(self._head[start:end])
        if tag == _SPECIFIC_CHARACTER_SET:
            # What pydicom makes of another VR, or a name that it does not know, is its business.
            if vr not in (b"CS", b""):
                raise _UnusualError
            for name in value.split(b"\\"):
                if name.strip(b" ") not in _CHARACTER_SETS:
                    raise _UnusualError
        return value

    def _past_sequence(self, tag: int, vr: bytes, at: int, depth: int) -> int:
        """Step over a sequence of undefined length and its items (PS3.5 section 7.5.2)."""
        if depth > _DEEPEST or not self._is_sequence(tag, vr, at):
            raise _UnusualError
        while True:
            item, _, length, at = self._implicit_element(at)  # items have no VR
            if item == _SEQUENCE_DELIMITER and length == 0:
                return at
            if item != _ITEM:
                raise _UnusualError
            at = self._past_item(at, length, depth)

    def _is_sequence(self, tag: int, vr: bytes, at: int) -> bool:
        if not self._implicit:
            return vr == b"SQ"
        try:
            return dictionary_VR(tag) == "SQ"
        except KeyError:  # private: a sequence if an item comes first
            return self._implicit_element(at)[0] == _ITEM

    def _past_item(self, at: int, length: int, depth: int) -> int:
        end = at + length
        if length == 0:
            return at
        if self._looks_implicit(at) != self._implicit:
            raise _UnusualError  # pydicom looks at the first VR of every item
        element = self._implicit_element if self._implicit else self._explicit_element
        while length == _UNDEFINED or at < end:
            if length == _UNDEFINED and self._implicit_element(at)[0] == _ITEM_DELIMITER:
                return at + 8
            tag, vr, value_length, at = element(at)
            if tag == _SPECIFIC_CHARACTER_SET or tag >> 16 == 0xFFFE:
                raise _UnusualError
            if value_length == _UNDEFINED:
                at = self._past_sequence(tag, vr, at, depth + 1)
            else:
                at += value_length
        if at != end:
            raise _UnusualError
        return at

    def _looks_implicit(self, at: int) -> bool:
        if self._implicit:
            return True
        return self._implicit_element(at)[0] != _ITEM_DELIMITER and not (
            0x40 < self._head[at + 4] < 0x5B and 0x40 < self._head[at + 5] < 0x5B
        )
