"""The bytes of P-DATA-TF and C-STORE, compared with what pynetdicom makes and reads."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import P_DATA_TF

from node.receiver import message
from node.receiver.message import Fragment, ProtocolError, StoreRequest


def command_set(primitive: C_STORE | C_ECHO) -> bytes:
    """Encode a request as pynetdicom does."""
    made = C_STORE_RQ() if isinstance(primitive, C_STORE) else C_ECHO_RQ()
    made.primitive_to_message(primitive)
    [first, *_] = made.encode_msg(1, 0)
    value: bytes = first.presentation_data_value_list[0][1]
    return value[1:]


def request(**values: object) -> C_STORE:
    made = C_STORE()
    made.MessageID = 7
    made.AffectedSOPClassUID = MRImageStorage
    made.AffectedSOPInstanceUID = "1.2.3"
    made.Priority = 2
    made.DataSet = BytesIO(b"xx")
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34"])  # padded by NUL, and not
def test_a_store_request_is_read(uid: str) -> None:
    found = message.store_request(3, command_set(request(AffectedSOPInstanceUID=uid)))
    assert found == StoreRequest(3, 7, MRImageStorage, uid)


def test_a_move_originator_changes_nothing() -> None:
    moved = request(MoveOriginatorApplicationEntityTitle="PACS", MoveOriginatorMessageID=9)
    found = message.store_request(1, command_set(moved))
    assert found == StoreRequest(1, 7, MRImageStorage, "1.2.3")


def test_another_command_is_none_of_ours() -> None:
    echo = C_ECHO()
    echo.MessageID = 1
    echo.AffectedSOPClassUID = "1.2.840.10008.1.1"
    assert message.store_request(1, command_set(echo)) is None


@given(st.binary(max_size=200))
def test_bytes_that_are_no_command_set_are_none_of_ours(value: bytes) -> None:
    assert message.store_request(1, value) is None


@given(st.data())
def test_a_damaged_command_set_never_becomes_another_request_than_pynetdicom_reads(
    data: st.DataObject,
) -> None:
    whole = bytearray(command_set(request()))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = message.store_request(1, bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    if found is not None:
        assert 0 <= found.message_id < 2**16
        assert found.sop_class_uid.isascii()
        assert found.sop_instance_uid.isascii()


@pytest.mark.parametrize("maximum_length", [0, 16384, 64, 20])
@pytest.mark.parametrize("comment", ["", "no space", "odd"])
def test_a_response_is_read_by_pynetdicom(maximum_length: int, comment: str) -> None:
    asked = StoreRequest(5, 65535, CTImageStorage, "1.2.345")
    pdus = message.store_response(asked, 0xA700, comment, maximum_length)
    read = DIMSEMessage()
    done = False
    at = 0
    while at < len(pdus):
        length = 6 + int.from_bytes(pdus[at + 2 : at + 6], "big")
        assert not maximum_length or length - 6 <= maximum_length
        pdu = P_DATA_TF()
        pdu.decode(pdus[at : at + length])
        assert not done
        done = read.decode_msg(pdu.to_primitive())
        at += length
    assert done
    answer = read.message_to_primitive()
    assert answer.MessageIDBeingRespondedTo == 65535
    assert (answer.AffectedSOPClassUID, answer.AffectedSOPInstanceUID) == (
        CTImageStorage,
        "1.2.345",
    )
    assert answer.Status == 0xA700
    assert (answer.ErrorComment or "") == comment
    assert read.context_id == 5


def item(context_id: int, control: int, value: bytes) -> bytes:
    return (len(value) + 2).to_bytes(4, "big") + bytes((context_id, control)) + value


def test_fragments_are_found_where_they_stand() -> None:
    content = item(1, 3, b"command") + item(3, 2, b"")
    assert list(message.fragments(memoryview(content), 0, len(content))) == [
        Fragment(1, 3, 6, 13),
        Fragment(3, 2, 19, 19),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0",  # ends inside the head
        b"\0\0\0\1\1\3",  # shorter than its own head
        b"\0\0\0\7\1\3abcd",  # longer than the PDU
        b"\xff\xff\xff\xff\1\3abcd",
    ],
)
def test_lengths_that_do_not_add_up_are_an_error(content: bytes) -> None:
    with pytest.raises(ProtocolError, match="P-DATA-TF"):
        list(message.fragments(memoryview(content), 0, len(content)))
