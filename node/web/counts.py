"""The figures, counted once for all who look, and the less often the longer counting takes."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from storage import figures
from storage.database import Database
from storage.figures import Figures

_KEPT_S: Final = 5.0
_SHARE: Final = 20.0
"""Of the time, at most one part in so many is spent on counting: a million rows take a while."""


class Counts:
    """Gives figures of a few seconds ago at the worst, or, to who cannot wait, older ones."""

    def __init__(self, database: Database, patience_s: float = 0.2) -> None:
        """Count nothing yet.

        Args:
            database: whose rows are counted.
            patience_s: how long `soon` waits.
        """
        self._database = database
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._counter = ThreadPoolExecutor(1, thread_name_prefix="counts")
        self._counting: Future[Figures] | None = None
        self._figures: Figures | None = None
        self._until = 0.0

    def get(self) -> Figures:
        """Give the figures; counts when those at hand are too old.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        return self._counted().result()

    def soon(self) -> tuple[Figures | None, bool]:
        """Give the figures that are there in a moment, and whether they are being counted anew.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        try:
            return self._counted().result(self._patience_s), False
        except TimeoutError:
            return self._figures, True

    def _counted(self) -> Future[Figures]:
        """Give what is being counted, or was counted a moment ago."""
        with self._lock:
            known = self._counting
            if known is None or (
                known.done() and (known.exception() or time.monotonic() > self._until)
            ):
                self._counting = known = self._counter.submit(self._count)
            return known

    def _count(self) -> Figures:
        begun = time.monotonic()
        with self._database.read() as session:
            found = figures.figures(session)
        ended = time.monotonic()
        self._until = ended + max(_KEPT_S, _SHARE * (ended - begun))
        self._figures = found
        return found
