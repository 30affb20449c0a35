"""An association to a peer: opened, watched, released, and why there is none.

Everything that can go wrong becomes a `PeerError` that names the peer and says what to do.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, cast

from pynetdicom import AE, Association, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from node import tls
from node.checkpoint import Checkpoint
from node.errors import ConfigError, ContextRefusedError, PeerError
from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.peer import Interrupt, Peer

_MAXIMUM_PDU_BYTES: Final = 131072
_RELEASE_TIMEOUT_S: Final = 5.0

Handler = tuple[evt.EventType, Callable[[evt.Event], object]]
"""An event of pynetdicom, and who is told of it."""


@dataclass(slots=True)
class _Observed:
    """What happens on an association, which pynetdicom only logs."""

    peer: Peer
    interrupt: Interrupt | None
    others: tuple[Handler, ...] = ()
    context: ssl.SSLContext | None = None
    connected: bool = False
    started: float = field(default_factory=time.monotonic)
    connection: socket.socket | None = None
    rejection: A_ASSOCIATE | None = None
    tls_failure: str = ""

    def on_requested(self, event: evt.Event) -> None:
        """Know the socket before it is connected, so that a wait for that can be cut, too."""
        self.end()
        Checkpoint.install(event.assoc)
        self._watch(event.assoc.dul.socket.socket)

    def on_connection(self, event: evt.Event) -> None:
        """Set what pynetdicom leaves at the system's defaults; see `node.scp`. Begin TLS.

        Not by `tls_args`: pynetdicom would keep the reason of a failed handshake to its log. And
        not earlier: another thread connects the socket that EVT_REQUESTED shows.
        """
        self.connected = True
        transport = event.assoc.dul.socket
        if self.context is not None:
            transport.socket = self.context.wrap_socket(
                transport.socket, do_handshake_on_connect=False, server_hostname=self.peer.host
            )
            self._watch(transport.socket)
        connection = transport.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self.peer.timeout_s)
        if isinstance(connection, ssl.SSLSocket):
            self._shake_hands(connection)

    def _watch(self, connection: socket.socket) -> None:
        self.connection = connection
        if self.interrupt is not None:
            self.interrupt.watch(connection)

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        """Begin TLS; where that fails, nothing is ever sent over the connection."""
        try:
            connection.do_handshake()
        except OSError as error:
            self.tls_failure = tls.connection_failure(error)
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def on_pdu(self, event: evt.Event) -> None:
        """Keep a rejection: pynetdicom loses one that arrives before it begins to wait for it."""
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            self.rejection = event.pdu.to_primitive()

    def end(self) -> None:
        """Close the socket: pynetdicom leaves one that never got a connection to the collector."""
        if self.interrupt is not None:
            self.interrupt.watch(None)
        if self.connection is not None:
            self.connection.close()

    @property
    def handlers(self) -> list[Handler]:
        """Bind the methods, and what else is to be told."""
        return [
            (evt.EVT_REQUESTED, self.on_requested),
            (evt.EVT_CONN_OPEN, self.on_connection),
            (evt.EVT_PDU_RECV, self.on_pdu),
            *self.others,
        ]


@contextmanager
def opened(
    peer: Peer,
    contexts: list[PresentationContext],
    interrupt: Interrupt | None = None,
    handlers: Sequence[Handler] = (),
) -> Iterator[Association]:
    """Open an association for the length of a block, then release it.

    Args:
        peer: whom to call.
        contexts: what to propose.
        interrupt: lets another thread end it.
        handlers: of what the peer may ask meanwhile.

    Raises:
        ContextRefusedError: it accepts none of the presentation contexts.
        PeerError: there is none; the message says why.
    """
    observed = _Observed(peer, interrupt, tuple(handlers), _context(peer))
    try:
        association = _associate(peer, contexts, observed)
        if not association.is_established:
            raise _not_established(association, observed)
        try:
            yield association
        finally:
            association.acse_timeout = min(_RELEASE_TIMEOUT_S, peer.timeout_s)
            association.release()  # does nothing when it has ended otherwise
    finally:
        observed.end()


def _context(peer: Peer) -> ssl.SSLContext | None:
    try:
        return None if peer.tls is None else tls.client_context(peer.tls)
    except ConfigError as error:  # a certificate that is just being renewed may be there soon
        raise PeerError(f"{peer}: {error}") from error


def _associate(peer: Peer, contexts: list[PresentationContext], observed: _Observed) -> Association:
    """Ask for an association at each address of the peer until one lets itself be connected."""
    ae = AE(peer.calling_ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = peer.timeout_s
    ae.network_timeout = 2 * peer.timeout_s
    association: Association | None = None
    for address in peer.addresses():
        association = ae.associate(
            address,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            max_pdu=_MAXIMUM_PDU_BYTES,
            evt_handlers=observed.handlers,
        )
        if observed.connected:
            break
    return cast(Association, association)


def _not_established(association: Association, observed: _Observed) -> PeerError:
    """Find out why there is no association (PS3.8 section 9.3)."""
    peer = observed.peer
    answer = observed.rejection or association.acceptor.primitive
    if observed.interrupt is not None and observed.interrupt.is_cut:
        return PeerError(f"{peer}: interrupted")
    if not observed.connected:
        return PeerError(f"{peer}: {_no_connection(observed)}")
    if observed.tls_failure:
        return PeerError(f"{peer}: {observed.tls_failure}")
    if isinstance(answer, A_ASSOCIATE) and answer.result == 0:
        names = sorted({context.abstract_syntax.name for context in association.rejected_contexts})
        return ContextRefusedError(
            f"{peer} accepts none of the presentation contexts for {', '.join(names)}; allow this "
            "SOP class and its transfer syntax there, then send again"
        )
    if isinstance(answer, A_ASSOCIATE):
        # Also a "permanent" rejection ends when a person registers this node at the peer.
        return PeerError(
            f"{peer} rejected the association ({answer.result_str}, {answer.source_str}: "
            f"{answer.reason_str}); check both AE titles, and that {peer.calling_ae_title} is "
            "registered there"
        )
    return _unanswered(observed)


def _unanswered(observed: _Observed) -> PeerError:
    """Tell a peer that keeps silent from one that hangs up, as TLS does on one who lacks it."""
    peer = observed.peer
    failure = no_answer(peer, "A-ASSOCIATE", observed.started, peer.timeout_s)
    if time.monotonic() - observed.started >= peer.timeout_s:
        return failure
    trusted = "trusts the certificate of this node" if peer.tls else "speaks no TLS"
    return PeerError(f"{failure}; check that its port {trusted}")


def _no_connection(observed: _Observed) -> str:
    """Ask the system once more for the reason, which pynetdicom keeps to its log."""
    peer = observed.peer
    if time.monotonic() - observed.started >= peer.timeout_s:
        return f"no connection within {peer.timeout_s:g} s; check host, port and firewall"
    try:
        with socket.create_connection((peer.host, peer.port), timeout=peer.timeout_s):
            return "the connection failed, though the port answers now"
    except OSError as error:
        reason = error.strerror or str(error)
        return f"no connection ({reason}); check host and port, and that the peer runs"


def no_answer(peer: Peer, what: str, started: float, limit_s: float) -> PeerError:
    if time.monotonic() - started >= limit_s:
        return PeerError(f"{peer} did not answer {what} within {limit_s:.1f} s")
    return PeerError(f"{peer} closed or aborted the association instead of answering {what}")
