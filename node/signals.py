"""What ends a long-running command: SIGTERM, SIGINT, and the death of its supervisor."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from types import FrameType


@contextlib.contextmanager
def stopping_on_signals(*, supervised: bool = False) -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal acts as it does by default.

    A signal may come while the main thread holds the lock of the event, in which case setting it
    from the handler would wait for ever: a thread sets it, and the handler only wakes that thread.

    Args:
        supervised: standard input is the pipe of a supervisor, whose end sets the event as well.
    """
    stop = threading.Event()
    woken: SimpleQueue[bool] = SimpleQueue()  # its put() may be called by a signal handler

    def stop_when_woken() -> None:
        if woken.get():
            stop.set()

    waiting = threading.Thread(target=stop_when_woken, name="signals", daemon=True)
    waiting.start()
    if supervised:
        threading.Thread(target=_stop_at_end_of_input, args=(stop,), daemon=True).start()

    def handle(number: int, _frame: FrameType | None) -> None:
        woken.put(True)
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        woken.put(False)
        waiting.join()


def _stop_at_end_of_input(stop: threading.Event) -> None:
    """Stop at the end of the pipe that the supervisor holds: it means that it died."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    stop.set()
