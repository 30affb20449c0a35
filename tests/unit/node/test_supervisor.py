"""Workers are restarted, their jobs returned at once, and they end with their parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node import supervisor
from storage import jobs
from storage.database import Database

STAND_IN = "import sys; sys.stdin.read()"  # ends when its standard input does, as a worker


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "did not happen within 20 s"
        time.sleep(0.02)


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of workers whose leases were returned."""
    names: list[str] = []
    monkeypatch.setattr(jobs, "release", lambda _session, name: names.append(name) or 0)
    return names


@pytest.fixture
def running(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[supervisor.Supervisor]:
    made = supervisor.WorkerSupervisor(sqlite_database, tmp_path / "config.yaml", processes=2)
    monkeypatch.setattr(made, "_command", [sys.executable, "-c", STAND_IN])
    made.start()
    yield made
    made.stop()


def test_a_killed_worker_is_replaced_and_its_leases_returned(
    running: supervisor.Supervisor, released: list[str]
) -> None:
    until(lambda: len(running.pids) == 2)
    victim, other = running.pids
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(running.pids) == 2 and victim not in running.pids)
    assert other in running.pids
    assert len(released) == 1


def test_stop_ends_every_worker(running: supervisor.Supervisor, released: list[str]) -> None:
    until(lambda: len(running.pids) == 2)
    running.stop()
    assert running.pids == []
    assert len(released) == 2


def test_worker_names_never_repeat() -> None:
    names = {supervisor.worker_name() for _ in range(50)}
    assert len(names) == 50
    assert max(map(len, names)) <= 128


def test_a_supervised_worker_stops_when_its_parent_is_gone() -> None:
    code = (
        "import threading; from node.cli.run import stop_at_end_of_input as wait;"
        "stop = threading.Event(); wait(stop); print(stop.is_set())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.stdout.read().strip() == "True"
    process.wait(10)
    process.stdout.close()
