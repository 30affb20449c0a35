"""Many at once: threads of the receiver, worker processes, and a process that is killed."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest
from pydicom.uid import ImplicitVRLittleEndian, RLELossless
from sqlalchemy.orm import Session

from storage import deliveries, instances, jobs, series
from storage.database import Database, now
from storage.instances import Incoming, InstanceStore, Outcome
from storage.tables import DeliveryState, InstanceState, SeriesState
from tests import processes
from tests.factories import SERIES_UID, make_incoming, make_part10
from tests.rows import add_job, add_report

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def together(count: int, act: Callable[[int], T]) -> list[T]:
    """Call `act(0)`, `act(1)`, ... at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(count)

    def start(number: int) -> T:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def store_together(store: InstanceStore, *arrivals: Incoming) -> list[Outcome]:
    return together(len(arrivals), lambda number: store.store(arrivals[number]))


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def check_consistent(database: Database, folder: Path) -> None:
    """Every row has its file, every file its row, and every UID one current version."""
    with database.read() as session:
        rows = [
            row
            for each in series.listing(session)
            for row in instances.current_instances(session, each.id)
        ]
        paths = session.connection().exec_driver_sql("SELECT path, state FROM instances").all()
    assert sorted(path for path, _ in paths) == sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    )
    assert len({row.sop_instance_uid for row in rows}) == len(rows)


@pytest.mark.parametrize("round_", range(3))
def test_the_same_instance_at_once_is_stored_once(
    database: Database, store: InstanceStore, storage_folder: Path, round_: int
) -> None:
    outcomes = store_together(store, *[make_incoming(1 + round_)] * 4)
    assert Counter(outcomes) == {Outcome.STORED: 1, Outcome.DUPLICATE: 3}
    assert len(file_names(storage_folder)) == 1
    check_consistent(database, storage_folder)


