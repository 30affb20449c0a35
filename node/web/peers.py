"""Are the destinations there? Asked by C-ECHO, at most once a minute, however many look."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from node import scu
from node.config import Config
from node.errors import PeerError
from node.peer import Peer
from node.settings import Destination

_KEPT_S: Final = 60.0
_TIMEOUT_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class PeerState:
    """What a destination answered."""

    name: str
    address: str
    up: bool
    detail: str


class PeerStates:
    """Asks all destinations at once, and remembers the answers for a while."""

    def __init__(self, config: Config) -> None:
        self._destinations = config.destinations
        self._calling_ae_title = config.node.ae_title
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._states: list[PeerState] = []

    def ask(self) -> list[PeerState]:
        """Give the state of every destination, in their order."""
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked > _KEPT_S:
                with ThreadPoolExecutor(8) as pool:
                    self._states = list(pool.map(self._state, self._destinations))
                self._asked = time.monotonic()
            return self._states

    def _state(self, destination: Destination) -> PeerState:
        address = f"{destination.ae_title} at {destination.host}:{destination.port}"
        peer = Peer(
            destination.ae_title,
            destination.host,
            destination.port,
            self._calling_ae_title,
            _TIMEOUT_S,
            destination.tls,
        )
        try:
            scu.echo(peer)
        except PeerError as error:
            return PeerState(destination.name, address, False, str(error))
        return PeerState(destination.name, address, True, "answers C-ECHO")
