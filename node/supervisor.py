"""Keeps other processes running: TensorFlow and the web page never live where images come in."""

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from node import status
from node.backoff import backoff_s
from node.errors import ConfigError
from node.receiver.tally import Tally
from node.settings import Node, Receiver
from storage import jobs
from storage.database import Database

logger = structlog.get_logger(__name__)

_STOP_TIMEOUT_S = 30.0
_STEADY_S = 60.0  # a worker that lived this long starts again at once
_BACKLOG = 128  # connections that wait for a receiving process, also while none runs
_MOST_RECEIVERS = 4  # by themselves: more do not receive faster, and each takes its memory
_LOOK_AGAIN_S = 0.05


def worker_name() -> str:
    """Make a name for a worker process that no other ever had."""
    return f"{socket.gethostname()[:64]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


class Supervisor:
    """Starts processes of one kind, and restarts those that end.

    Each one's standard input is a pipe held by this process: when this process dies, however
    abruptly, the other reads the end of it and stops.
    """

    kind = "process"
    _descriptors: tuple[int, ...] = ()
    """What each process inherits besides its standard streams."""
    _environment: Mapping[str, str] = MappingProxyType({})
    """What each process finds there besides what this one does."""

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
        running = list(self._running.values())  # watchers add to it
        return [process.pid for process in running if process.poll() is None]

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
            name = self._name()
            started = time.monotonic()
            how: dict[str, object]
            try:
                how = {"exit_code": self._lived(name, slot)}
            except OSError as error:  # no memory, or no process, to be had
                how = {"reason": error.strerror}
            self._ended(name, slot)
            if self._stop.is_set():
                return
            failures = 0 if time.monotonic() - started > _STEADY_S else failures + 1
            delay_s = backoff_s(failures, 1.0, 60.0) if failures > 1 else 0.0
            logger.error(f"{self.kind} ended", worker=name, restart_in_s=delay_s, **how)
            self._stop.wait(delay_s)

    def _lived(self, name: str, slot: int) -> int:
        """Start a process, and wait until it has ended; its exit status.

        Raises:
            OSError: it cannot be started.
        """
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            [*self._command, *self._arguments(name, slot)],
            stdin=subprocess.PIPE,
            pass_fds=self._descriptors,
            env=os.environ | self._environment,
        )
        self._running[slot] = process
        logger.info(f"{self.kind} started", worker=name, pid=process.pid)
        with process:  # closes the pipe
            return self._wait(process)

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

    def _name(self) -> str:
        """Name the next process, as no other ever was."""
        return worker_name()

    def _arguments(self, name: str, slot: int) -> list[str]:
        """Give the arguments of one process besides those that all have."""
        del name, slot
        return []

    def _ended(self, name: str, slot: int) -> None:
        """Clean up behind a process that has ended."""


class WorkerSupervisor(Supervisor):
    """Supervises workers, and returns the leases of the dead."""

    kind = "worker"

    def __init__(self, database: Database, config_path: Path, processes: int) -> None:
        super().__init__(("worker",), config_path, processes)
        self._database = database

    def _arguments(self, name: str, slot: int) -> list[str]:
        del slot
        return ["--name", name]

    def _ended(self, name: str, slot: int) -> None:
        """Return a dead worker's job at once; the reaper would do it when the lease expires."""
        del slot
        try:
            with self._database.begin() as session:
                released = jobs.release(session, name)
        except SQLAlchemyError as error:
            # The database may be away; then the lease expires by itself.
            reason = status.reason(error)
            logger.error("leases of a dead worker not released", worker=name, reason=reason)
            return
        if released:
            logger.warning("jobs of a dead worker returned", worker=name, jobs=released)


class WebSupervisor(Supervisor):
    """Supervises the process of the web page; whatever becomes of that, images are received."""

    kind = "web page"

    def __init__(self, config_path: Path, *, enabled: bool) -> None:
        super().__init__(("web", "serve"), config_path, int(enabled))


class ReceiverSupervisor(Supervisor):
    """Supervises the receiving processes, which share one listening socket of this process.

    Where one dies, its associations die with it, and senders repeat what was not acknowledged;
    connections that come meanwhile go to the others, or wait.
    """

    kind = "receiver"
    # glibc sets memory aside for each thread otherwise, and every association has two.
    _environment = MappingProxyType({"MALLOC_ARENA_MAX": "2"})

    def __init__(self, config_path: Path, node: Node, receiver: Receiver, folder: Path) -> None:
        """Prepare; nothing listens before `start`."""
        processes = receiver.processes or min(os.cpu_count() or 1, _MOST_RECEIVERS)
        super().__init__(("receive",), config_path, processes)
        self._node = node
        self._folder = folder
        self._run = secrets.token_hex(8)
        self._number = 0
        self._lock = threading.Lock()
        self._alive: set[str] = set()
        self._socket: socket.socket | None = None
        self._tally: Tally | None = None

    @property
    def port(self) -> int:
        """The port in use, also when the configuration asked for any (0)."""
        return int(self._socket.getsockname()[1]) if self._socket else self._node.port

    def alive(self, association: str) -> bool:
        """Tell whether the process lives that named an association."""
        with self._lock:
            return association.rpartition("-")[0] in self._alive

    def start(self) -> None:
        """Listen, and start the processes.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        host, port = self._node.host, self._node.port
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self._socket = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on node.host {host!r}, node.port {port}: "
                f"{os.strerror(error.errno or 0)}; "
                "end the program that uses the port, or choose another address"
            ) from error
        self._descriptors = (self._socket.fileno(),)
        self._tally = Tally.create(self._folder, self._processes)
        super().start()

    def wait(self, stop: threading.Event) -> None:
        """Wait until all processes listen, or until told to stop."""
        while self._tally is not None and self._tally.listening < self._processes:
            if stop.wait(_LOOK_AGAIN_S):
                return

    def stop(self) -> None:
        """End the processes, and then let go of the port."""
        super().stop()
        if self._socket is not None:
            self._socket.close()

    def _name(self) -> str:
        with self._lock:
            self._number += 1
            name = f"{self._run}.{self._number}"
            self._alive.add(name)
            return name

    def _arguments(self, name: str, slot: int) -> list[str]:
        return ["--fd", str(self._descriptors[0]), "--name", name, "--row", str(slot)]

    def _ended(self, name: str, slot: int) -> None:
        """Count the associations of a dead process as closed."""
        with self._lock:
            self._alive.discard(name)
        if self._tally is not None:
            self._tally.clear(slot)
