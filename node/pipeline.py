"""One job, from the files of a series to a report on disk with its deliveries queued.

    storage.instances -> model.volume -> model.predictor -> node.report -> node.publication
        -> node.handover

A withdrawal goes the same way, without the model. Nothing here is kept between jobs but the loaded
network. Everything up to the last transaction can be repeated: UIDs and bytes are a function of the
job row, the images, and what destinations may have of the series.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

import node
from model import volume
from model.landmark import Prediction
from node import report
from node.config import Config
from node.crops import keeping
from node.errors import SeriesUnusableError
from node.handover import Made, OvertakenError, PastChangedError, publish, withdraw
from node.headers import read_headers
from node.publication import Material, Publisher, key_of
from node.routing import destinations_for
from node.settings import Destination
from storage import instances, purged, reports
from storage.database import Database
from storage.reports import Past
from storage.tables import Job, JobKind, Series

__all__ = ["OvertakenError", "Pipeline", "Predictor"]

logger = structlog.get_logger(__name__)


class Predictor(Protocol):
    """What the pipeline asks of a localiser."""

    def predict(self, volume: volume.Volume) -> Prediction:
        """Answer the ten landmarks of one volume."""
        ...


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
        self._publisher = Publisher(database, self._folder)

    def run(self, job: Job) -> None:
        """Run a claimed job to its success.

        Raises:
            SeriesUnusableError, model.volume.VolumeError: trying again would not help.
            OvertakenError: the series changed since the job was queued.
            storage.jobs.LeaseLostError: another worker has the job by now.
        """
        if job.kind == JobKind.WITHDRAWAL:
            self._withdraw(job)
        else:
            self._localise(job)

    def _localise(self, job: Job) -> None:
        watch = Stopwatch()
        source = self._source(job)
        with watch.step("read"):
            headers = read_headers(source.paths)
            scan = volume.load(source.paths)
        with watch.step("predict"):
            prediction = self._predictor.predict(scan)
        with watch.step("report"):
            context = self._context(job, scan.content_digest)
            answer = report.answer(prediction, headers, context)
        with watch.step("keep"):
            crops = keeping.keep(self._folder, self._config.crops, scan, answer.prediction, headers)
        material = Material(headers, context, scan)
        destinations = self._destinations(source)

        def attempt(past: Past) -> None:
            final = key_of(answer, past)
            with watch.step("report"):
                pieces = self._publisher.of_answer(final, material, past, destinations)
            made = Made(pieces, past, watch.seconds, crops)
            limit = self._config.delivery.reports_per_series_per_day
            with self._database.begin() as session:
                publish(session, job, final, made, limit)

        self._until_settled(job, attempt)

    def _withdraw(self, job: Job) -> None:
        watch = Stopwatch()
        source = self._source(job)
        with watch.step("read"):
            headers = read_headers(source.paths)
        material = Material(headers, self._context(job, ""))
        destinations = self._destinations(source)

        def attempt(past: Past) -> None:
            with watch.step("report"):
                pieces = self._publisher.of_withdrawal(
                    job.reason or "", material, past, destinations
                )
            with self._database.begin() as session:
                withdraw(session, job, Made(pieces, past, watch.seconds))

        self._until_settled(job, attempt)

    def _until_settled(self, job: Job, attempt: Callable[[Past], None]) -> None:
        """Build on what is known of the past, and again while deliveries change that.

        Each delivery changes it once, so this ends.
        """
        while True:
            with self._database.read() as session:
                past = reports.past(session, job.series_id)
            try:
                attempt(past)
            except PastChangedError:
                logger.info("a delivery was faster; built anew", job=job.id)
            else:
                return

    def _source(self, job: Job) -> Source:
        with self._database.read() as session:
            if session.get_one(Series, job.series_id).revision != job.series_revision:
                raise OvertakenError
            rows = instances.current_instances(session, job.series_id)
            lack = purged.lack(session, job.series_id)
        if lack:
            raise SeriesUnusableError(f"{lack}, then retry this job")
        if not rows:
            raise SeriesUnusableError(
                "the series has no current instance; its files were removed or are held"
            )
        return Source(
            paths=tuple(self._folder / row.path for row in rows),
            calling_ae_titles=frozenset(row.calling_ae_title for row in rows),
        )

    def _destinations(self, source: Source) -> list[Destination]:
        return destinations_for(source.calling_ae_titles, self._config.destinations)

    def _context(self, job: Job, content_digest: str) -> report.ReportContext:
        return report.ReportContext(
            content_digest=content_digest,
            config_digest=self._config.report_digest,
            created_at=job.created_at.astimezone(),  # ContentTime is local time
            software_version=node.__version__,
        )
