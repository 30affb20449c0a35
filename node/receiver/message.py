"""The bytes of a C-STORE: presentation data values, the request's command set, the response.

PS3.8 section 9.3.5 (P-DATA-TF), PS3.8 annex E (message control header), PS3.7 section 9.3.1
(C-STORE) and 6.3.1 (command sets are in Implicit VR Little Endian).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct, error
from typing import Final

from node.errors import ForaminaError

P_DATA_TF: Final = 0x04
IS_COMMAND: Final = 0x01  # message control header, PS3.8 annex E.2; other bits are not looked at
IS_LAST: Final = 0x02

_C_STORE_RQ: Final = 0x0001
_C_STORE_RSP: Final = 0x8001
_NO_DATA_SET: Final = 0x0101

_COMMAND_GROUP_LENGTH: Final = 0x0000
_AFFECTED_SOP_CLASS_UID: Final = 0x0002
_COMMAND_FIELD: Final = 0x0100
_MESSAGE_ID: Final = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO: Final = 0x0120
_COMMAND_DATA_SET_TYPE: Final = 0x0800
_STATUS: Final = 0x0900
_ERROR_COMMENT: Final = 0x0902
_AFFECTED_SOP_INSTANCE_UID: Final = 0x1000

_ELEMENT: Final = Struct("<HHL")
_US: Final = Struct("<H")
_UL: Final = Struct("<L")
_PDV: Final = Struct(">LBB")  # item length, context ID, message control header
_PDU_AND_PDV: Final = Struct(">BxLLBB")
_PDV_OVERHEAD: Final = 6  # what a PDU of one PDV holds besides the fragment, PS3.8 table 9-23


class ProtocolError(ForaminaError):
    """A peer broke the rules of the upper layer; the association is aborted."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One presentation data value: where its fragment stands in the buffer."""

    context_id: int
    control: int
    start: int
    stop: int


def fragments(pdu: memoryview, start: int, stop: int) -> Iterator[Fragment]:
    """Take a P-DATA-TF PDU apart (PS3.8 table 9-22).

    Args:
        pdu: a buffer that holds the whole PDU.
        start: where the first presentation data value item begins.
        stop: where the PDU ends.

    Raises:
        ProtocolError: the lengths of the items do not add up to that of the PDU.
    """
    while start < stop:
        if stop - start < _PDV.size:
            raise ProtocolError("P-DATA-TF: the PDU ends inside the head of an item")
        length, context_id, control = _PDV.unpack_from(pdu, start)
        end = start + 4 + length
        if length < 2 or end > stop:
            raise ProtocolError(f"P-DATA-TF: an item of {length} bytes does not fit its PDU")
        yield Fragment(context_id, control, start + _PDV.size, end)
        start = end


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a C-STORE-RQ says of its data set (PS3.7 table 9.3-1).

    Priority and move originator are read by nobody: every instance is kept at once, whoever asked
    for it.
    """

    context_id: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str


def store_request(context_id: int, command_set: bytes) -> StoreRequest | None:
    """Read a command set; None: anything but a complete C-STORE-RQ with a data set."""
    try:
        elements = _elements(command_set)
        if _US.unpack(elements[_COMMAND_FIELD])[0] != _C_STORE_RQ:
            return None
        if _US.unpack(elements[_COMMAND_DATA_SET_TYPE])[0] == _NO_DATA_SET:
            return None
        return StoreRequest(
            context_id,
            _US.unpack(elements[_MESSAGE_ID])[0],
            elements[_AFFECTED_SOP_CLASS_UID].decode("ascii").rstrip("\0 "),
            elements[_AFFECTED_SOP_INSTANCE_UID].decode("ascii").rstrip("\0 "),
        )
    except (KeyError, ValueError, error):
        return None


def _elements(command_set: bytes) -> dict[int, bytes]:
    """Read the elements of group 0000, by element number."""
    found = {}
    at = 0
    while at < len(command_set):
        group, element, length = _ELEMENT.unpack_from(command_set, at)
        at += _ELEMENT.size
        if group != 0 or at + length > len(command_set):
            raise ValueError("no command set")
        found[element] = command_set[at : at + length]
        at += length
    return found


def store_response(request: StoreRequest, status: int, comment: str, maximum_length: int) -> bytes:
    """Make the PDUs of a C-STORE-RSP (PS3.7 table 9.3-2).

    Args:
        request: what is answered.
        status: (0000,0900).
        comment: ErrorComment (0000,0902), ASCII; empty: none.
        maximum_length: of the peer's P-DATA-TF, as negotiated; 0: unlimited.
    """
    body = (
        _element(_AFFECTED_SOP_CLASS_UID, _even(request.sop_class_uid, b"\0"))
        + _element(_COMMAND_FIELD, _US.pack(_C_STORE_RSP))
        + _element(_MESSAGE_ID_BEING_RESPONDED_TO, _US.pack(request.message_id))
        + _element(_COMMAND_DATA_SET_TYPE, _US.pack(_NO_DATA_SET))
        + _element(_STATUS, _US.pack(status))
        + (_element(_ERROR_COMMENT, _even(comment, b" ")) if comment else b"")
        + _element(_AFFECTED_SOP_INSTANCE_UID, _even(request.sop_instance_uid, b"\0"))
    )
    command_set = _element(_COMMAND_GROUP_LENGTH, _UL.pack(len(body))) + body
    return _pdus(request.context_id, command_set, maximum_length)


def _element(number: int, value: bytes) -> bytes:
    return _ELEMENT.pack(0, number, len(value)) + value


def _even(text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    return value + padding if len(value) % 2 else value


def _pdus(context_id: int, command_set: bytes, maximum_length: int) -> bytes:
    size = len(command_set)
    if maximum_length:
        size = min(size, max(2, maximum_length - _PDV_OVERHEAD & ~1))  # PS3.8 annex E: even
    pdus = []
    for start in range(0, len(command_set), size):
        part = command_set[start : start + size]
        last = IS_LAST if start + size >= len(command_set) else 0
        head = _PDU_AND_PDV.pack(
            P_DATA_TF, len(part) + _PDV_OVERHEAD, len(part) + 2, context_id, IS_COMMAND | last
        )
        pdus.append(head + part)
    return b"".join(pdus)
