"""Another DICOM system as seen from here: its address, and how to stop talking to it."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass

from node.errors import PeerError
from node.settings import PeerTls


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call, as whom, and how long to wait for each of its answers."""

    ae_title: str
    host: str
    port: int
    calling_ae_title: str
    timeout_s: float = 30.0
    tls: PeerTls | None = None
    """None: it is spoken to without TLS."""

    def __post_init__(self) -> None:
        for title in (self.ae_title, self.calling_ae_title):
            if not (0 < len(title.strip()) <= 16 and title.isascii() and title.isprintable()):
                raise PeerError(
                    f"AE title {title!r}: expected 1 to 16 ASCII characters", retry=False
                )

    def __str__(self) -> str:
        return f"{self.ae_title} at {self.host}:{self.port}"

    def addresses(self) -> list[str]:
        """Resolve the host name, IPv4 first: few DICOM systems listen on IPv6.

        Raises:
            PeerError: the name is unknown.
        """
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise PeerError(
                f"{self}: the host is unknown ({error.strerror}); check its name, or give "
                "an address"
            ) from error
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Interrupt:
    """Lets one thread end, at once, what another is saying to a peer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    @property
    def is_cut(self) -> bool:
        """Tell whether `cut` was called."""
        return self._cut

    def cut(self) -> None:
        """Close the connection that is open now, and every later one."""
        with self._lock:
            self._cut = True
            self._shut()

    def watch(self, connection: socket.socket | None) -> None:
        """Take a connection that `cut` has to close."""
        with self._lock:
            self._socket = connection
            if self._cut:
                self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # not yet, or no more, connected
                self._socket.shutdown(socket.SHUT_RDWR)
