"""The end of a test session: whatever hangs there is named, and does not hold the suite.

pytest-timeout watches tests. After the last one, a fixture of the whole session or a thread that
does not end would keep a process for ever, with every result known.
"""

import faulthandler
import os
import sys
import threading
import time
from typing import Final

LAST_TEARDOWN_S: Final = 240.0
"""Longer than any fixture of a session takes to stop what it started."""
EXIT_S: Final = 120.0
"""From the end of a session to the end of its process."""


def guard(seconds: float, status: int, what: str) -> threading.Event:
    """End this process after so many seconds, unless the event that is given is set before.

    The stack of every thread is written to standard error first.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(over, seconds, status, what), daemon=True).start()
    return over


def _watch(over: threading.Event, seconds: float, status: int, what: str) -> None:
    if over.wait(seconds):
        return
    sys.__stderr__.write(f"\n{what} is not over after {seconds:.0f} s; the process is ended\n")
    sys.__stderr__.flush()
    faulthandler.dump_traceback(sys.__stderr__, all_threads=True)
    threading.Thread(target=sys.stdout.flush, daemon=True).start()  # it may be what hangs
    time.sleep(1.0)
    os._exit(status)
