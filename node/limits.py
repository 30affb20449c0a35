"""What a peer may cost this node: bytes per instance and PDU, and time per step.

Both receiving paths take their numbers and their errors from here, so that they end the same
connections for the same reasons.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from node.settings import Node
from node.status import CANNOT_UNDERSTAND, InstanceRefusedError

_P_DATA_TF: Final = 0x04  # PS3.8 section 9.3.1
_ASSOCIATE_RQ_BYTES: Final = 1 << 20
"""128 contexts with every transfer syntax there is are a tenth of this; no limit is negotiated."""


class SlowPeerError(OSError):
    """A peer did not finish in time what it had begun; an `OSError`, as a socket's time-out is."""


class PduTooLargeError(OSError):
    """A PDU is longer than this node takes; an `OSError`, because the connection has to end."""


class Deadline:
    """A moment by which something is done, however many reads that takes."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Count from now; `clock` is replaced in tests."""
        self._limit_s = limit_s
        self._clock = clock
        self._end = clock() + limit_s

    def left(self) -> float:
        """Give the seconds that are left, for `socket.settimeout`.

        Raises:
            SlowPeerError: none are.
        """
        left_s = self._end - self._clock()
        if left_s <= 0:
            raise SlowPeerError(f"not complete within {self._limit_s:g} s")
        return left_s


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the receiving side."""

    instance_bytes: int
    """Of one data set, as received."""
    pdu_bytes: int
    """What this node announces as its maximum length (PS3.8 section D.1)."""
    association_s: float
    """From the connection to the complete A-ASSOCIATE-RQ: the ARTIM timer (PS3.8 section 9.1.5)."""
    pdu_s: float
    """From the first to the last byte of a PDU."""
    idle_s: float
    """Between two PDUs."""

    @classmethod
    def of(cls, settings: Node) -> Self:
        """Take the limits from the configuration."""
        return cls(
            instance_bytes=settings.maximum_instance_bytes,
            pdu_bytes=settings.maximum_pdu_bytes,
            association_s=settings.association_timeout_s,
            pdu_s=settings.pdu_timeout_s,
            idle_s=settings.network_timeout_s,
        )

    def too_large(self) -> InstanceRefusedError:
        """Make the refusal of an instance of more than `instance_bytes`.

        Not 0xA700: a sender that gets that sends the same object again and again, and keeps back
        what is queued behind it. This one a person looks at.
        """
        return InstanceRefusedError(
            CANNOT_UNDERSTAND, f"instance larger than {self.instance_bytes} bytes"
        )

    def check_pdu_length(self, pdu_type: int, length: int) -> None:
        """Check the length that the head of a PDU names, before memory is set aside for it.

        Raises:
            PduTooLargeError: it is more than was announced for a P-DATA-TF, or more than any
                other PDU can need.
        """
        limit = self.pdu_bytes if pdu_type == _P_DATA_TF else _ASSOCIATE_RQ_BYTES
        if length > limit:
            raise PduTooLargeError(
                f"PDU of type 0x{pdu_type:02X} with {length} bytes: expected at most {limit}"
            )
