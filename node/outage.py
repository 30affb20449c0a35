"""Something that a loop needs is away: told once when it goes, and once when it is back.

A loop looks again every second or so, and an outage may last for days.
"""

from typing import Any, Final

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from node import status

PASSING: Final = (OSError, InterfaceError, OperationalError, PoolTimeoutError)
"""What goes by itself, or when a disk or a server is looked after; anything else is a bug."""


class Outage:
    """What one loop has told of; not safe between threads."""

    def __init__(self, logger: Any, away: str, back: str) -> None:
        """Begin with everything there.

        Args:
            logger: of the loop.
            away: the event that is logged when it goes.
            back: the event that is logged when it is back.
        """
        self._logger = logger
        self._away = away
        self._back = back
        self.lasts = False

    def began(self, error: Exception) -> None:
        """Tell why, unless that is told; with a traceback where waiting will not help."""
        if not self.lasts:
            if isinstance(error, PASSING):
                self._logger.error(self._away, reason=" ".join(status.reason(error).split()))
            else:
                self._logger.error(self._away, error=type(error).__name__, exc_info=error)
        self.lasts = True

    def over(self) -> None:
        """Tell that it is over, if it was."""
        if self.lasts:
            self._logger.info(self._back)
        self.lasts = False


def of_database(logger: Any) -> Outage:
    """Make one for a loop that needs nothing but the database."""
    return Outage(logger, "database not usable", "database usable again")
