"""The web page on its port, until told to stop."""

import socket
import threading

import structlog
import uvicorn
from starlette.applications import Starlette

from node.errors import ConfigError
from node.settings import Web

logger = structlog.get_logger(__name__)

_STOP_S = 5


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
