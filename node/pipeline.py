"""One job, from the files of a series to a report on disk with its deliveries queued.

    storage.instances -> model.volume -> model.predictor -> node.report -> storage.reports

Nothing here is kept between jobs but the loaded network. Everything up to the last transaction
can be repeated: the report's UID and bytes are a function of the job row and the images.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import structlog
from pydicom import Dataset
from sqlalchemy.orm import Session

import node
from model import volume
from model.landmark import Prediction
from node import report
from node.config import Config, Destination
from node.errors import SeriesUnusableError
from node.headers import read_headers
from node.routing import destinations_for
from storage import deliveries, instances, jobs, reports
from storage.database import Database, now
from storage.tables import DeliveryState, Job, Report, Series

logger = structlog.get_logger(__name__)


class Predictor(Protocol):
    """What the pipeline asks of a localiser."""

    def predict(self, volume: volume.Volume) -> Prediction:
        """Answer the ten landmarks of one volume."""
        ...


class OvertakenError(Exception):
    """The series changed while the job ran: its result would describe what no longer is."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds per named step of one job."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; a step that fails is timed too."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made: the report, where it lies below the storage folder, who sent its source."""

    made: reports.NewReport
    path: str
    calling_ae_titles: frozenset[str]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Source:
    """What a job works on, read in one transaction."""

    paths: tuple[Path, ...]
    calling_ae_titles: frozenset[str]


class Pipeline:
    """Runs jobs one after the other with one loaded predictor."""

    def __init__(self, database: Database, config: Config, predictor: Predictor) -> None:
        self._database = database
        self._config = config
        self._predictor = predictor
        self._folder = config.storage.folder

    def run(self, job: Job) -> None:
        """Run a claimed job to its success.

        Raises:
            SeriesUnusableError, model.volume.VolumeError: trying again would not help.
            OvertakenError: the series changed since the job was queued.
            storage.jobs.LeaseLostError: another worker has the job by now.
        """
        watch = Stopwatch()
        source = self._source(job)
        with watch.step("read"):
            headers = read_headers(source.paths)
            scan = volume.load(source.paths)
        with watch.step("predict"):
            prediction = self._predictor.predict(scan)
        with watch.step("report"):
            made = self._report(job, prediction, headers, scan.content_digest)
        with watch.step("keep"):
            path = self._keep(made)
        with self._database.begin() as session:
            result = Result(made, path, source.calling_ae_titles, watch.seconds)
            self._hand_over(session, job, result)

    def _source(self, job: Job) -> Source:
        with self._database.read() as session:
            if session.get_one(Series, job.series_id).revision != job.series_revision:
                raise OvertakenError
            rows = instances.current_instances(session, job.series_id)
        if not rows:
            raise SeriesUnusableError(
                "the series has no current instance; its files were removed or are held"
            )
        return Source(
            paths=tuple(self._folder / row.path for row in rows),
            calling_ae_titles=frozenset(row.calling_ae_title for row in rows),
        )

    def _report(
        self, job: Job, prediction: Prediction, headers: Sequence[Dataset], content_digest: str
    ) -> reports.NewReport:
        context = report.ReportContext(
            content_digest=content_digest,
            config_digest=self._config.report_digest,
            created_at=job.created_at.astimezone(),  # ContentTime is local time
            software_version=node.__version__,
        )
        return report.build(prediction, headers, context)

    def _keep(self, made: reports.NewReport) -> str:
        """Write the report unless this very object was made before: it is written once.

        Raises:
            SeriesUnusableError: it was made before, its file is lost, and cannot be made again as
                it was: its times were those of another job.
        """
        with self._database.read() as session:
            existing = reports.by_uid(session, made.sop_instance_uid)
        if existing is None:
            return reports.write(self._folder, made)
        if not (self._folder / existing.path).is_file():
            if hashlib.sha256(made.data).hexdigest() != existing.sha256:
                raise SeriesUnusableError(
                    f"the file {existing.path} of this report is lost; restore it, or retry job "
                    f"{existing.job_id}, which made it"
                )
            reports.write(self._folder, made)
        return existing.path

    def _hand_over(self, session: Session, job: Job, result: Result) -> None:
        """Put report, deliveries and success into one transaction (hand-over 4 of the design)."""
        # Locked in the order in which an arriving instance locks: the series, then its jobs.
        series = session.get_one(Series, job.series_id, with_for_update=True)
        jobs.succeed(session, job.id, job.fencing_token, result.seconds)
        if series.revision != job.series_revision:
            raise OvertakenError
        earlier = reports.recent(session, job.series_id, since=now(session) - timedelta(days=1))
        row = reports.add(session, job, result.made, result.path)
        jobs.record(session, job, "report", f"{row.located} of 10 located, {row.sop_instance_uid}")
        for destination in destinations_for(result.calling_ae_titles, self._config.destinations):
            self._queue(session, row, destination, earlier)

    def _queue(self, session: Session, row: Report, destination: Destination, earlier: int) -> None:
        limit = self._config.delivery.reports_per_series_per_day
        if destination.shadow:
            deliveries.enqueue(session, row, destination.name, DeliveryState.SHADOW)
        elif earlier >= limit:
            sentence = (
                f"held: this series already got {earlier} reports within 24 hours, at most "
                f"{limit} are sent; look for a loop, then `foramina deliveries retry`"
            )
            deliveries.enqueue(session, row, destination.name, DeliveryState.HELD, sentence)
            logger.error(
                "delivery held", destination=destination.name, report=row.id, earlier=earlier
            )
        else:
            deliveries.enqueue(session, row, destination.name)
