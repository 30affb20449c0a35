"""An association to a peer: opened, watched, released, and why there is none.

Everything that can go wrong becomes a `PeerError` that names the peer and says what to do.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from pynetdicom import AE, Association, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext

from node.errors import PeerError
from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.peer import Interrupt, Peer

_MAXIMUM_PDU_BYTES: Final = 131072
_RELEASE_TIMEOUT_S: Final = 5.0


@dataclass(slots=True)
class _Observed:
    """What happens on an association, which pynetdicom only logs."""

    peer: Peer
    interrupt: Interrupt | None
    connected: bool = False
    started: float = field(default_factory=time.monotonic)
    connection: socket.socket | None = None
    rejection: A_ASSOCIATE | None = None

    def on_requested(self, event: evt.Event) -> None:
        """Know the socket before it is connected, so that a wait for that can be cut, too."""
        self.end()
        self.connection = event.assoc.dul.socket.socket
        if self.interrupt is not None:
            self.interrupt.watch(self.connection)

    def on_connection(self, event: evt.Event) -> None:
        """Set what pynetdicom leaves at the system's defaults; see `node.scp`."""
        self.connected = True
        connection = event.assoc.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self.peer.timeout_s)

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
    def handlers(self) -> list[tuple[evt.EventType, Callable[[evt.Event], None]]]:
        """Bind the methods."""
        return [
            (evt.EVT_REQUESTED, self.on_requested),
            (evt.EVT_CONN_OPEN, self.on_connection),
            (evt.EVT_PDU_RECV, self.on_pdu),
        ]


@contextmanager
def opened(
    peer: Peer, contexts: list[PresentationContext], interrupt: Interrupt | None = None
) -> Iterator[Association]:
    """Open an association for the length of a block, then release it.

    Raises:
        PeerError: there is none; the message says why.
    """
    observed = _Observed(peer, interrupt)
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
    if isinstance(answer, A_ASSOCIATE) and answer.result == 0:
        names = sorted({context.abstract_syntax.name for context in association.rejected_contexts})
        return PeerError(
            f"{peer} accepts none of the presentation contexts for {', '.join(names)}; allow this "
            "SOP class and its transfer syntax there, then send again",
            retry=False,
        )
    if isinstance(answer, A_ASSOCIATE):
        # Also a "permanent" rejection ends when a person registers this node at the peer.
        return PeerError(
            f"{peer} rejected the association ({answer.result_str}, {answer.source_str}: "
            f"{answer.reason_str}); check both AE titles, and that {peer.calling_ae_title} is "
            "registered there"
        )
    return no_answer(peer, "A-ASSOCIATE", observed.started, peer.timeout_s)


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
