"""The figures, counted once for all who look, and the less often the longer counting takes."""

import threading
import time
from typing import Final

from storage import figures
from storage.database import Database
from storage.figures import Figures

_KEPT_S: Final = 5.0
_SHARE: Final = 20.0
"""Of the time, at most one part in so many is spent on counting: a million rows take a while."""


class Counts:
    """Gives figures of a few seconds ago at the worst."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._figures: Figures | None = None
        self._until = 0.0

    def get(self) -> Figures:
        """Give the figures; counts when those at hand are too old.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        with self._lock:
            begun = time.monotonic()
            if self._figures is None or begun > self._until:
                with self._database.read() as session:
                    self._figures = figures.figures(session)
                ended = time.monotonic()
                self._until = ended + max(_KEPT_S, _SHARE * (ended - begun))
            return self._figures
