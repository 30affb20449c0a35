"""Keeps other processes running: TensorFlow and the web page never live where images come in."""

import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node.backoff import backoff_s
from storage import jobs
from storage.database import Database

logger = structlog.get_logger(__name__)

_STOP_TIMEOUT_S = 30.0
_STEADY_S = 60.0  # a worker that lived this long starts again at once


def worker_name() -> str:
    """Make a name for a worker process that no other ever had."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


class Supervisor:
    """Starts processes of one kind, and restarts those that end.

    Each one's standard input is a pipe held by this process: when this process dies, however
    abruptly, the other reads the end of it and stops.
    """

    kind = "process"

    def __init__(self, command: Sequence[str], config_path: Path, processes: int) -> None:
        self._command = [
            sys.executable, "-m", "node.cli", *command, "--supervised", "--config", str(config_path)
        ]  # fmt: skip
        self._processes = processes
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> list[int]:
        """List the process ids of those that run now."""
        return [process.pid for process in self._running.values() if process.poll() is None]

    def start(self) -> None:
        """Start the processes, each watched by a thread."""
        for slot in range(self._processes):
            thread = threading.Thread(
                target=self._watch, args=(slot,), name=f"supervisor-{self.kind}-{slot}"
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let every process finish what it does, then end it; one that hangs is killed."""
        self._stop.set()  # each watcher ends its process, with one signal: a second would kill it
        for thread in self._threads:
            thread.join()

    def _watch(self, slot: int) -> None:
        failures = 0
        while not self._stop.is_set():
            name = worker_name()
            started = time.monotonic()
            command = [*self._command, *self._arguments(name)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  # our own interpreter and module
            self._running[slot] = process
            logger.info(f"{self.kind} started", worker=name, pid=process.pid)
            with process:  # closes the pipe
                code = self._wait(process)
            self._ended(name)
            if self._stop.is_set():
                return
            failures = 0 if time.monotonic() - started > _STEADY_S else failures + 1
            delay_s = backoff_s(failures, 1.0, 60.0) if failures > 1 else 0.0
            logger.error(f"{self.kind} ended", worker=name, exit_code=code, restart_in_s=delay_s)
            self._stop.wait(delay_s)

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                if self._stop.is_set():
                    break
        process.terminate()
        try:
            return process.wait(timeout=_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _arguments(self, name: str) -> list[str]:
        """Give the arguments of one process besides those that all have."""
        del name
        return []

    def _ended(self, name: str) -> None:
        """Clean up behind a process that has ended."""


class WorkerSupervisor(Supervisor):
    """Supervises workers, and returns the leases of the dead."""

    kind = "worker"

    def __init__(self, database: Database, config_path: Path, processes: int) -> None:
        super().__init__(("worker",), config_path, processes)
        self._database = database

    def _arguments(self, name: str) -> list[str]:
        return ["--name", name]

    def _ended(self, name: str) -> None:
        """Return a dead worker's job at once; the reaper would do it when the lease expires."""
        try:
            with self._database.begin() as session:
                released = jobs.release(session, name)
        except SQLAlchemyError:
            # The database may be away; then the lease expires by itself.
            logger.exception("leases of a dead worker not released", worker=name)
            return
        if released:
            logger.warning("jobs of a dead worker returned", worker=name, jobs=released)


class WebSupervisor(Supervisor):
    """Supervises the process of the web page; whatever becomes of that, images are received."""

    kind = "web page"

    def __init__(self, config_path: Path, *, enabled: bool) -> None:
        super().__init__(("web", "serve"), config_path, int(enabled))
