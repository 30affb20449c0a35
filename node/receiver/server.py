"""The listening end of a port: one thread that accepts, and one per connection from then on."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from socket import IPPROTO_TCP, SHUT_RDWR, TCP_NODELAY
from socket import socket as Connection
from typing import Any

import structlog
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from node import admission, status
from node.entrance import Entrance
from node.receiver.acceptor import Acceptor, Listener

logger = structlog.get_logger(__name__)

_BACKLOG = 128  # pynetdicom listens with 5: a burst of scanners would wait for TCP retries


class Server(ThreadedAssociationServer):
    """Accepts connections, on a socket of its own or on one that several processes share."""

    socket: Connection
    daemon_threads = True  # a client that says nothing must not hold up the end of the process
    request_queue_size = _BACKLOG

    def __init__(
        self,
        *arguments: Any,
        listener: Listener,
        entrance: Entrance,
        acceptor: type[Acceptor],
        inherited: Connection | None,
        **named: Any,
    ) -> None:
        self.listener = listener
        self.entrance = entrance
        self.acceptor = acceptor
        self._inherited = inherited
        self._waiting: set[Connection] = set()
        super().__init__(*arguments, request_handler=Handler, **named)

    def server_bind(self) -> None:
        """Take the inherited socket, which listens already, or bind one."""
        if self._inherited is None:
            super().server_bind()
            return
        self.socket.close()
        self.socket = self._inherited
        # All processes wake up for a connection, and one gets it.
        self.socket.setblocking(False)
        self.server_address = self.socket.getsockname()

    def server_activate(self) -> None:
        """Listen, unless the socket does."""
        if self._inherited is None:
            super().server_activate()

    def server_close(self) -> None:
        """Close the socket; not for the other processes, which pynetdicom would do."""
        self.socket.close()
        for connection in list(self._waiting):
            close(connection)

    @contextlib.contextmanager
    def waiting(self, connection: Connection) -> Iterator[None]:
        """Close a connection with the server while it has no association yet."""
        self._waiting.add(connection)
        try:
            yield
        finally:
            self._waiting.discard(connection)

    def handle_error(self, _request: Any, client_address: Any) -> None:
        """Log what ended a connection before it had an association."""
        error = sys.exception()
        logger.error(
            "connection failed",
            error=type(error).__name__,
            origin=status.origin(error) if isinstance(error, Exception) else [],
            calling_host=client_address[0],
        )


class Handler(RequestHandler):
    """Makes an association of a connection; runs in the connection's own thread."""

    server: Server
    request: Connection

    def handle(self) -> None:
        """Let the connection in, and start its association."""
        self.request.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        with self.server.waiting(self.request):
            connection = self.server.entrance.admitted(self.request, self.client_address[0])
        if connection is None:
            return
        # Without a limit a peer that stops inside a PDU would hold its two threads for ever.
        connection.settimeout(self.server.listener.reception.limits.pdu_s)
        self.request = connection
        super().handle()

    def _create_association(self) -> Association:
        """Make the association of this server's kind; otherwise as pynetdicom does it."""
        server = self.server
        association = server.acceptor(self.ae, self.request, server.listener)
        association._server = server
        # By this name `active_associations` finds it.
        association.name = f"AcceptorThread@{datetime.now(UTC):%Y%m%d%H%M%S}"
        acceptor = association.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = server.ae_title
        acceptor.address_info = self.local
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = server.contexts
        association.requestor.address_info = self.remote
        for event, bound in server._handlers.items():
            for handler, arguments in [bound] if event.is_intervention else bound:
                if handler is not None:
                    association.bind(event, handler, arguments)
        return association


def serving(server: Server) -> threading.Thread:
    """Start the thread that accepts."""
    thread = threading.Thread(target=server.serve_forever, name="listener", daemon=True)
    thread.start()
    return thread


def close(connection: Connection | None) -> None:
    """End a connection under whoever reads it."""
    if connection is not None:
        with contextlib.suppress(OSError):  # closed in the meantime
            connection.shutdown(SHUT_RDWR)


def reject(event: evt.Event, listener: Listener) -> None:
    """Answer an association request that is not welcome (a handler of EVT_REQUESTED)."""
    association = event.assoc
    try:
        refusal = listener.judge(association)
    except Exception:
        # pynetdicom would log it and go on to accept: whoever cannot be judged is not let in.
        logger.exception("association request not judged")
        refusal = admission.NOT_JUDGED
    if refusal is None:
        return
    requestor = association.requestor
    requestor.ae_title = requestor.primitive.calling_ae_title
    logger.warning(
        f"association rejected: {refusal.reason}",
        calling_ae_title=requestor.ae_title,
        calling_host=requestor.address,
    )
    association.acse.send_reject(refusal.result, refusal.source, refusal.diagnostic)
    association.kill()
