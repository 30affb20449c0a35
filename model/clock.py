"""Measuring the steps of one prediction, and telling how far each is."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, float], None]
"""Called with the name of a step and the share of it that is done."""


class Clock:
    """Measures steps; the seconds of a step that comes again are added up.

    Attributes:
        seconds: step to its time.
    """

    def __init__(self, report: Report | None = None) -> None:
        """Begin with no step; `report` is told of each."""
        self.seconds: dict[str, float] = {}
        self._report = report

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a step; gives what its progress is reported to."""
        began = time.perf_counter()
        self._tell(name, 0.0)
        yield lambda share: self._tell(name, share)
        took = time.perf_counter() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 4)
        self._tell(name, 1.0)

    def _tell(self, name: str, share: float) -> None:
        if self._report is not None:
            self._report(name, share)
