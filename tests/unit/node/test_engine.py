"""How a job ends, and what is recorded of it."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from model.volume import VolumeError
from node import engine as engine_module
from node.engine import Engine
from node.errors import SeriesUnusableError
from node.pipeline import OvertakenError
from node.settings import Worker
from storage import jobs
from storage.database import Database
from storage.tables import Job, JobState
from tests import rows

SETTINGS = Worker(lease_s=60, heartbeat_s=10, poll_s=0.01, max_attempts=2, retry_delay_s=0.01)


class StandIn:
    """A pipeline whose run is a function of the test's."""

    def __init__(self, run: Callable[[Job], None]) -> None:
        self.run = run


@pytest.fixture
def queued(sqlite_database: Database) -> int:
    with sqlite_database.begin() as session:
        return rows.add_job(session, max_attempts=2).id


def engine(database: Database, run: Callable[[Job], None], settings: Worker = SETTINGS) -> Engine:
    return Engine(database, StandIn(run), settings, "tester")  # type: ignore[arg-type]


def job(database: Database, job_id: int) -> Job:
    with database.read() as session:
        found = jobs.get(session, job_id)
    assert found is not None
    return found


def test_nothing_to_do_is_said(sqlite_database: Database) -> None:
    assert engine(sqlite_database, lambda _job: None).step() is False


def test_a_job_that_succeeds_is_claimed_once(sqlite_database: Database, queued: int) -> None:
    def run(claimed: Job) -> None:
        with sqlite_database.begin() as session:
            jobs.succeed(session, claimed.id, claimed.fencing_token, {"predict": 1.0})

    worker = engine(sqlite_database, run)
    assert worker.step() is True
    assert worker.step() is False
    assert job(sqlite_database, queued).state == JobState.SUCCEEDED


@pytest.mark.parametrize("error", [VolumeError("2 slices"), SeriesUnusableError("no instance")])
def test_what_cannot_succeed_fails_at_once(
    sqlite_database: Database, queued: int, error: Exception
) -> None:
    def run(_job: Job) -> None:
        raise error

    engine(sqlite_database, run).step()
    ended = job(sqlite_database, queued)
    assert (ended.state, ended.error, ended.attempts) == (JobState.FAILED, str(error), 1)


def test_what_may_pass_is_tried_again_and_then_fails(
    sqlite_database: Database, queued: int
) -> None:
    def run(_job: Job) -> None:
        raise RuntimeError("out of memory")

    worker = engine(sqlite_database, run)
    worker.step()
    assert job(sqlite_database, queued).state == JobState.QUEUED
    while not worker.step():
        time.sleep(0.01)
    ended = job(sqlite_database, queued)
    assert (ended.state, ended.attempts) == (JobState.FAILED, 2)
    assert ended.error is not None
    assert "out of memory" in ended.error


def test_an_overtaken_job_is_cancelled(sqlite_database: Database, queued: int) -> None:
    def run(_job: Job) -> None:
        raise OvertakenError

    engine(sqlite_database, run).step()
    assert job(sqlite_database, queued).state == JobState.CANCELLED


def test_a_job_that_a_correction_cancelled_meanwhile_does_not_end_the_worker(
    sqlite_database: Database, queued: int
) -> None:
    def run(claimed: Job) -> None:
        with sqlite_database.begin() as session:
            jobs.cancel(session, claimed.id, "a correction arrived")
        raise OvertakenError

    assert engine(sqlite_database, run).step() is True
    ended = job(sqlite_database, queued)
    assert (ended.state, ended.error) == (JobState.CANCELLED, "a correction arrived")


def test_a_worker_that_lost_its_lease_changes_nothing(
    sqlite_database: Database, queued: int
) -> None:
    def run(claimed: Job) -> None:
        with sqlite_database.begin() as session:
            jobs.release(session, "tester")
            successor = jobs.claim(session, "successor", 60)
        assert successor is not None
        assert successor.id == claimed.id
        raise RuntimeError("the old worker fails late")

    engine(sqlite_database, run).step()
    now = job(sqlite_database, queued)
    assert (now.state, now.worker) == (JobState.RUNNING, "successor")
    assert "fails late" not in (now.error or "")


def test_the_lease_is_renewed_while_a_job_runs(sqlite_database: Database, queued: int) -> None:
    leases = []

    def run(claimed: Job) -> None:
        for _ in range(2):
            leases.append(job(sqlite_database, claimed.id).lease_expires_at)
            time.sleep(0.3)

    settings = SETTINGS.model_copy(update={"heartbeat_s": 0.05})
    engine(sqlite_database, run, settings).step()
    assert leases[0] is not None
    assert leases[1] is not None
    assert leases[1] > leases[0]


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_a_beat_between_the_end_of_a_job_and_that_of_its_heartbeat_is_no_loss(
    sqlite_database: Database, queued: int, logged: list[Any]
) -> None:
    def run(claimed: Job) -> None:
        with sqlite_database.begin() as session:
            jobs.succeed(session, claimed.id, claimed.fencing_token, {"predict": 1.0})
        time.sleep(0.5)  # some beats find the job ended

    settings = SETTINGS.model_copy(update={"heartbeat_s": 0.02})
    engine(sqlite_database, run, settings).step()
    assert job(sqlite_database, queued).state == JobState.SUCCEEDED
    assert [line["event"] for line in logged] == ["job started", "job succeeded"]


def test_a_lease_that_is_lost_is_told(
    sqlite_database: Database, queued: int, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_ENDING_S", 0.1)

    def run(claimed: Job) -> None:
        with sqlite_database.begin() as session:
            jobs.cancel(session, claimed.id, "by hand")
        deadline = time.monotonic() + 20
        while not any(line["event"] == "lease lost" for line in logged):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        raise jobs.LeaseLostError

    settings = SETTINGS.model_copy(update={"heartbeat_s": 0.02})
    engine(sqlite_database, run, settings).step()
    assert [line["event"] for line in logged].count("lease lost") == 1


def test_a_database_that_is_away_is_told_once_and_waited_for(
    sqlite_database: Database, logged: list[Any]
) -> None:
    away = threading.Event()
    away.set()

    def refuse(*_arguments: object) -> None:
        if away.is_set():
            raise OperationalError("UPDATE", {}, Exception("gone"))

    event.listen(sqlite_database._engine, "before_cursor_execute", refuse)
    stop = threading.Event()
    thread = threading.Thread(target=engine(sqlite_database, lambda _job: None).run, args=(stop,))
    thread.start()
    time.sleep(0.3)  # many looks
    away.clear()
    deadline = time.monotonic() + 20
    while len(logged) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(10)
    assert [(line["event"], line.get("reason")) for line in logged] == [
        ("worker ready", None),
        ("database not usable", "database: gone"),
        ("database usable again", None),
    ]


def test_run_stops_when_told(sqlite_database: Database) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=engine(sqlite_database, lambda _job: None).run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
