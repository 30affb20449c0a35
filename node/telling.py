"""What leaves the node besides reports: notices to people, audit messages to a collector."""

import threading
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node import status
from node.audit import start
from node.audit.forward import Forwarder
from node.config import Config
from node.notices.loop import NoticeLoop, channels
from node.notices.watch import Watch, answers_echo
from storage.database import Database

logger = structlog.get_logger(__name__)

_STOP_S: Final = 5.0


class Telling:
    """Runs both in threads of their own; whatever becomes of them, images are received."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database = database
        self._config = config
        self._stop = threading.Event()
        settings, ae_title = config.notifications, config.node.ae_title
        watch = Watch(
            database,
            config.storage.folder,
            settings,
            config.destinations,
            answers=answers_echo(ae_title),
        )
        notices = NoticeLoop(database, settings, watch, ae_title, channels(settings))
        forwarder = Forwarder(database, config.audit, start.source(config))
        # Daemons: a mail server or a name server that hangs cannot be interrupted.
        self._threads = [
            threading.Thread(target=notices.run, args=(self._stop,), name="notices", daemon=True),
            threading.Thread(target=forwarder.run, args=(self._stop,), name="audit", daemon=True),
        ]

    def start(self) -> None:
        """Add the start to the audit trail, and begin to tell."""
        start.started(self._database, self._config)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Add the stop to the audit trail, and end soon; what was not told stays queued."""
        try:
            start.stopped(self._database)
        except SQLAlchemyError as error:
            logger.warning("the stop is not in the audit trail", reason=status.reason(error))
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)
