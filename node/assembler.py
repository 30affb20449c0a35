"""Complete series that have gone quiet, and judge them.

Everything is read from the database at every step, nothing is kept in memory, so a restart forgets
nothing: a series that was complete but not judged when the process died is judged by the next one.

Files are read and judged outside of a write transaction, because receiving must not wait for it;
the decision is written only if the series is still as it was read (`StaleSeriesError` otherwise).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from node import config
from node.errors import SeriesUnusableError
from node.filters import Decision, FilterSet
from node.filters.attributes import ATTRIBUTES
from node.headers import read_headers
from storage import instances, reports, series
from storage.database import Database, now
from storage.series import StaleSeriesError
from storage.tables import Series

logger = structlog.get_logger(__name__)

OWN_OBJECT = "made by this node; never processed"
_BATCH = 100
_DATABASE_AWAY = (InterfaceError, OperationalError, PoolTimeoutError)
"""Trying again later can help; any other refusal of the database would repeat."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What judging needs of a series, read in one transaction."""

    row: Series
    paths: tuple[Path, ...]
    disagreements: tuple[str, ...]
    own: bool


class Assembler:
    """Moves series from receiving to complete, and on to accepted, rejected or held.

    Several may run at once on one database: every decision is guarded by the series' revision.
    """

    def __init__(
        self,
        database: Database,
        storage_folder: Path,
        filter_set: FilterSet,
        settings: config.Assembler,
        max_attempts: int,
    ) -> None:
        """Keep what it works with; `max_attempts` is how often a queued job may be tried."""
        self._database = database
        self._folder = storage_folder
        self._filter_set = filter_set
        self._settings = settings
        self._max_attempts = max_attempts

    def run(self, stop: threading.Event) -> None:
        """Step until told to stop; a database that is away is waited for."""
        while not stop.is_set():
            try:
                moved = self.step()
            except SQLAlchemyError:
                logger.exception("database not usable")  # the next round finds the same rows
                moved = 0
            if not moved:
                stop.wait(self._settings.poll_s)

    def step(self) -> int:
        """Complete what is quiet and judge what is complete; tell how many series moved."""
        with self._database.read() as session:
            waiting = series.quiet(session, self._settings.stable_age_s, _BATCH)
        moved = sum(self._guarded(row, self._complete) for row in waiting)
        with self._database.read() as session:
            unjudged = series.unjudged(session, _BATCH)
        return moved + sum(self._guarded(row, self._judge) for row in unjudged)

    def _guarded(self, row: Series, act: Callable[[Series], None]) -> bool:
        """Act on one series so that, whatever it holds, the others are not blocked.

        Broad, as every engine loop: a series that meets a fault nobody thought of is held with the
        fault's name, where an administrator finds it, instead of failing again every second.
        """
        uid = row.series_instance_uid
        try:
            act(row)
        except StaleSeriesError:
            logger.info("series changed while it was judged", series_instance_uid=uid)
            return False
        except _DATABASE_AWAY:
            logger.exception("database not usable", series_instance_uid=uid)
            return False
        except Exception as error:
            logger.exception("series not judged", series_instance_uid=uid)
            return self._hold(
                row,
                f"it could not be judged ({type(error).__name__}); expected a decision: look for "
                "its SeriesInstanceUID in the log",
            )
        return True

    def _complete(self, row: Series) -> None:
        """Close a quiet series, with the evidence for it."""
        with self._database.begin() as session:
            series.complete(session, row, {"pieces": [self._quiet(session, row)]})
        logger.info("series complete", series_instance_uid=row.series_instance_uid)

    def _quiet(self, session: Session, row: Series) -> dict[str, Any]:
        """Give the evidence of silence, one piece of evidence for completeness."""
        return {
            "rule": "quiet",
            "quiet_s": round((now(session) - row.last_received_at).total_seconds(), 3),
            "stable_age_s": self._settings.stable_age_s,
            "instances": len(instances.current_instances(session, row.id)),
        }

    def _judge(self, row: Series) -> None:
        """Hold, reject or accept a complete series."""
        files = self._files(row)
        if files.disagreements:
            self._write_hold(row, f"its instances disagree: {'; '.join(files.disagreements)}")
            return
        try:
            headers = read_headers(files.paths)
        except SeriesUnusableError as error:
            self._write_hold(row, str(error))
            return
        if files.own or ATTRIBUTES["OwnObject"].compute(headers).value is True:
            self._reject(row, OWN_OBJECT, _own_verdict(len(headers)))
            return
        decision = self._filter_set.judge(headers)
        if decision.accepted:
            self._accept(row, decision)
        else:
            self._reject(row, decision.summary, decision.verdict)

    def _files(self, row: Series) -> _Files:
        with self._database.read() as session:
            current = instances.current_instances(session, row.id)
            return _Files(
                row,
                tuple(self._folder / instance.path for instance in current),
                tuple(series.disagreements(session, row.id)),
                any(reports.is_own(session, instance.sop_instance_uid) for instance in current),
            )

    def _accept(self, row: Series, decision: Decision) -> None:
        with self._database.begin() as session:
            job = series.accept(session, row, decision.verdict, self._max_attempts)
            job_id = job.id
        logger.info("series accepted", series_instance_uid=row.series_instance_uid, job_id=job_id)

    def _reject(self, row: Series, reason: str, verdict: dict[str, Any]) -> None:
        with self._database.begin() as session:
            series.reject(session, row, reason, verdict)
        failed = _failed(verdict.get("rules", ()))
        logger.info(
            "series rejected", series_instance_uid=row.series_instance_uid, failed_rules=failed
        )

    def _hold(self, row: Series, reason: str) -> bool:
        """Hold a series after a fault; False when even that is refused."""
        try:
            self._write_hold(row, reason)
        except (StaleSeriesError, SQLAlchemyError):
            logger.exception("series not held", series_instance_uid=row.series_instance_uid)
            return False
        return True

    def _write_hold(self, row: Series, reason: str) -> None:
        with self._database.begin() as session:
            series.hold(session, row, reason)
        logger.warning("series held", series_instance_uid=row.series_instance_uid)


def _own_verdict(count: int) -> dict[str, Any]:
    """Give the verdict on an object of our own, in the form of a filter set's."""
    rule = {
        "attribute": "OwnObject",
        "operator": "equals",
        "expected": False,
        "received": [{"value": True, "instances": count}],
        "source": "SOPInstanceUID, Manufacturer",
        "passed": False,
        "reason": OWN_OBJECT,
    }
    return {"filter_set": "", "accepted": False, "instances": count, "rules": [rule]}


def _failed(rules: Sequence[dict[str, Any]]) -> list[str]:
    """Name the failed rules by attribute and operator, without received values."""
    return [f"{rule['attribute']} {rule['operator']}" for rule in rules if not rule["passed"]]
