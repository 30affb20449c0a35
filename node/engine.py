"""The worker's loop: claim a job, keep its lease, run it, record how it ended.

`Engine` is the seam for other ways of getting work to workers: whatever wakes a worker, the claim
in the job table alone decides who runs a job.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model.volume import VolumeError
from node import outage as outages
from node.backoff import backoff_s
from node.errors import SeriesUnusableError
from node.outage import Outage
from node.pipeline import OvertakenError, Pipeline
from node.settings import Worker
from storage import jobs
from storage.database import Database
from storage.tables import Job, JobState

_ENDING_S: Final = 2.0  # at most, from the last transaction of a job to the end of its heartbeat

logger = structlog.get_logger(__name__)


class Engine:
    """Takes jobs from the table and runs them, one at a time."""

    def __init__(
        self, database: Database, pipeline: Pipeline, settings: Worker, worker: str
    ) -> None:
        self._database = database
        self._pipeline = pipeline
        self._settings = settings
        self._worker = worker

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; a running job is finished first."""
        logger.info("worker ready", worker=self._worker)
        outage = outages.of_database(logger.bind(worker=self._worker))
        while not stop.is_set():
            try:
                busy = self.step()
            except SQLAlchemyError as error:
                outage.began(error)  # the worker waits for it to come back
                busy = False
            else:
                outage.over()
            if not busy:
                stop.wait(self._settings.poll_s)

    def step(self) -> bool:
        """Run one job if there is one; tell whether there was."""
        with self._database.begin() as session:
            job = jobs.claim(session, self._worker, self._settings.lease_s)
        if job is None:
            return False
        log = logger.bind(job=job.id, series=job.series_id, attempt=job.attempts)
        log.info("job started")
        with self._heartbeat(job):
            self._run(job, log)
        return True

    def _run(self, job: Job, log: structlog.stdlib.BoundLogger) -> None:
        try:
            self._pipeline.run(job)
            log.info("job succeeded")
        except OvertakenError:
            self._cancel(job, "overtaken: the series changed after the job was queued")
            log.info("job overtaken")
        except jobs.LeaseLostError:
            log.warning("lease lost; another worker has the job")
        except (SeriesUnusableError, VolumeError) as error:
            self._fail(job, str(error), retry=False)
            log.warning("job failed", reason=str(error))
        except Exception as error:
            # The boundary of a job: whatever went wrong becomes its record, and it is tried again.
            self._fail(job, f"{type(error).__name__}: {error}", retry=True)
            log.exception("job attempt failed")

    def _cancel(self, job: Job, reason: str) -> None:
        with self._database.begin() as session:
            current = jobs.get(session, job.id)
            # A correction cancels the open jobs of its series itself.
            if (
                current
                and current.state == JobState.RUNNING
                and current.fencing_token == job.fencing_token
            ):
                jobs.cancel(session, job.id, reason)

    def _fail(self, job: Job, error: str, *, retry: bool) -> None:
        delay_s = backoff_s(
            job.attempts, self._settings.retry_delay_s, self._settings.retry_delay_max_s
        )
        try:
            with self._database.begin() as session:
                jobs.fail(session, job.id, job.fencing_token, error, retry=retry, delay_s=delay_s)
        except jobs.LeaseLostError:
            logger.warning("lease lost before the failure was recorded", job=job.id)

    @contextmanager
    def _heartbeat(self, job: Job) -> Iterator[None]:
        """Renew the lease in a thread of its own while the block runs."""
        done = threading.Event()

        outage = Outage(logger.bind(job=job.id), "heartbeat missed", "heartbeat goes on")

        def beat() -> None:
            while not done.wait(self._settings.heartbeat_s):
                try:
                    with self._database.begin() as session:
                        held = jobs.heartbeat(
                            session, job.id, job.fencing_token, self._settings.lease_s
                        )
                except SQLAlchemyError as error:
                    outage.began(error)  # no failure: the lease outlives several missed beats
                    continue
                outage.over()
                if not held:
                    # Where the job has just ended by itself, there is nothing left to lose.
                    if not done.wait(_ENDING_S):
                        logger.warning("lease lost", job=job.id)
                    return

        thread = threading.Thread(target=beat, name=f"heartbeat-{job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
