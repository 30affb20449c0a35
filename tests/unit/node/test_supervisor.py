"""Workers are restarted, their jobs returned at once, and they end with their parent."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node import supervisor
from node.errors import ConfigError
from node.receiver.tally import Tally
from node.settings import Node, Receiver
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


def test_a_process_that_cannot_be_started_is_tried_again(
    running: supervisor.Supervisor, released: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: len(running.pids) == 2)
    victim, _other = running.pids
    real = subprocess.Popen
    refused: list[int] = []

    def refuse(*arguments: Any, **named: Any) -> Any:
        if not refused:
            refused.append(1)
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return real(*arguments, **named)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(running.pids) == 2 and victim not in running.pids)
    assert refused
    assert len(released) == 2  # of the killed, and of the one that never lived


def test_worker_names_never_repeat() -> None:
    names = {supervisor.worker_name() for _ in range(50)}
    assert len(names) == 50
    assert max(map(len, names)) <= 128


@pytest.fixture
def receivers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[supervisor.ReceiverSupervisor]:
    made = supervisor.ReceiverSupervisor(
        tmp_path / "config.yaml", Node(port=0), Receiver(processes=2), tmp_path
    )
    monkeypatch.setattr(made, "_command", [sys.executable, "-c", STAND_IN])
    made.start()
    yield made
    made.stop()


def test_receiving_processes_share_a_socket_that_outlives_them(
    receivers: supervisor.ReceiverSupervisor,
) -> None:
    until(lambda: len(receivers.pids) == 2)
    for pid in receivers.pids:
        inherited = Path(f"/proc/{pid}/fd/{receivers._descriptors[0]}")
        assert inherited.readlink() == Path(f"/proc/self/fd/{receivers._descriptors[0]}").readlink()
    for pid in receivers.pids:
        os.kill(pid, signal.SIGKILL)
    with socket.create_connection(("127.0.0.1", receivers.port), timeout=10):
        pass  # taken in by the backlog


def test_associations_live_as_long_as_the_process_that_named_them(
    receivers: supervisor.ReceiverSupervisor, tmp_path: Path
) -> None:
    until(lambda: len(receivers.pids) == 2)
    names = {name: f"{name}-0123456789abcdef" for name in receivers._alive}
    assert all(receivers.alive(association) for association in names.values())
    assert not receivers.alive("another-0123456789abcdef")
    tally = Tally.open(tmp_path)
    for row in (0, 1):
        assert tally.row(row).enter(limit=10)
    os.kill(receivers.pids[0], signal.SIGKILL)
    until(lambda: tally.open_associations == 1)
    until(lambda: sum(map(receivers.alive, names.values())) == 1)
    until(lambda: len(receivers._alive) == 2)
    assert len(receivers._alive | names.keys()) == 3  # the new one has a name of its own
    tally.close()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        made = supervisor.ReceiverSupervisor(
            tmp_path / "config.yaml", Node(port=port), Receiver(), tmp_path
        )
        with pytest.raises(ConfigError, match=rf"node\.port {port}: Address already in use"):
            made.start()
