"""Wrong passwords: after a few, who tries has to wait, twice as long each time."""

import threading
import time
from dataclasses import dataclass
from typing import Final

FREE: Final = {"host": 5, "person": 20}
"""So many failures cost nothing; of one person more, lest anybody can lock somebody out."""
FIRST_S: Final = 30.0
LONGEST_S: Final = 900.0
FORGOTTEN_S: Final = 3600.0
LIMIT: Final = 10_000


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last: float = 0.0


class Throttle:
    """Counts wrong passwords by host and by person."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, str], _Failures] = {}

    def begin(self, host: str, person: str) -> float:
        """Tell how long to wait before a password is looked at; 0: it is looked at now.

        It counts as wrong until `succeeded` says otherwise: looking takes a while, and who sends
        many at once must not have all of them looked at before the first is known to be wrong.
        """
        moment = time.monotonic()
        with self._lock:
            wait_s = max(self._wait_s(key, moment) for key in _keys(host, person))
            if not wait_s:
                self._forget(moment)
                for key in _keys(host, person):
                    found = self._failures.setdefault(key, _Failures())
                    found.count += 1
                    found.last = moment
            return wait_s

    def succeeded(self, host: str, person: str) -> None:
        """Forget the failures behind a right password."""
        with self._lock:
            for key in _keys(host, person):
                self._failures.pop(key, None)

    def _wait_s(self, key: tuple[str, str], moment: float) -> float:
        found = self._failures.get(key)
        beyond = found.count - FREE[key[0]] if found else -1
        if found is None or beyond < 0:
            return 0.0
        penalty_s = min(FIRST_S * 2.0 ** min(beyond, 20), LONGEST_S)
        return max(0.0, found.last + penalty_s - moment)

    def _forget(self, moment: float) -> None:
        old = [key for key, each in self._failures.items() if moment - each.last > FORGOTTEN_S]
        for key in old:
            del self._failures[key]
        while len(self._failures) >= LIMIT:
            del self._failures[next(iter(self._failures))]


def _keys(host: str, person: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("host", host), ("person", person[:64])