def test_the_same_instance_at_once_in_several_transfer_syntaxes(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    outcomes = store_together(
        store,
        make_incoming(1),
        make_incoming(1, transfer_syntax_uid=ImplicitVRLittleEndian),
        make_incoming(1, transfer_syntax_uid=RLELossless),
    )
    assert Counter(outcomes) == {Outcome.STORED: 1, Outcome.DUPLICATE: 2}
    assert len(file_names(storage_folder)) == 1
    check_consistent(database, storage_folder)


def test_other_content_at_once_leaves_one_current(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    outcomes = store_together(
        store, *(make_incoming(1, RescaleSlope=str(number)) for number in range(1, 5))
    )
    assert Counter(outcomes) == {Outcome.STORED: 1, Outcome.CONFLICT: 3}
    with database.read() as session:
        (row,) = series.listing(session)
        assert row.state == SeriesState.HELD
        assert series.disagreements(session, row.id)[0].endswith("(4 versions)")
    check_consistent(database, storage_folder)


def test_corrections_at_once_follow_one_another(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    outcomes = store_together(
        store, *(make_incoming(1, PatientID=f"P{number}") for number in range(4))
    )
    assert Counter(outcomes) == {Outcome.STORED: 1, Outcome.CORRECTION: 3}
    with database.read() as session:
        (row,) = series.listing(session)
        (kept,) = instances.current_instances(session, row.id)
    assert (row.revision, row.patient_id) == (4, kept.patient_id)
    check_consistent(database, storage_folder)


def test_the_first_instances_of_a_series_at_once(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    outcomes = store_together(store, *(make_incoming(number) for number in range(1, 9)))
    assert outcomes == [Outcome.STORED] * 8
    with database.read() as session:
        (row,) = series.listing(session)
        assert row.revision == 8
        assert [line.kind for line in series.events(session, row.id)] == ["received"]
    check_consistent(database, storage_folder)


def test_one_instance_at_once_in_two_series(
    database: Database, store: InstanceStore, storage_folder: Path
) -> None:
    outcomes = store_together(
        store, make_incoming(1), make_incoming(1, SeriesInstanceUID="1.2.3.4")
    )
    assert Counter(outcomes) == {Outcome.STORED: 1, Outcome.CONFLICT: 1}
    with database.read() as session:
        assert [row.state for row in series.listing(session)] == [SeriesState.HELD] * 2
    check_consistent(database, storage_folder)


def test_receiving_while_the_series_is_judged(database: Database, store: InstanceStore) -> None:
    """Whatever comes first, no instance is left out of a revision that was accepted."""
    store.store(make_incoming(1))

    def act(number: int) -> bool:
        if number:
            return store.store(make_incoming(1 + number)) is Outcome.STORED
        try:
            with database.read() as session:
                row = series.due(session, 0, 3600)[0]
            with database.begin() as session:
                series.complete(session, row, {})
                series.accept(session, row, {}, 3)
        except series.StaleSeriesError:
            return False
        return True

    judged, *stored = together(5, act)
    assert all(stored)
    with database.read() as session:
        (row,) = series.listing(session)
        assert row.revision == 5
        assert len(instances.current_instances(session, row.id)) == 5
        accepted = jobs.listing(session)
    assert len(accepted) == judged
    assert (row.state == SeriesState.ACCEPTED) == (
        judged and accepted[0].series_revision == row.revision
    )


def test_an_instance_that_arrives_in_the_middle_of_a_decision_is_not_lost(
    database: Database, store: InstanceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.store(make_incoming(1))
    late = threading.Thread(target=store.store, args=(make_incoming(2),))

    def now_something_arrives(session: Session) -> datetime:
        if late.ident is None:
            late.start()
            late.join(0.5)  # it has to wait for this transaction; without a lock it would not
        return now(session)

    with database.read() as session:
        row = series.due(session, 0, 3600)[0]
    monkeypatch.setattr(series, "now", now_something_arrives)
    with database.begin() as session:
        series.complete(session, row, {})
    late.join()
    with database.read() as session:
        (after,) = series.listing(session)
        assert (after.revision, after.state) == (2, SeriesState.RECEIVING)
        kinds = [line.kind for line in series.events(session, after.id)]
    assert kinds == ["received", "complete", "reopened"]


def fill_queue(database: Database, count: int) -> set[int]:
    with database.begin() as session:
        return {add_job(session, number).id for number in range(1, count + 1)}


def test_threads_never_claim_one_job_twice(database: Database) -> None:
    waiting = fill_queue(database, 24)

    def claim_all(number: int) -> list[int]:
        claimed: list[int] = []
        while True:
            with database.begin() as session:
                job = jobs.claim(session, f"worker-{number}", 60)
            if job is None:
                return claimed
            claimed.append(job.id)

    claimed = [job for each in together(6, claim_all) for job in each]
    assert len(claimed) == len(waiting)
    assert set(claimed) == waiting


def test_processes_never_claim_one_job_twice(
    database: Database, process_pool: ProcessPoolExecutor
) -> None:
    waiting = fill_queue(database, 24)
    found = [
        process_pool.submit(processes.claim_jobs, url(database), f"worker-{number}")
        for number in range(2)
    ]
    claimed = [claim for each in found for claim in each.result()]
    assert sorted(claimed) == [(job, 1) for job in sorted(waiting)]
    with database.read() as session:
        assert jobs.counts(session)["succeeded"] == 24
        assert {job.attempts for job in jobs.listing(session)} == {1}


def test_processes_never_claim_one_delivery_twice(
    database: Database, process_pool: ProcessPoolExecutor
) -> None:
    with database.begin() as session:
        waiting = set()
        for number in range(1, 13):
            delivery = deliveries.enqueue(session, add_report(session, number), "pacs")
            assert delivery is not None
            waiting.add(delivery.id)
    found = [
        process_pool.submit(processes.claim_deliveries, url(database), "pacs") for _ in range(2)
    ]
    claimed = [claim for each in found for claim in each.result()]
    assert sorted(claimed) == sorted(waiting)
    with database.read() as session:
        assert deliveries.counts(session)[DeliveryState.SENDING] == 12


def test_reapers_at_once_take_a_job_back_once(database: Database) -> None:
    fill_queue(database, 4)
    with database.begin() as session:
        while jobs.claim(session, "dead", -1):
            pass

    def reap(_number: int) -> int:
        with database.begin() as session:
            return jobs.reap(session, 0)

    assert sum(together(4, reap)) == 4
    with database.read() as session:
        assert jobs.counts(session)["queued"] == 4


def test_processes_store_one_series_together(
    database: Database, storage_folder: Path, process_pool: ProcessPoolExecutor
) -> None:
    spans = [(1, 12), (7, 18), (13, 24)]
    found = [
        process_pool.submit(processes.store_all, url(database), str(storage_folder), *span)
        for span in spans
    ]
    outcomes = Counter(outcome for each in found for outcome in each.result())
    assert outcomes == {"stored": 24, "duplicate": 12}
    with database.read() as session:
        (row,) = series.listing(session)
        assert row.revision == 24
    check_consistent(database, storage_folder)


def test_what_was_acknowledged_survives_kill_9(database: Database, storage_folder: Path) -> None:
    code = f"from tests.processes import *; store_and_acknowledge({url(database)!r}, sys.argv[1])"
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys; {code}", str(storage_folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    for _ in range(15):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    acknowledged = 15 + rest.count(b"\n")
    with database.read() as session:
        row = series.by_uid(session, SERIES_UID)
        assert row is not None
        kept = {
            each.sop_instance_uid: each for each in instances.current_instances(session, row.id)
        }
    for number in range(1, acknowledged + 1):
        path = storage_folder / kept[f"{SERIES_UID}.{number}"].path
        assert path.read_bytes() == make_part10(number)
    store = InstanceStore(database, storage_folder)  # the sender sends again what was not answered
    for number in range(acknowledged, acknowledged + 3):
        assert store.store(make_incoming(number)) in (Outcome.STORED, Outcome.DUPLICATE)
    with database.read() as session:
        found = session.connection().exec_driver_sql("SELECT state FROM instances").all()
    assert {state for (state,) in found} == {InstanceState.CURRENT.value}
