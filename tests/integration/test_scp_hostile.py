"""Who breaks the protocol is answered at once, told in one plain line, and costs nothing more."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import structlog
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from node import log
from node.admission import Admission
from node.scp import StorageScp
from node.settings import Log, Node
from tests.peers import wait_until
from tests.upper_layer import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    COMMAND,
    ECHO,
    LAST,
    RELEASE,
    VERIFICATION,
    Connection,
    Line,
    associate_request,
    command,
    p_data,
    pdu,
)

LONG_S = 60
"""Every time-out of the node under test: what ends well before was not ended by one."""
REQUEST = associate_request([(1, MRImageStorage, ExplicitVRLittleEndian)])


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def port(receiving_path: Literal["fast", "stock"]) -> Iterator[int]:
    """Start the node's SCP, and see that no thread of an association is left at the end."""
    settings = {
        "port": 0,
        "association_timeout_s": LONG_S,
        "pdu_timeout_s": LONG_S,
        "network_timeout_s": LONG_S,
    }
    scp = StorageScp(Node.model_validate(settings), lambda _incoming: None, path=receiving_path)
    scp.start()
    before = threading.active_count()
    yield scp.port
    wait_until(lambda: threading.active_count() <= before, "the threads of associations ended", 20)
    scp.stop()


def with_byte(at: int, value: int) -> bytes:
    """Change one byte of the request."""
    return REQUEST[:at] + bytes([value]) + REQUEST[at + 1 :]


CALLED_AE_TITLE = 10  # PS3.8 table 9-11
CONTEXT = REQUEST.index(b"\x20\0", 74)
USER = REQUEST.index(b"\x50\0", CONTEXT)
MALFORMED = {
    "an even presentation context ID": with_byte(CONTEXT + 4, 2),
    "an unknown item": with_byte(USER, 0x77),
    "an item longer than the PDU": with_byte(CONTEXT + 2, 0xFF),
    "an AE title that is no text": with_byte(CALLED_AE_TITLE, 0xFF),
    "an unknown PDU": pdu(0x42, b"what"),
    "an answer that is none": pdu(ASSOCIATE_AC, bytes(200)),
    "a PDU that is not due": p_data(1, LAST, b"data"),
    "an abort for no known reason": pdu(ABORT, b"\0\0\2\x55"),
    "nothing of the sort": b"GET / HTTP/1.0\r\n\r\n",
    "half a request": REQUEST[:50],
    "half a head": REQUEST[:4],
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_a_request_that_cannot_be_read_is_ended_at_once(
    port: int, sent: bytes, logged: list[Any]
) -> None:
    with Line(port, LONG_S) as line:
        line.send(sent)
        started = time.monotonic()
        line.finish()
    assert time.monotonic() - started < LONG_S / 2
    wait_until(lambda: bool(logged), "a line is logged")
    ended = ("association aborted: the peer broke the protocol", "connection lost")
    assert [each["event"] for each in logged if each["event"] in ended] == [
        each["event"] for each in logged if each["event"] != "association aborted"
    ]
    assert len([each for each in logged if each["event"] in ended]) == 1
    assert {each["calling_host"] for each in logged} == {"127.0.0.1"}


def test_who_does_not_wait_for_the_answer_is_ended_at_once(port: int, logged: list[Any]) -> None:
    with Line(port, LONG_S) as line:
        line.send(REQUEST + RELEASE)
        started = time.monotonic()
        line.finish()
    assert time.monotonic() - started < LONG_S / 2
    assert [each for each in logged if each["log_level"] == "error"] == []
    for each in logged:  # or the answer was faster, and the release is what it claims to be
        if "broke the protocol" in each["event"]:
            assert each["reason"].startswith("a PDU that was not due")


def test_who_cannot_be_judged_is_not_let_in(
    port: int, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Admission, "refusal", fail)
    with Line(port, LONG_S) as line:
        line.send(REQUEST)
        assert line.read() == (ASSOCIATE_RJ, bytes((0, 2, 2, 1)))  # PS3.8 table 9-21
    assert logged[0]["event"] == "association request not judged"


@pytest.mark.parametrize("established", [False, True])
def test_what_comes_behind_a_broken_pdu_is_not_answered(port: int, established: bool) -> None:
    with Connection(port) if established else Line(port, LONG_S) as line:
        line.send(pdu(0x42, b"what") + pdu(0x43, b"else") * 1000)
        kinds = []
        while kind := line.read()[0]:
            kinds.append(kind)
    assert kinds == [ABORT]


def test_malformed_messages_are_logged_in_plain_lines(
    port: int,
    restored_logging: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    log.configure(Log(format="json"))
    structlog.get_logger(__name__).warning("begun")
    hostile: list[Callable[[Line], None]] = [
        *(lambda line, sent=sent: line.send(sent) for sent in MALFORMED.values()),
        lambda line: line.send(REQUEST, p_data(1, COMMAND | LAST, b"\xff" * 40)),
        lambda line: line.send(REQUEST, p_data(9, COMMAND | LAST, command(ECHO, 1, VERIFICATION))),
        lambda line: line.send(REQUEST, p_data(1, COMMAND | LAST, b"")),
    ]
    for attack in hostile:
        with Line(port, LONG_S) as line:
            attack(line)
            line.finish()
    wait_until(lambda: written.getvalue().count("\n") > len(hostile), "every attack is told")
    text = written.getvalue()
    assert "begun" in text
    assert "Traceback" not in text
    assert 'File \\"' not in text
    assert "exception" not in text
