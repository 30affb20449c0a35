"""The entrance of the node's port: from a connection to one over which DICOM may be spoken.

Runs in the thread of the connection, never where connections are accepted: there, one client that
says nothing would keep out all others.
"""

import socket
import ssl
from contextlib import suppress
from typing import Final

import structlog

from node import tls
from node.admission import Admission
from node.limits import Deadline, Limits
from node.settings import Node, Tls

logger = structlog.get_logger(__name__)

_ASSOCIATE_RQ: Final = 0x01  # PS3.8 section 9.3.2
_HEAD: Final = 3


class _TurnedAwayError(OSError):
    """A client that cannot be talked to, with the sentence that says why."""


class Entrance:
    """Lets in who is allowed, speaks what the port speaks, and does not keep silent."""

    def __init__(self, node: Node, settings: Tls) -> None:
        """Read the certificates.

        Raises:
            ConfigError: they cannot be used.
        """
        self.admission = Admission(node)
        self._limit_s = Limits.of(node).association_s
        self._context = tls.RenewedContext(settings)

    def admitted(self, connection: socket.socket, host: str) -> socket.socket | None:
        """Give the socket to speak DICOM over; None: turned away, logged and closed.

        Takes at most `node.association_timeout_s`.

        Args:
            connection: as accepted; do not use it any more.
            host: the address it comes from.
        """
        if not self.admission.admits_host(host):
            logger.warning("connection refused: host is not in node.allow", calling_host=host)
            _close(connection)
            return None
        try:
            return self._opened(connection)
        except OSError as error:
            _close(connection)
            if str(error):
                logger.warning("connection closed", reason=str(error), calling_host=host)
            return None

    def _opened(self, connection: socket.socket) -> socket.socket:
        deadline = Deadline(self._limit_s)
        context = self._context.get()
        head = _head(connection, deadline)
        if context is None:
            if head[0] == tls.CLIENT_HELLO:
                raise _TurnedAwayError(
                    "a client spoke TLS, and this port does not; switch it off there, or set "
                    "tls.enabled here"
                )
            return connection
        if head[0] == _ASSOCIATE_RQ:
            raise _TurnedAwayError(
                "a client spoke DICOM without TLS, and tls.enabled says that this port takes "
                "nothing else; switch TLS on there"
            )
        return _secured(connection, context, deadline)


def _head(connection: socket.socket, deadline: Deadline) -> bytes:
    """Look at the first bytes, and leave them where they are.

    Raises:
        OSError: none came in time; without text when the client just went away, as port checks do.
    """
    connection.settimeout(deadline.left())
    try:
        head = connection.recv(_HEAD, socket.MSG_PEEK)
    except TimeoutError as error:
        raise _TurnedAwayError(
            "a client connected and said nothing within node.association_timeout_s"
        ) from error
    except OSError as error:
        raise _TurnedAwayError("") from error
    if not head:
        raise _TurnedAwayError("")
    return head


def _secured(
    connection: socket.socket, context: ssl.SSLContext, deadline: Deadline
) -> ssl.SSLSocket:
    secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    try:
        secured.settimeout(deadline.left())
        secured.do_handshake()  # its time-out counts for all of its reads together
    except OSError as error:
        _close(secured)
        raise _TurnedAwayError(tls.handshake_failure(error)) from error
    return secured


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.close()
