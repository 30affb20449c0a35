"""Syslog as PS3.15 sections A.6 and A.7 want it: RFC 5424 over TLS (RFC 5425), TCP or UDP.

Syslog has no acknowledgement: what was written to a connection may be lost with the collector that
had not read it. So every batch has a connection of its own, that is closed on our side first; the
collector closes its side only after it has read everything, and only then is the batch taken.
"""

import contextlib
import errno
import fcntl
import os
import socket
import ssl
import sys
import termios
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from node.audit.settings import Syslog
from node.errors import ForaminaError

_PRI: Final = 10 * 8 + 5  # facility security/authorization, severity notice: A.6
_MSGID: Final = "DICOM+RFC3881"
_APP_NAME: Final = "foramina"
_BOM: Final = b"\xef\xbb\xbf"  # RFC 5424 section 6.4: the message is UTF-8
_LONGEST_DATAGRAM: Final = 65507
_ESTABLISHED, _CLOSE_WAIT = 1, 8  # states of a connection in linux/tcp.h


class CollectorError(ForaminaError):
    """The collector did not take a batch; it may have part of it."""


def line(at: datetime, host: str, message: bytes) -> bytes:
    """Write a SYSLOG-MSG, RFC 5424 section 6, without framing."""
    name = "".join(each for each in host if 33 <= ord(each) <= 126)[:255] or "-"
    moment = at.isoformat(timespec="milliseconds")
    head = f"<{_PRI}>1 {moment} {name} {_APP_NAME} {os.getpid()} {_MSGID} - "
    return head.encode() + _BOM + message


def frame(written: bytes) -> bytes:
    """Frame a message by its number of octets, RFC 5425 section 4.3."""
    return str(len(written)).encode() + b" " + written


class Collector:
    """Sends batches to one collector."""

    def __init__(self, settings: Syslog) -> None:
        self._settings = settings

    def __str__(self) -> str:
        return f"audit collector {self._settings.host}:{self._settings.port}"

    def send(self, lines: Sequence[bytes]) -> None:
        """Send a batch; when this returns, the collector has read it (over UDP: who knows).

        Raises:
            CollectorError: it has not, or not all.
        """
        try:
            if self._settings.transport == "udp":
                self._send_datagrams(lines)
            else:
                with self._connected() as connection:
                    connection.sendall(b"".join(map(frame, lines)))
                    _close(connection)
        except ssl.SSLCertVerificationError as error:
            raise CollectorError(
                f"{self}: its certificate is not trusted ({error.verify_message}); see "
                "audit.syslog.ca_file"
            ) from error
        except TimeoutError as error:
            raise CollectorError(
                f"{self}: no answer within {self._settings.timeout_s:g} s; a collector has to "
                "close the connection when it has read everything"
            ) from error
        except OSError as error:
            raise CollectorError(f"{self}: {error.strerror or error}") from error

    def _send_datagrams(self, lines: Sequence[bytes]) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self._settings.host, self._settings.port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as channel:
            for each in lines:
                channel.sendto(each[:_LONGEST_DATAGRAM], address)

    def _connected(self) -> socket.socket:
        settings = self._settings
        connection = socket.create_connection((settings.host, settings.port), settings.timeout_s)
        if settings.transport == "tcp":
            return connection
        try:
            return self._context().wrap_socket(
                connection, server_hostname=settings.host, suppress_ragged_eofs=False
            )
        except BaseException:
            connection.close()
            raise

    def _context(self) -> ssl.SSLContext:
        """Make the context anew: a certificate that was renewed is read at the next batch."""
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = settings.check_hostname
        if settings.certificate_file:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
        return context


def _close(connection: socket.socket) -> None:
    """Say that nothing more comes, and wait until the collector has read all and closed too.

    Raises:
        OSError: it was killed, does not want us (in TLS 1.3 it says so only after we have
            written), or closed before it had read everything.
    """
    _await_acknowledged(connection)
    try:
        if isinstance(connection, ssl.SSLSocket):
            _send_close_notify(connection)
        else:
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    except ssl.SSLZeroReturnError:
        return  # a close_notify, in answer to ours
    except ssl.SSLEOFError:
        # Some collectors close without a close_notify of their own; so does one that was killed.
        _await_acknowledged(connection, closed=True)


def _send_close_notify(connection: ssl.SSLSocket) -> None:
    """Send ours without waiting for theirs: `unwrap` would take a refusal for it."""
    timeout_s = connection.gettimeout()
    connection.setblocking(False)
    for step in (lambda: connection.recv(4096), connection.unwrap):
        with contextlib.suppress(ssl.SSLWantReadError):  # the rule: nothing was said yet
            step()
    connection.settimeout(timeout_s)


def _await_acknowledged(connection: socket.socket, *, closed: bool = False) -> None:
    """Wait until the collector's system has all that we sent.

    Linux acknowledges data only for a socket that is open, and answers with a reset what comes to
    a closed one, or was left unread in it. Elsewhere nobody knows.

    Args:
        connection: to the collector.
        closed: the collector may have closed its side by now.

    Raises:
        OSError: it has closed before, or does not answer.
    """
    if sys.platform != "linux":
        return
    good = (_ESTABLISHED, _CLOSE_WAIT) if closed else (_ESTABLISHED,)
    deadline = time.monotonic() + (connection.gettimeout() or 0.0)
    while connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in good:
        unacknowledged = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
        if not int.from_bytes(unacknowledged, sys.byteorder):
            return
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.005)
    raise ConnectionResetError(errno.ECONNRESET, "closed before it had read everything")
