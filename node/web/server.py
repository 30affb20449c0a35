"""The web page on its port, until told to stop."""

import asyncio
import socket
import threading
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from node.errors import ConfigError
from node.settings import Web

logger = structlog.get_logger(__name__)

_STOP_S: Final = 5
_HEADERS_S: Final = 10.0
"""Of a connection, or of its next request, the headers must be there after so long."""


class Impatient(H11Protocol):
    """Hangs up on who connects and does not ask: few such would keep everybody else out."""

    _too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of the headers, no longer than for all of them."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._too_late is None:  # the beginning of another request
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._too_late = self.loop.call_later(_HEADERS_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None


class Server:
    """Serves an application over HTTP; TLS is a reverse proxy's business."""

    def __init__(self, settings: Web, app: Starlette) -> None:
        self._settings = settings
        self._app = app

    def run(self, stop: threading.Event) -> None:
        """Serve until told to stop.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        listening = _listen(self._settings)
        server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                http=Impatient,
                ws="none",
                log_config=None,  # node.log has set it up
                access_log=False,  # paths of searches hold patient data
                server_header=False,
                proxy_headers=True,
                forwarded_allow_ips="127.0.0.1",
                limit_concurrency=200,
                timeout_graceful_shutdown=_STOP_S,
            )
        )

        def end() -> None:
            stop.wait()
            server.should_exit = True

        threading.Thread(target=end, name="web-stop", daemon=True).start()
        host, port = listening.getsockname()[:2]
        logger.info("web page ready", address=f"http://{host}:{port}/")
        with listening:
            server.run(sockets=[listening])


def _listen(settings: Web) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(
            f"web.host {settings.host}, web.port {settings.port} cannot be listened on: "
            f"{error.strerror}; name another port, or end what listens there"
        ) from error
