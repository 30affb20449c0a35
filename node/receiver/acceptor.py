"""What associations of both receiving paths have in common: whose they are, and how they end."""

import socket
import threading
import uuid

import structlog
from pynetdicom import AE, evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from node import admission, status
from node.receiver.message import ProtocolError
from node.receiver.provider import GuardedProvider
from node.receiver.reception import Reception, Sender
from node.receiver.wire import BufferPool, LimitedSocket

logger = structlog.get_logger(__name__)


class Listener:
    """What the associations of one port share; safe between threads."""

    def __init__(
        self,
        reception: Reception,
        judge: admission.Admission,
        maximum_associations: int,
        name: str,
        *,
        tells_ends: bool,
    ) -> None:
        """Prepare.

        Args:
            reception: keeps instances.
            judge: who may call.
            maximum_associations: over all processes.
            name: with this the names of the associations begin.
            tells_ends: somebody records how associations end; otherwise they have no names,
                because nobody could know that they ended.
        """
        self.reception = reception
        self.buffers = BufferPool()
        self._admission = judge
        self._maximum_associations = maximum_associations
        self._name = name
        self._tells_ends = tells_ends
        self._lock = threading.Lock()
        self._senders: dict[Association, Sender] = {}
        self._counted: set[Association] = set()

    def sender(self, association: Association) -> Sender:
        """Say who is at the other end, under one name for as long as the association lives."""
        with self._lock:
            found = self._senders.get(association)
            if found is None:
                requestor = association.requestor
                name = f"{self._name}-{uuid.uuid4().hex[:16]}" if self._tells_ends else ""
                found = Sender(requestor.ae_title, requestor.address, name)
                self._senders[association] = found
            return found

    def judge(self, association: Association) -> admission.Refusal | None:
        """Judge a request; None: it is welcome, and counted until `left`."""
        requestor = association.requestor
        request = requestor.primitive
        refusal = self._admission.refusal(
            request.calling_ae_title, request.called_ae_title, requestor.address
        )
        if refusal is not None:
            return refusal
        if not self.reception.tally.enter(self._maximum_associations):
            return admission.LIMIT_EXCEEDED
        with self._lock:
            self._counted.add(association)
        return None

    def left(self, association: Association) -> None:
        """Count an association as closed, once."""
        with self._lock:
            if association not in self._counted:
                return
            self._counted.remove(association)
        self.reception.tally.leave()

    def ended(self, association: Association, ending: str) -> None:
        """Record how an association ended, once, if instances came over it."""
        self.left(association)
        with self._lock:
            found = self._senders.pop(association, None)
        if found is None or not found.association:
            return
        try:
            self.reception.keeper.ended(found.association, ending, found.calling_ae_title)
        except Exception as error:
            # The boundary towards the network. What is lost is evidence, no image.
            logger.error(
                "end of an association not recorded",
                reason=status.reason(error),
                origin=status.origin(error),
            )


class Acceptor(Association):
    """An association that somebody requested."""

    def __init__(self, ae: AE, connection: socket.socket, listener: Listener) -> None:
        super().__init__(ae, MODE_ACCEPTOR)
        self._listener = listener

    def use(self, provider: GuardedProvider) -> None:
        """Take a provider of the upper layer, in the place of the one that pynetdicom has made."""
        self.dul = provider
        # Made with `super()`, they went to the provider that this one replaces.
        self.acse_timeout = self.ae.acse_timeout
        self.network_timeout = self.ae.network_timeout
        self.bind(evt.EVT_FSM_TRANSITION, provider.on_transition)

    def run_reactor(self) -> None:
        """Live, and be seen off."""
        try:
            super().run_reactor()
        finally:
            self._listener.ended(self, "released" if self.is_released else "aborted")


class StockAcceptor(Acceptor):
    """An association as pynetdicom runs it."""

    def __init__(self, ae: AE, connection: socket.socket, listener: Listener) -> None:
        super().__init__(ae, connection, listener)
        provider = GuardedProvider(self)
        self.use(provider)
        self.dimse = _GuardedMessages(self, provider)
        self.set_socket(LimitedSocket(self, connection, listener.reception.limits))


class _GuardedMessages(DIMSEServiceProvider):
    """Reads messages; one that cannot be read ends its association, and not just a thread of it."""

    def __init__(self, association: Association, provider: GuardedProvider) -> None:
        super().__init__(association)
        self._provider = provider

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a part of a message in."""
        try:
            super().receive_primitive(primitive)
        except Exception as error:
            # The boundary towards the network: pynetdicom decodes what a peer made up.
            reason = f"a message that cannot be read: {type(error).__name__}"
            self._provider.broken(ProtocolError(reason))
