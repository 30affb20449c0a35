"""How long the pages and the periodic queries take on a database of a million series.

    .venv/bin/python -m tests.benchmarks.bench_web FOLDER [--rows 1000000] [--postgresql] [--plans]

FOLDER gets the SQLite file, and keeps it for the next run; the PostgreSQL server is a private one
and ends with the run. States and times of rows follow from their number. Retention is on in this
database: what is older than a month has lost its files, unless a delivery failed or waits, so that
looking for what may be deleted has much to look at and finds little.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import structlog
from psycopg.types.json import Json
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.orm import Session

from node.audit import start
from node.config import Config
from node.notices.event import Event
from node.notices.settings import Notifications
from node.notices.watch import Watch
from node.retention import RetentionLoop
from node.settings import Retention
from node.web.counts import Counts
from storage import (
    confirmations,
    deliveries,
    figures,
    held,
    jobs,
    leases,
    notices,
    removals,
    retention,
    series,
    trail,
    troubles,
)
from storage.database import Database
from storage.records import Action, Notice
from storage.states import SeriesState
from storage.tables import (
    Base,
    Delivery,
    Instance,
    Job,
    JobEvent,
    Report,
    ReportObject,
    Series,
    SeriesEvent,
)
from tests import postgres, web_pages

LIMIT_MS: Final = 300.0
ROUNDS: Final = 5
BATCH: Final = 10_000
SPAN_S: Final = 3 * 365 * 86400
KEPT: Final = timedelta(days=30)
DESTINATIONS: Final = ("pacs", "vna")
SERIES_STATES: Final = ("accepted",) * 600 + ("rejected",) * 390 + ("held",) * 10
JOB_STATES: Final = ("succeeded",) * 980 + ("failed",) * 15 + ("cancelled",) * 5
DELIVERY_STATES: Final = (
    ("committed",) * 900 + ("stored",) * 60 + ("failed",) * 10 + ("held",) * 5 + ("shadow",) * 10
    + ("cancelled",) * 10 + ("queued",) * 5
)  # fmt: skip
PREDICTION: Final = web_pages.prediction().to_json()

Row = dict[str, Any]


def _of(states: tuple[str, ...], number: int) -> str:
    """Mix the states evenly: a prime that does not divide their number spreads them."""
    return states[number * 7919 % len(states)]


class Rows:
    """The rows, by the number of their series; the newest series has the highest."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._end = datetime.now(UTC).replace(microsecond=0)
        self._jobs = {number: job for job, number in enumerate(self.accepted(), start=1)}

    def _at(self, number: int) -> datetime:
        return self._end - timedelta(seconds=SPAN_S * (self.count - number) / self.count)

    def state(self, number: int) -> str:
        """Give the state of a series; the last hundred are being received."""
        return "receiving" if number > self.count - 100 else _of(SERIES_STATES, number)

    def purged_at(self, number: int) -> datetime | None:
        """Give when retention deleted the files of a series, if it did."""
        at = self._at(number)
        gone = at < self._end - KEPT and self.state(number) != "held" and self._arrived(number)
        return at + KEPT if gone else None

    def _arrived(self, number: int) -> bool:
        """Tell whether nothing of a series waits for a destination, or failed."""
        job = self._jobs.get(number)
        ids = () if job is None else (2 * job - 1, 2 * job)
        return all(_of(DELIVERY_STATES, each) not in ("queued", "held", "failed") for each in ids)

    def accepted(self) -> Iterator[int]:
        """Number the series that have a job."""
        return (each for each in range(1, self.count + 1) if self.state(each) == "accepted")

    def series(self) -> Iterator[Row]:
        for number in range(1, self.count + 1):
            at, state = self._at(number), self.state(number)
            yield {
                "id": number, "series_instance_uid": f"1.2.826.0.1.{number}.1",
                "study_instance_uid": f"1.2.826.0.1.{number // 4}", "patient_id": f"P{number // 8}",
                "accession_number": f"A{number // 4}", "modality": "MR",
                "series_description": "T1 TSE SAG", "calling_ae_title": f"MR{number % 7}",
                "state": state, "reason": "not the plane" if state == "rejected" else None,
                "verdict": {"accepted": state == "accepted", "rules": []}, "evidence": {},
                "revision": 1, "processed_revision": 1, "first_received_at": at,
                "last_received_at": at + timedelta(seconds=40),
                "completed_at": at + timedelta(seconds=100), "purged_at": self.purged_at(number),
            }  # fmt: skip

    def instances(self) -> Iterator[Row]:
        for number in range(1, self.count + 1):
            yield {
                "id": number, "series_id": number,
                "sop_instance_uid": f"1.2.826.0.1.{number}.1.1",
                "sop_class_uid": "1.2.840.10008.5.1.4.1.1.4",
                "transfer_syntax_uid": "1.2.840.10008.1.2.1",
                "study_instance_uid": f"1.2.826.0.1.{number // 4}", "patient_id": f"P{number // 8}",
                "instance_number": 1, "path": f"instances/00/{number}/1.dcm",
                "size_bytes": 400_000, "data_sha256": f"{number:064x}",
                "calling_ae_title": f"MR{number % 7}", "calling_host": "10.0.0.5",
                "association": f"run.{number}", "state": "current", "received_at": self._at(number),
                "purged_at": self.purged_at(number),
            }  # fmt: skip

    def series_events(self) -> Iterator[Row]:
        for number in range(1, self.count + 1):
            yield {
                "id": number, "series_id": number, "at": self._at(number), "kind": "complete",
                "detail": "revision 1",
            }  # fmt: skip

    def jobs(self) -> Iterator[Row]:
        for job, number in enumerate(self.accepted(), start=1):
            at, state = self._at(number), _of(JOB_STATES, job)
            if number > self.count - 1000:
                state = "queued"
            yield {
                "id": job, "series_id": number, "series_revision": 1, "kind": "localisation",
                "state": state, "attempts": 1, "max_attempts": 3, "fencing_token": 1,
                "created_at": at, "not_before": at,
                "finished_at": None if state == "queued" else at + timedelta(seconds=30),
                "error": "the images make no volume" if state == "failed" else None,
                "seconds": {"read": 1.5, "network": 8.0},
            }  # fmt: skip

    def job_events(self) -> Iterator[Row]:
        for job, number in enumerate(self.accepted(), start=1):
            yield {"id": job, "job_id": job, "at": self._at(number), "kind": "queued", "detail": ""}

    def reports(self) -> Iterator[Row]:
        for job, number in enumerate(self.accepted(), start=1):
            yield {
                "id": job, "job_id": job, "series_id": number, "key": f"key {job}",
                "content_key": f"content {job}",
                "study_instance_uid": f"1.2.826.0.1.{number // 4}",
                "frame_of_reference_uid": f"1.2.826.0.2.{number}", "located": 1,
                "prediction": PREDICTION, "created_at": self._at(number), "current": True,
            }  # fmt: skip

    def objects(self) -> Iterator[Row]:
        for job, number in enumerate(self.accepted(), start=1):
            yield {
                "id": job, "report_id": job, "kind": "report", "variant": "comprehensive-3d",
                "sop_instance_uid": f"2.25.{job}",
                "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
                "study_instance_uid": f"1.2.826.0.1.{number // 4}",
                "series_instance_uid": f"2.25.{job}.1", "instance_number": 1, "names": [],
                "path": f"reports/00/{job}.dcm", "sha256": f"{job:064x}",
                "created_at": self._at(number), "current": True,
            }  # fmt: skip

    def deliveries(self) -> Iterator[Row]:
        for job, number in enumerate(self.accepted(), start=1):
            for place, destination in enumerate(DESTINATIONS):
                delivery = 2 * job - 1 + place
                at, state = self._at(number), _of(DELIVERY_STATES, delivery)
                waits = state in ("queued", "held")
                # What waits does so for a destination that is away: its next attempt is to come.
                yield {
                    "id": delivery, "object_id": job, "destination": destination, "state": state,
                    "attempts": 1, "fencing_token": 1, "created_at": at,
                    "not_before": self._end + timedelta(days=1) if waits else at,
                    "finished_at": None if waits else at + timedelta(seconds=60),
                    "dimse_status": 0 if state in ("committed", "stored") else None,
                    "error": "no connection" if state == "failed" else None,
                    "offered": True, "queued_at": at,
                    "stored_at": at if state in ("committed", "stored") else None,
                    "checks": 1, "losses": 0, "released": False,
                    "confirmed_by": "commitment" if state == "committed" else None,
                    "check_at": self._end + timedelta(days=1)
                    if state == "stored" and number > self.count * 0.99 else None,
                }  # fmt: skip

    def actions(self) -> Iterator[Row]:
        for number in range(1, self.count + 1):
            yield {
                "id": number, "at": self._at(number), "person": f"MR{number % 7}",
                "host": "10.0.0.5", "action": "start" if number == 1 else "receive",
                "subject": "" if number == 1 else "series", "subject_id": number, "done": True,
                "detail": "24 instances", "facts": {"through_instance": number},
                "forwarded_at": self._end,
            }  # fmt: skip

    def notices(self) -> Iterator[Row]:
        """Tell of every series that is held, and of the last deliveries that are."""
        told = ("series-held", "delivery-held")
        numbers = (each for each in range(1, self.count + 1) if self.state(each) == "held")
        for number, key in enumerate(numbers, start=1):
            yield {
                "id": number, "event": told[0], "key": str(key), "state": "raised", "facts": {},
                "began_at": self._at(key), "told_at": self._at(key),
            }  # fmt: skip

    def tables(self) -> dict[type[Base], Iterable[Row]]:
        """Give the rows of each table, in an order in which references are there."""
        return {
            Series: self.series(), Instance: self.instances(), SeriesEvent: self.series_events(),
            Job: self.jobs(), JobEvent: self.job_events(), Report: self.reports(),
            ReportObject: self.objects(), Delivery: self.deliveries(), Action: self.actions(),
            Notice: self.notices(),
        }  # fmt: skip


