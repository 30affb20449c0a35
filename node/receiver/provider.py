"""The upper layer of an association (PS3.8 section 9.2) that no peer can upset, for both paths.

pynetdicom's own gives up its thread, and leaves the association waiting for a time-out, where a PDU
is well formed but says what cannot be (a presentation context with an even ID, say), or where a
peer does not wait for the answer to its request. Here such a peer is answered as the state machine
of PS3.8 table 9-10 wants it, in one line of the log that says who it was.
"""

from typing import Any, Final

import structlog
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu import A_ABORT_RQ

from node import status
from node.limits import PduTooLargeError
from node.receiver.message import ProtocolError
from node.receiver.wire import PDU_HEAD, LimitedSocket

logger = structlog.get_logger(__name__)

IDLE: Final = "Sta1"  # PS3.8 table 9-1
CLOSING: Final = "Sta13"  # PS3.8 table 9-5: awaiting the close of the connection

CONNECTION_CLOSED: Final = "Evt17"  # PS3.8 table 9-10
_LOCAL_ABORT: Final = "Evt15"
_INVALID_PDU: Final = "Evt19"
_ABORTING: Final = ("AA-1", "AA-8")  # PS3.8 table 9-9

_BROKEN: Final = "association aborted: the peer broke the protocol"
_PDU_TYPES: Final = range(0x01, 0x08)  # PS3.8 section 9.3.1
_DROPPED_BYTES: Final = 1 << 20
"""So much is read behind what broke the protocol, before the connection is closed under it."""


class GuardedProvider(DULServiceProvider):
    """Drives the state machine; whatever comes, its association ends soon and is told so."""

    socket: LimitedSocket

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._is_out_of_step = False  # nobody knows any more where a PDU begins
        self._dropped_bytes = 0

    def run_reactor(self) -> None:
        """Drive the state machine until the connection is closed."""
        try:
            self._drive()
        except Exception as error:
            # The boundary towards the network: one association ends, not the process.
            self._give_up(error)
        finally:
            self.to_user_queue.put(None)  # who waits need not any more

    def _drive(self) -> None:
        super().run_reactor()

    def _process_recv_primitive(self) -> bool:
        """Look for what the association wants sent; nothing can be sent when it has ended.

        PS3.8 table 9-10 has no transition for that, but it happens: a peer that does not wait for
        the answer to its request is aborted while that is on its way.
        """
        if self.state_machine.current_state in (IDLE, CLOSING):
            self.to_provider_queue.queue.clear()
            return False
        return bool(super()._process_recv_primitive())

    def _is_transport_event(self) -> bool:
        if self._is_out_of_step:
            if self.state_machine.current_state == CLOSING:
                self._drop()
            return False
        return bool(super()._is_transport_event())

    def _read_pdu_data(self) -> None:
        """Read a PDU, and tell the state machine what came."""
        try:
            pdu, event = self._read_pdu()
        except (ProtocolError, PduTooLargeError) as error:
            self.broken(error)
        except OSError as error:
            self.lost(error)
        else:
            self.event_queue.put(event)
            if pdu is not None:
                self._recv_pdu.put(pdu)

    def _read_pdu(self) -> tuple[Any, str]:
        """Read a PDU; None, and an event: the connection was closed where no PDU had begun.

        Raises:
            ProtocolError: it is none, or says what cannot be.
            PduTooLargeError: it is longer than this node takes.
            OSError: the connection ended inside of it, or the peer is too slow.
        """
        head = self.socket.recv(PDU_HEAD)
        if not head:
            return None, CONNECTION_CLOSED
        if len(head) < PDU_HEAD:
            raise ConnectionError("the connection ended inside a PDU")
        if head[0] not in _PDU_TYPES:
            raise ProtocolError(f"PDU of type 0x{head[0]:02X}: there is no such")
        length = int.from_bytes(head[2:], "big")
        content = self.socket.recv(length)
        if len(content) < length:
            raise ConnectionError("the connection ended inside a PDU")
        try:
            pdu, event = self._decode_pdu(head + content)
            pdu.to_primitive()  # the state machine does, where an error would end its thread
        except Exception as error:
            # The boundary towards the network: pynetdicom decodes what a peer made up.
            raise ProtocolError(
                f"PDU of type 0x{head[0]:02X} cannot be read: {type(error).__name__}"
            ) from error
        return pdu, event

    def on_transition(self, event: evt.Event) -> None:
        """Tell of an abort that the state machine, or pynetdicom's reader of messages, decided."""
        if event.action not in _ABORTING or event.fsm_event == _LOCAL_ABORT or self._is_out_of_step:
            return
        if event.fsm_event == _INVALID_PDU:
            self._is_out_of_step = True
            self._tell(_BROKEN, "a message that cannot be read")
        else:
            self._tell(_BROKEN, f"a PDU that was not due in state {event.current_state}")

    def broken(self, error: Exception) -> None:
        """Tell that the peer broke the protocol, and have the association aborted."""
        self._is_out_of_step = True
        if self.state_machine.current_state != CLOSING:
            self._tell(_BROKEN, str(error))
        self.event_queue.put(_INVALID_PDU)

    def lost(self, error: OSError) -> None:
        """Tell that the connection broke, or that the peer is too slow."""
        if self.state_machine.current_state != CLOSING:
            slow = isinstance(error, TimeoutError)
            reason = "the peer is too slow" if slow else error.strerror or str(error)
            self._tell("connection lost", reason or type(error).__name__)
        self.event_queue.put(CONNECTION_CLOSED)

    def _drop(self) -> None:
        """Read what still comes and look at none of it, until the peer closes or time is up.

        Closed while something is unread, the connection would be reset, and the A-ABORT lost that
        is on its way (RFC 1122 section 4.2.2.13); read as PDUs, every six bytes of it would be
        answered.
        """
        try:
            count = self.socket.drop()
        except OSError:
            count = 0
        self._dropped_bytes += count or 0
        if count == 0 or self._dropped_bytes > _DROPPED_BYTES:
            self.socket.close()

    def _give_up(self, error: Exception) -> None:
        """Abort past the state machine, which may be what failed (as pynetdicom does)."""
        requestor = self.assoc.requestor
        logger.error(
            "association aborted: an error of this node",
            error=type(error).__name__,
            origin=status.origin(error),
            calling_ae_title=requestor.ae_title,
            calling_host=requestor.address,
        )
        pdu = A_ABORT_RQ()
        pdu.source = 0x02  # service provider, PS3.8 table 9-26
        pdu.reason_diagnostic = 0x00
        if self.socket.socket is not None:
            self.socket.send(pdu.encode())
        self.assoc.is_aborted = True
        self.assoc.is_established = False
        self.assoc._kill = True
        self._kill_thread = True

    def _tell(self, event: str, reason: str) -> None:
        requestor = self.assoc.requestor
        logger.warning(
            event,
            reason=reason,
            calling_ae_title=requestor.ae_title,
            calling_host=requestor.address,
        )
