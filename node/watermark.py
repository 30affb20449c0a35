"""The disk watermark: instances are refused before the disk is full, not after.

A full disk also stops the database, the reports and the log; a sender that is told 0xA700 keeps
its images and comes again.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from node.settings import Storage

logger = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 1.0
_RELEASE: Final = 10
"""With a tenth more than the limit instances are taken again: no to and fro at it."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the disk of the storage folder, and what must be, in bytes."""

    free_bytes: int
    limit_bytes: int

    @classmethod
    def of(cls, storage: Storage) -> "Room":
        """Ask the disk.

        Raises:
            OSError: the folder cannot be asked about.
        """
        usage = shutil.disk_usage(storage.folder)
        limit = max(storage.minimum_free_bytes, int(storage.minimum_free_share * usage.total))
        return cls(usage.free, limit)

    @property
    def is_low(self) -> bool:
        """Tell whether too little is free."""
        return self.free_bytes < self.limit_bytes


class Watermark:
    """Tells, for one process and all its threads, whether the disk is too full to receive."""

    def __init__(
        self,
        storage: Storage,
        ask: Callable[[Storage], Room] = Room.of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet; `ask` and `clock` are replaced in tests."""
        self._storage = storage
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked = float("-inf")
        self._low = False
        self.reason = "disk: less free than storage.minimum_free"
        """For the log and the sender, who learns no sizes."""

    def is_low(self) -> bool:
        """Tell whether instances are to be refused; asks the disk at most once a second.

        Raises:
            OSError: the disk cannot be asked.
        """
        with self._lock:
            now = self._clock()
            if now - self._asked >= _LOOK_AGAIN_S:
                self._judge(self._ask(self._storage))
                self._asked = now
            return self._low

    def _judge(self, room: Room) -> None:
        before = self._low
        margin = room.limit_bytes // _RELEASE if before else 0
        self._low = room.free_bytes < room.limit_bytes + margin
        if self._low == before:
            return
        log = logger.bind(free_bytes=room.free_bytes, minimum_free_bytes=room.limit_bytes)
        if self._low:
            log.error("disk almost full: instances are refused with 0xA700 until space is freed")
        else:
            log.info("disk has room again: instances are received")
