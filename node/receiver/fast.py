"""The fast path: C-STORE data go from one buffer to the disk in one thread of the association.

pynetdicom keeps what it is good at: negotiation, the state machine of PS3.8 section 9.2, release,
abort, and every message that is no C-STORE-RQ. Its two threads per association stay, but wait for
something to happen where they slept a millisecond at a time; and the one that reads the connection
(the DUL, the DICOM Upper Layer service provider) answers C-STORE by itself, without a `Dataset` and
without handing anything to the other thread. EVT_DATA_RECV, EVT_PDU_RECV, EVT_DIMSE_RECV,
EVT_C_STORE and those of the response are not triggered for such a message.

What is used of pynetdicom beyond its documentation is listed in
tests/unit/node/receiver/test_private.py, which fails when a version changes it.
"""

import queue
import threading
from typing import Any, Final

from pynetdicom import AE, evt

from node.limits import PduTooLargeError
from node.receiver.acceptor import Acceptor, Listener
from node.receiver.message import P_DATA_TF, ProtocolError
from node.receiver.provider import CLOSING, CONNECTION_CLOSED, IDLE, GuardedProvider
from node.receiver.transfer import Transfer
from node.receiver.wire import BufferedSocket, Waker

_LONGEST_WAIT_S: Final = 5.0  # a timer that ran out is seen this late
_ARTIM_WAIT_S: Final = 0.5  # while that of PS3.8 section 9.1.5 runs

_AWAITING_REQUEST: Final = "Sta2"  # PS3.8 table 9-2
_ESTABLISHED: Final = "Sta6"  # PS3.8 table 9-3: ready for data transfer

_ARTIM_EXPIRED: Final = "Evt18"  # PS3.8 table 9-10


class Provider(GuardedProvider):
    """The upper layer of one association: the same states, entered without delay."""

    socket: BufferedSocket

    def __init__(self, association: "FastAcceptor", transfer: Transfer) -> None:
        super().__init__(association)
        self._waker = Waker()
        self._transfer = transfer
        self._is_readable = False

    def send_pdu(self, primitive: Any) -> None:
        """Have a primitive sent, soon."""
        super().send_pdu(primitive)
        self._waker.wake()

    def kill_dul(self) -> None:
        """End the thread, soon."""
        super().kill_dul()
        self._waker.wake()

    def stop_dul(self) -> bool:
        """End the thread if the connection is closed; tells whether it has ended."""
        if self.state_machine.current_state != IDLE:
            return False
        self.kill_dul()
        if threading.current_thread() is not self:
            self.join()
        return True

    def _drive(self) -> None:
        """Drive the state machine until the connection is closed; wait where pynetdicom sleeps."""
        self._idle_timer.start()
        self.assoc._dul_ready.set()
        while not self._kill_thread:
            self._step()

    def run_reactor(self) -> None:
        """Live, and let go of what was lent."""
        try:
            super().run_reactor()
        finally:
            self._transfer.discard()
            self.socket.rest()
            self._waker.close()
            self.assoc.wake()

    def _step(self) -> None:
        """Let one event happen, or wait for one."""
        if self.artim_timer.expired:
            self.event_queue.put(_ARTIM_EXPIRED)
        if not self._process_recv_primitive() and self._is_transport_event():
            self._idle_timer.restart()
        try:
            event = self.event_queue.get(block=False)
        except queue.Empty:
            self._wait()
            return
        self.state_machine.do_action(event)

    def _wait(self) -> None:
        state = self.state_machine.current_state
        if self._kill_thread or self.socket.has_unread or not self.to_provider_queue.empty():
            return
        self.socket.rest()
        brief = state in (_AWAITING_REQUEST, CLOSING)
        connection = None if state == IDLE else self.socket.socket
        self._is_readable = self._waker.wait(
            connection, _ARTIM_WAIT_S if brief else _LONGEST_WAIT_S
        )

    def _is_transport_event(self) -> bool:
        state = self.state_machine.current_state
        if state == IDLE:
            return False
        if state != _ESTABLISHED:
            return bool(super()._is_transport_event())
        if not self._is_readable and not self.socket.has_unread:
            return False
        self._is_readable = False
        self._read_pdu_data()
        return True

    def _read_pdu_data(self) -> None:
        if self.state_machine.current_state != _ESTABLISHED:
            super()._read_pdu_data()
            return
        try:
            self._receive()
        except (ProtocolError, PduTooLargeError) as error:
            self.broken(error)
        except OSError as error:
            self.lost(error)

    def _receive(self) -> None:
        """Read until a message is complete, or a PDU has come that is no P-DATA-TF."""
        wire, transfer = self.socket, self._transfer
        while True:
            pdu = wire.next_pdu()
            if pdu is None:
                transfer.make_room()
                if not wire.fill():
                    self.event_queue.put(CONNECTION_CLOSED)
                    return
                continue
            pdu_type, start, stop = pdu
            if pdu_type != P_DATA_TF:
                wire.put_back(start)
                super()._read_pdu_data()
                return
            self._idle_timer.restart()
            transfer.take(start, stop)
            if not transfer.is_under_way:
                return


class FastAcceptor(Acceptor):
    """An association whose threads wait for events."""

    dul: Provider
    is_established: bool

    def __init__(self, ae: AE, connection: Any, listener: Listener) -> None:
        super().__init__(ae, connection, listener)
        self._work = threading.Event()
        wire = BufferedSocket(self, connection, listener.reception.limits, listener.buffers)
        transfer = Transfer(self, wire, listener.reception, lambda: listener.sender(self))
        self.use(Provider(self, transfer))
        self.dul.to_user_queue = _WakingQueue(self._work)
        self.dimse.msg_queue = _WakingQueue(self._work)
        self.dul.socket = wire
        wire.event_queue.put("Evt5")  # transport connection indication; the first went nowhere

    def wake(self) -> None:
        """Have the thread look at what there is to do."""
        self._work.set()

    def kill(self) -> None:
        """End both threads."""
        self.wake()
        super().kill()

    def _run_reactor(self) -> None:
        """Serve messages until the association ends.

        What pynetdicom's own loop does in each of its rounds, done when there is reason to.
        """
        while not self._kill:
            self._is_paused = True  # who sends on this association himself waits for that
            self._work.wait(self._patience_s())
            self._work.clear()
            self._reactor_checkpoint.wait()
            self._is_paused = False
            context_id, message = self.dimse.get_msg(block=False)
            if message:
                self._serve_request(message, context_id)
                self.wake()  # there may be another
            if self._has_ended():
                self.kill()

    def _patience_s(self) -> float:
        remaining_s = float(self.dul._idle_timer.remaining)
        return max(0.0, min(_LONGEST_WAIT_S, remaining_s + 0.01))

    def _has_ended(self) -> bool:
        if self.is_established and self.acse.is_release_requested():
            self.acse.send_release(is_response=True)
            self.is_released = True
            self.is_established = False
            evt.trigger(self, evt.EVT_RELEASED, {})
            return True
        if self.acse.is_aborted():
            self.dul.receive_pdu(wait=False)  # for who listens to EVT_ACSE_RECV
            self.is_aborted = True
            self.is_established = False
            evt.trigger(self, evt.EVT_ABORTED, {})
            return True
        if not self.dul.is_alive():
            return True
        if self.dul.idle_timer_expired():
            self.abort()
            return True
        return False


class _WakingQueue(queue.Queue[Any]):
    """A queue that tells of everything that is put into it."""

    def __init__(self, work: threading.Event) -> None:
        super().__init__()
        self._work = work

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._work.set()