def fill(database: Database, count: int) -> None:
    """Add the rows, in bulk, and let the database look at them as it would by itself."""
    for table, rows in Rows(count).tables().items():
        begun, waiting, added = time.perf_counter(), iter(rows), 0
        while batch := list(islice(waiting, BATCH)):
            with database.begin() as session:
                _add(session, table, batch)
            added += len(batch)
        seconds = time.perf_counter() - begun
        print(f"  {table.__tablename__}: {added} rows in {seconds:.0f} s", flush=True)
    with database.begin() as session:
        if not database.is_sqlite:
            for table in Rows(0).tables():
                name = table.__tablename__
                last = select(func.max(table.__table__.c.id)).scalar_subquery()
                session.execute(select(func.setval(f"{name}_id_seq", last)))
    if not database.is_sqlite:
        with database._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("VACUUM ANALYZE"))


def _add(session: Session, table: type[Base], rows: list[Row]) -> None:
    """Add rows: by COPY to PostgreSQL, where INSERT takes several times as long."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    names = list(rows[0])
    driver: Any = connection.connection.driver_connection
    asked = f"COPY {table.__tablename__} ({', '.join(names)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(asked) as copy:
        for row in rows:
            values = (row[name] for name in names)
            copy.write_row([Json(v) if isinstance(v, dict | list) else v for v in values])


def pages(count: int) -> list[str]:
    """Name what people and programs ask for: first pages, late ones, filters, searches, one row."""
    middle = count // 2
    late = f"after={int((time.time() - SPAN_S / 2) * 1e6)}-{middle}"
    return [
        "/", "/metrics", "/notices", "/notices?state=raised", "/series", f"/series?{late}",
        "/series?state=held", "/series?state=rejected&sender=MR3", "/series?sender=NOBODY",
        "/series?state=complete", f"/series?search=P{middle // 8}", "/series?search=nothing",
        "/series?since=2025-01-01&until=2025-01-02", f"/series/{middle}", "/jobs",
        "/jobs?state=failed", "/jobs?state=running", "/jobs?state=queued",
        f"/jobs?after={middle // 2}", f"/jobs?series_id={middle}", f"/jobs/{middle // 2}",
        "/deliveries", "/deliveries?state=failed", "/deliveries?state=sending",
        "/deliveries?state=held&destination=pacs", "/deliveries?destination=nobody",
        f"/deliveries?state=committed&after={middle}", f"/reports/{middle // 2}", "/actions",
        "/actions?person=ann", "/actions?subject=series", "/actions?subject=job",
        f"/actions?subject=series&subject_id={middle}", f"/actions?subject_id={middle}",
        "/series.json?limit=1000", "/configuration", "/healthz", "/rules",
    ]  # fmt: skip


def periodic(database: Database, folder: Path) -> dict[str, Callable[[Session], object]]:
    """Name what the node asks again and again while nothing happens."""
    watch = Watch(database, folder, Notifications(), (), answers=lambda _destination: True)
    month = datetime.now(UTC) - KEPT
    before = {SeriesState.REJECTED: month, SeriesState.ACCEPTED: month}
    return {
        "receiving: series.due": lambda session: series.due(session, 60, 3600),
        "receiving: series.unjudged": series.unjudged,
        "work: jobs.reap": lambda session: jobs.reap(session, 30),
        "work: jobs.claim": lambda session: jobs.claim(session, "bench", 60),
        "delivery: claim": lambda session: deliveries.claim(session, "pacs", 60),
        "delivery: reap": deliveries.reap,
        "delivery: due for a question": lambda session: confirmations.due(
            session, "pacs", 100, 600
        ),
        "delivery: at the start": lambda session: (
            held.hold_others(session, DESTINATIONS),
            confirmations.unasked(session, DESTINATIONS),
        ),
        "notices: rows": watch.rows,
        "notices: mended": lambda session: [
            troubles.mended(session, event) for event in Event if not event.lasts
        ],
        "notices: unfinished": lambda session: notices.unfinished(
            session, [event for event in Event if event.lasts]
        ),
        "notices: waiting jobs": troubles.waiting_jobs,
        "notices: delivered since": lambda session: troubles.delivered_since(session, "pacs", 600),
        "notices: claim": lambda session: notices.claim(
            session, "email", window_s=300, lease_s=300, limit=500
        ),
        "audit: to forward": lambda session: trail.to_forward(session, 200),
        "audit: last start": start._last_digest,
        "retention: candidates": lambda session: retention.candidates(session, before, 50),
        "retention: is receiving": lambda session: retention.is_receiving(session, month),
        "retention: lease": lambda session: leases.hold(session, "bench", "me", 60),
        "retention: marks": removals.waiting,
        "page: figures": figures.figures,
    }


def measure(what: Callable[[], object]) -> tuple[float, float, float]:
    """Give the shortest, the median and the longest of several runs, in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        what()
        taken.append((time.perf_counter() - begun) * 1e3)
    return min(taken), statistics.median(taken), max(taken)


