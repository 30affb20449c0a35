"""Is the node ready? Asked at most every few seconds, however many ask: anybody may."""

import threading
import time
from typing import Final

from node import health
from node.config import Config
from node.health import Check

_KEPT_S: Final = 5.0


class Readiness:
    """Asks port, database and disk, and remembers the answers for a while."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._asked: float | None = None
        self._checks: list[Check] = []

    def checks(self) -> list[Check]:
        """Give the answers, of a few seconds ago at the worst."""
        with self._lock:
            if self._asked is None or time.monotonic() - self._asked > _KEPT_S:
                self._checks = health.checks(self._config)
                self._asked = time.monotonic()
            return self._checks
