"""Sends the trail to a collector, from where it stopped: nothing is lost while that is away."""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node import status
from node.audit import message
from node.audit.message import Source
from node.audit.settings import Audit
from node.audit.syslog import Collector, CollectorError, line
from node.backoff import backoff_s
from storage import subjects, trail
from storage.database import Database

logger = structlog.get_logger(__name__)

_BATCH = 200


class Forwarder:
    """Sends what no collector has, oldest first, in a thread of its own.

    A batch is marked after the collector has read it; a node that is killed in between sends it
    once more. Two nodes on one database may each send a line.
    """

    def __init__(self, database: Database, settings: Audit, source: Source) -> None:
        self._database = database
        self._settings = settings
        self._source = source
        self._collector = Collector(settings.syslog)
        self._failures = 0

    def step(self) -> int:
        """Send one batch; how many lines of the trail it had.

        Raises:
            CollectorError: it was not taken; nothing is marked.
        """
        with self._database.read() as session:
            actions = trail.to_forward(session, _BATCH)
            found = subjects.of_actions(session, actions)
        if not actions:
            return 0
        self._collector.send(
            [
                line(
                    action.at,
                    self._source.host,
                    message.write(action, found.get(action.id), self._source),
                )
                for action in actions
            ]
        )
        with self._database.begin() as session:
            trail.forwarded(session, [action.id for action in actions])
        return len(actions)

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; without a collector the trail stays in the database."""
        if not self._settings.syslog.host:
            return
        while not stop.is_set():
            if self._sent() < _BATCH:
                stop.wait(self._delay_s())

    def _sent(self) -> int:
        try:
            count = self.step()
        except CollectorError as error:
            self._failures += 1
            if self._failures == 1:  # the log says once that it is away, not every five seconds
                logger.error("audit messages not taken", reason=str(error))
            return 0
        except SQLAlchemyError as error:
            logger.warning("database not usable", reason=status.reason(error))
            return 0
        except Exception as error:
            # The boundary of the thread: the next round tries the same lines again.
            self._failures += 1
            logger.error(
                "audit messages not sent",
                error=type(error).__name__,
                reason=status.reason(error),
                origin=status.origin(error),
            )
            return 0
        if self._failures:
            logger.info("audit messages taken again", count=count)
        self._failures = 0
        return count

    def _delay_s(self) -> float:
        if not self._failures:
            return self._settings.poll_s
        return backoff_s(self._failures, self._settings.poll_s, self._settings.retry_delay_max_s)