def report(name: str, shortest_ms: float, median_ms: float, longest_ms: float) -> None:
    """Print one line of the table; what is too slow is marked."""
    mark = "  SLOW" if median_ms > LIMIT_MS else ""
    print(f"| {name} | {shortest_ms:.1f} | {median_ms:.1f} | {longest_ms:.1f} |{mark}", flush=True)


class Plans:
    """Prints how the database goes about the statements of a block; SQLite alone."""

    def __init__(self, database: Database, wanted: bool) -> None:
        self._database = database
        self._wanted = wanted and database.is_sqlite

    def show(self, what: Callable[[], object]) -> None:
        """Run it once, and print the plan of each statement."""
        if not self._wanted:
            return
        seen: list[tuple[str, Any]] = []

        def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            seen.append((statement, parameters))

        engine = self._database._engine
        event.listen(engine, "before_cursor_execute", keep)
        what()
        event.remove(engine, "before_cursor_execute", keep)
        for statement, parameters in seen:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "WITH")):
                with engine.connect() as connection:
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                    for row in plan:
                        print(f"      {row[3]}")


def run(database: Database, folder: Path, count: int, plans: bool) -> None:
    """Measure everything on one database."""
    destinations = [
        {"name": name, "ae_title": name.upper(), "host": "127.0.0.1", "port": 1}
        for name in DESTINATIONS
    ]
    config: Config = web_pages.configured(folder, database, destinations=destinations)
    site = web_pages.build_site(config, database)
    site.counts = Counts(database)  # with the patience of the real page
    shown = Plans(database, plans)
    print("\n| page | shortest ms | median | longest |\n|---|---|---|---|")
    with web_pages.browser(site) as client:
        web_pages.log_in(client)
        for path in pages(count):

            def ask(path: str = path) -> None:
                site.counts._until = 0.0  # counted anew each time
                answer = client.get(path)
                if answer.status_code not in (200, 503):
                    raise RuntimeError(f"{path} answers {answer.status_code}")

            report(path, *measure(ask))
            shown.show(ask)
    print("\n| periodic query | shortest ms | median | longest |\n|---|---|---|---|")
    for name, query in periodic(database, folder).items():

        def once(query: Callable[[Session], object] = query) -> None:
            try:
                with database.begin() as session:
                    query(session)
                    raise _Undo
            except _Undo:
                pass

        report(name, *measure(once))
        shown.show(once)
    settings = Retention(rejected_after_days=30, delivered_after_days=30)
    loop = RetentionLoop(database, folder, settings)
    report("`foramina retention plan`", *measure(loop.plan))


class _Undo(Exception):
    """Ends a transaction without a trace."""


def main() -> None:
    """Make what is not there yet, measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--plans", action="store_true", help="how SQLite goes about each")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.postgresql:
        binaries = postgres.find_binaries()
        if binaries is None:
            parser.error("no initdb and pg_ctl found: install the Debian package `postgresql`")
        cluster = postgres.Cluster(binaries)
        try:
            _on(Database(cluster.url(cluster.create())), folder, arguments, there=False)
        finally:
            cluster.stop()
        return
    file = folder / f"million-{arguments.rows}.sqlite"
    there = file.exists()
    _on(Database(f"sqlite:///{file}"), folder, arguments, there=there)


def _on(database: Database, folder: Path, arguments: argparse.Namespace, *, there: bool) -> None:
    database.migrate()
    if not there:
        print(f"{arguments.rows} series on {database.url.get_backend_name()}", flush=True)
        fill(database, arguments.rows)
    run(database, folder, arguments.rows, arguments.plans)
    database.close()


if __name__ == "__main__":
    main()
