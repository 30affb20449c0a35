"""What ends a long-running command: SIGTERM, SIGINT, and the death of its supervisor."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def stopping_on_signals(*, supervised: bool = False) -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal acts as it does by default.

    Args:
        supervised: standard input is the pipe of a supervisor, whose end sets the event as well.
    """
    stop = threading.Event()
    if supervised:
        threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_at_end_of_input(stop: threading.Event) -> None:
    """Stop at the end of the pipe that the supervisor holds: it means that it died."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()
