"""One receiving process: a listener on a socket that others share, and a journal of its own.

Joined here and not in `node.app`, because this process must not load what that one does: it opens
no database, and stays small. How it lives: docs/explanation/receiving.md.
"""

import gc
import socket
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import structlog
from pynetdicom import evt

from node.config import Config
from node.receiver.contexts import storage_commitment
from node.receiver.keeper import JournalKeeper
from node.receiver.tally import Tally
from node.scp import StorageScp
from node.watermark import Watermark
from storage.journal import Writer

logger = structlog.get_logger(__name__)

JOURNAL: Final = "journal"
"""The folder of the journal, below `storage.folder`; as `node.filer` has it."""


class ReceivingProcess:
    """Receives until told to stop."""

    def __init__(self, config: Config, descriptor: int, name: str, row: int) -> None:
        """Prepare.

        Args:
            config: of the node.
            descriptor: of the listening socket.
            name: of this process, unique for ever: its segments and associations bear it.
            row: where this process counts in the tally.

        Raises:
            OSError: the storage folder cannot be used.
            ConfigError: a certificate cannot be used.
        """
        folder = config.storage.folder
        self._name = name
        self._socket = socket.socket(fileno=descriptor)
        self._tally = Tally.open(folder)
        self._row = self._tally.row(row)
        self._writer = Writer(folder / JOURNAL, name, limit_bytes=config.receiver.backlog_bytes)
        self._scp = StorageScp(
            config.node,
            JournalKeeper(self._writer),
            path=config.receiver.path,
            tls=config.tls,
            name=name,
            tally=self._row,
            watermark=Watermark(config.storage),
            services=_commitment(config.storage.url),
            service_contexts=[storage_commitment()],
        )

    def run(self, stop: threading.Event) -> None:
        """Receive until told to stop; what was acknowledged is in the journal."""
        # What is loaded by now stays: collecting the garbage of associations need not look at it.
        gc.collect()
        gc.freeze()
        self._scp.start(self._socket)
        self._row.listens()
        logger.info("receiving", receiver=self._name)
        stop.wait()
        self._scp.stop()
        self._writer.close()
        # The tally stays open: an association that ends only now still counts itself out.


def _commitment(database_url: str) -> list[tuple[evt.EventType, Callable[[evt.Event], Any]]]:
    """Make the handlers of storage commitment, whose answers may come at any time.

    They and the database are loaded for the first of these messages, if ever one comes: they
    take as much memory as everything else that this process holds.
    """

    @cache
    def handlers() -> dict[evt.EventType, Callable[[evt.Event], Any]]:
        from node import commitment
        from storage.database import Database

        database = Database(database_url)
        return dict(commitment.handlers(lambda: database))

    def handle(event: evt.Event) -> Any:
        return handlers()[event.event](event)

    return [(evt.EVT_N_EVENT_REPORT, handle), (evt.EVT_N_ACTION, handle)]
