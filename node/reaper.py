"""Returns what the dead left behind: jobs and deliveries whose lease has expired."""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node import outage as outages
from node.settings import Worker
from storage import deliveries, jobs
from storage.database import Database

logger = structlog.get_logger(__name__)


class Reaper:
    """Looks for expired leases several times within the length of one."""

    def __init__(self, database: Database, settings: Worker) -> None:
        self._database = database
        self._settings = settings

    def step(self) -> int:
        """Return expired leases to their queues; tell how many there were."""
        with self._database.begin() as session:
            reaped = jobs.reap(session, self._settings.retry_delay_s) + deliveries.reap(session)
        if reaped:
            logger.warning("expired leases returned", count=reaped)
        return reaped

    def run(self, stop: threading.Event) -> None:
        """Reap until told to stop."""
        outage = outages.of_database(logger)
        while not stop.wait(self._settings.lease_s / 6):
            try:
                self.step()
            except SQLAlchemyError as error:
                outage.began(error)  # the next round finds the same leases
            else:
                outage.over()
