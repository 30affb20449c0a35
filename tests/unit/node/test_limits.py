"""What a peer may cost: numbers of the configuration, and the errors beyond them."""

import pytest

from node import status
from node.limits import Deadline, Limits, PduTooLargeError, SlowPeerError
from node.settings import Node

LIMITS = Limits.of(Node(maximum_pdu_bytes=16384, maximum_instance_bytes=1 << 20))


def test_a_deadline_counts_for_all_steps_together() -> None:
    now = [100.0]
    deadline = Deadline(10, lambda: now[0])
    now[0] += 4
    assert deadline.left() == pytest.approx(6)
    now[0] += 6
    with pytest.raises(SlowPeerError, match="not complete within 10 s"):
        deadline.left()


def test_the_limits_are_those_of_the_configuration() -> None:
    assert (LIMITS.association_s, LIMITS.pdu_s, LIMITS.idle_s) == (30, 60, 900)
    assert Limits.of(Node()).instance_bytes == 4 << 30


def test_too_large_an_instance_is_refused_for_good() -> None:
    error = LIMITS.too_large()
    assert status.classify(error.status.code).outcome is status.Outcome.REFUSED
    assert status.comment(error) == "instance larger than 1048576 bytes"


@pytest.mark.parametrize(("pdu_type", "length"), [(0x04, 16384), (0x01, 1 << 20), (0x05, 4)])
def test_a_pdu_is_taken_to_its_limit_and_not_a_byte_beyond(pdu_type: int, length: int) -> None:
    assert takes(pdu_type, length)
    limit = 16384 if pdu_type == 0x04 else 1 << 20
    assert takes(pdu_type, limit)
    assert not takes(pdu_type, limit + 1)


def takes(pdu_type: int, length: int) -> bool:
    try:
        LIMITS.check_pdu_length(pdu_type, length)
    except PduTooLargeError:
        return False
    return True


@pytest.mark.parametrize(
    ("pdu_type", "length"), [(0x04, 16385), (0x01, (1 << 20) + 1), (0x07, 0xFFFFFFFF)]
)
def test_a_pdu_beyond_them(pdu_type: int, length: int) -> None:
    with pytest.raises(PduTooLargeError, match=f"with {length} bytes: expected at most"):
        LIMITS.check_pdu_length(pdu_type, length)
