"""Complete series that have gone quiet and lack nothing that is known of, and judge them.

Everything is read from the database at every step, nothing is kept in memory, so a restart forgets
nothing: a series that was complete but not judged when the process died is judged by the next one.

Files are read and judged outside of a write transaction, because receiving must not wait for it;
the decision is written only if the series is still as it was read (`StaleSeriesError` otherwise).
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from node import completeness
from node import outage as outages
from node.completeness import Outcome, Piece, Received, State, Weight
from node.errors import SeriesUnusableError
from node.filters import Decision, FilterSet
from node.filters.attributes import ATTRIBUTES
from node.headers import Headers, read_headers
from node.outage import Outage
from node.settings import Assembler as Settings
from storage import associations, instances, purged, reports, series
from storage.database import Database, now
from storage.series import StaleSeriesError
from storage.tables import AssociationEnding, Instance, Series

logger = structlog.get_logger(__name__)

OWN_OBJECT = "made by this node; never processed"
INCOMPLETE = "images are missing"
MENDABLE = frozenset(
    {"Frames", "SliceCount", "SlicePositions", "SliceSpacing", "SliceSpacingUniform"}
)
"""Attributes that further images can change for the better; what fails by others is final."""

Horizon = Callable[[], datetime | None]
"""Tells up to when everything that was received is in the database; None: always everything."""

Ask = Callable[[Series, int], Piece | None]
"""Asks the source of a series of which so many instances came; None: there is nobody to ask."""

_BATCH = 100
_DATABASE_AWAY = (InterfaceError, OperationalError, PoolTimeoutError)
"""Trying again later can help; any other refusal of the database would repeat."""


@dataclass(frozen=True, slots=True)
class _Files:
    """What judging needs of a series, read in one transaction."""

    row: Series
    paths: tuple[Path, ...]
    lack: str
    """Files of it were deleted; empty: none was."""
    disagreements: tuple[str, ...]
    own: bool
    received: Received


class Assembler:
    """Moves series from receiving to complete, and on to accepted, rejected or held.

    Several may run at once on one database: every decision is guarded by the series' revision.
    """

    def __init__(
        self,
        database: Database,
        storage_folder: Path,
        filter_set: FilterSet,
        settings: Settings,
        max_attempts: int,
        *,
        ask: Ask = lambda _series, _received: None,
        alive: Callable[[str], bool] = lambda _association: False,
        horizon: Horizon = lambda: None,
    ) -> None:
        """Keep what it works with.

        Args:
            database: rows.
            storage_folder: files.
            filter_set: judges what is complete.
            settings: when a series is complete.
            max_attempts: how often a queued job may be tried.
            ask: asks the source of a series.
            alive: tells whether an association of this name, which has not ended, may be open.
            horizon: tells up to when everything that was received is filed.
        """
        self._database = database
        self._folder = storage_folder
        self._filter_set = filter_set
        self._settings = settings
        self._max_attempts = max_attempts
        self._ask = ask
        self._alive = alive
        self._horizon = horizon
        self._unusable: Exception | None = None  # what the database said in this step

    def run(self, stop: threading.Event) -> None:
        """Step until told to stop; a database that is away is waited for."""
        outage = outages.of_database(logger)
        while not stop.is_set():
            moved = self._guarded_step(outage)
            if not moved:
                stop.wait(self._settings.poll_s)

    def step(self) -> int:
        """Look at what is quiet and judge what is complete; tell how many series moved."""
        settings = self._settings
        self._unusable = None
        # Asked before the rows are read: what is filed in between only makes them fresher.
        horizon = self._horizon()
        with self._database.read() as session:
            due = series.due(session, settings.stable_age_s, settings.limit_s, _BATCH, horizon)
        moved = sum(self._guarded(row, self._look) for row in due)
        with self._database.read() as session:
            unjudged = series.unjudged(session, _BATCH)
        return moved + sum(self._guarded(row, self._judge) for row in unjudged)

    def _guarded_step(self, outage: Outage) -> int:
        """Take a step; a database that is away is told once, for all series together."""
        try:
            moved = self.step()
        except SQLAlchemyError as error:
            self._unusable = error  # the next round finds the same rows
            moved = 0
        if self._unusable is None:
            outage.over()
        else:
            outage.began(self._unusable)
        return moved

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
        except _DATABASE_AWAY as error:
            self._unusable = error
            return False
        except Exception as error:
            logger.exception("series not judged", series_instance_uid=uid)
            return self._hold(
                row,
                f"it could not be judged ({type(error).__name__}); expected a decision: look for "
                "its SeriesInstanceUID in the log",
            )
        return True

    def _look(self, row: Series) -> None:
        """Close a quiet series, or let it wait, with the evidence for it."""
        files = self._files(row)
        outcome = self._outcome(row, files)
        uid = row.series_instance_uid
        if outcome.state is State.WAIT:
            new = outcome.reason != (row.evidence or {}).get("reason")
            with self._database.begin() as session:
                series.wait(session, row, outcome.evidence, outcome.look_again_s)
            if new:
                logger.info("series waits", series_instance_uid=uid, reason=outcome.reason)
            return
        with self._database.begin() as session:
            series.complete(session, row, outcome.evidence)
        logger.info("series complete", series_instance_uid=uid, state=outcome.state)

    def _outcome(self, row: Series, files: _Files) -> Outcome:
        """Weigh what is known; a series that will not be processed anyway waits for nothing."""
        received, settings = files.received, self._settings
        headers = _headers(files)
        pieces = completeness.look(received, headers, settings)
        final = self._final(headers)
        if final is not None:
            light = [replace(piece, weight=Weight.NONE) for piece in pieces]
            return completeness.conclude(received, [*light, final], settings)
        asked = self._ask(row, received.instances)
        return completeness.conclude(received, [*pieces, *([asked] if asked else [])], settings)

    def _final(self, headers: Headers) -> Piece | None:
        """Say that no further image can bring the series to be processed; None: one can."""
        if not headers:
            return Piece("filters", Weight.NONE, "it cannot be judged as it is", {})
        rules = self._filter_set.judge(headers).verdict["rules"]
        failed = {rule["attribute"] for rule in rules if not rule["passed"]}
        final = sorted(failed - MENDABLE)
        if not final:
            return None
        says = f"rejected whatever else comes: {', '.join(final)}"
        return Piece("filters", Weight.NONE, says, {"attributes": final})

    def _judge(self, row: Series) -> None:
        """Hold, reject or accept a complete series."""
        files = self._files(row)
        if files.lack:
            self._write_hold(row, files.lack)
            return
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
        missing = _missing(row)
        if decision.accepted and missing:
            self._reject(row, f"{INCOMPLETE}: {missing}.", _incomplete(decision, missing))
        elif decision.accepted:
            self._accept(row, decision)
        else:
            self._reject(row, decision.summary, decision.verdict)

    def _files(self, row: Series) -> _Files:
        horizon = self._horizon()
        with self._database.read() as session:
            current = instances.current_instances(session, row.id)
            return _Files(
                row,
                tuple(self._folder / instance.path for instance in current),
                purged.lack(session, row.id),
                tuple(series.disagreements(session, row.id)),
                any(reports.is_own(session, instance.sop_instance_uid) for instance in current),
                self._received(session, row, current, horizon),
            )

    def _received(
        self,
        session: Session,
        row: Series,
        current: Sequence[Instance],
        horizon: datetime | None,
    ) -> Received:
        moment = now(session) if horizon is None else min(now(session), horizon)
        newest = max((one.received_at for one in current), default=row.last_received_at)
        last = max(current, key=lambda one: (one.received_at, one.id), default=None)
        names = {one.association for one in current if one.association}
        ended = associations.endings(session, names)
        return Received(
            quiet_s=(moment - row.last_received_at).total_seconds(),
            unchanged_s=(moment - newest).total_seconds(),
            instances=len(current),
            numbers=tuple(
                one.instance_number for one in current if one.instance_number is not None
            ),
            open=sum(name not in ended and self._alive(name) for name in names),
            last_ending=self._ending(last.association if last else None, ended),
        )

    def _ending(self, name: str | None, ended: Mapping[str, AssociationEnding]) -> str:
        if not name:
            return ""
        return ended.get(name) or ("open" if self._alive(name) else "lost")

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


def _headers(files: _Files) -> Headers:
    """Read the headers of a series; none where judging will hold it or refuse it as our own."""
    if files.lack or files.disagreements or files.own:
        return ()
    try:
        return read_headers(files.paths)
    except SeriesUnusableError:
        return ()


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


def _missing(row: Series) -> str:
    """Say what the evidence of a complete series says is missing; empty: nothing."""
    evidence = row.evidence or {}
    return str(evidence["reason"]) if evidence.get("state") == State.INCOMPLETE else ""


def _incomplete(decision: Decision, missing: str) -> dict[str, Any]:
    """Add to a filter set's verdict that the series is not whole."""
    rule = {
        "attribute": completeness.POSITIONS,
        "operator": "equals",
        "expected": "without gap",
        "received": [{"value": missing, "instances": decision.verdict["instances"]}],
        "source": "ImagePositionPatient",
        "passed": False,
        "reason": f"{INCOMPLETE}: {missing}",
    }
    verdict = decision.verdict
    return {**verdict, "accepted": False, "rules": [*verdict["rules"], rule]}


def _failed(rules: Sequence[dict[str, Any]]) -> list[str]:
    """Name the failed rules by attribute and operator, without received values."""
    return [f"{rule['attribute']} {rule['operator']}" for rule in rules if not rule["passed"]]
