"""Measure how fast instances are received, beside DCMTK and Orthanc; run by hand, asserts nothing.

    python -m tests.benchmarks.bench_receive rates [--rounds 3] [--associations 1,4,8] [...]
    python -m tests.benchmarks.bench_receive memory [--instances 50000]
    python -m tests.benchmarks.bench_receive rows [--rows 1000000]

`rates`: all receivers in shuffled rounds; what counts is the ratio to `storescp +B` in the same
round, for absolute numbers depend on the machine and on what else it does. DCMTK and Orthanc run
with TCP_NODELAY=1: as shipped by Debian they wait 44 ms for each image. Ours has every instance
durable before it answers and files it meanwhile; `storescp` promises nothing.
`memory`: peak of all receiving processes. `rows`: the rate with so many instances in the database,
beside an empty one.

Nothing is deleted between runs, because bulk deletes make the creation of files slow for minutes;
files are truncated, and all is removed at the very end.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks import sender
from tests.peers import DCMTK_ENVIRONMENT, Orthanc, free_port

ROOT = Path(__file__).parents[2]
BIG, SMALL = 448, 176  # pixel rows: 404 kB and 64 kB per instance
REFERENCE = "storescp +B"
FILED_TIMEOUT_S = 600.0


class Node:
    """This node, as its users start it."""

    def __init__(self, folder: Path, **receiver: Any) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir(parents=True)
        data = yaml.safe_load((ROOT / "config.yaml").read_text())
        data["node"]["port"] = self.port
        data["storage"] = {"folder": "var"}
        data["web"] = {"enabled": False}
        data["worker"]["processes"] = 0
        data["assembler"]["stable_age_s"] = 3600.0
        data["assembler"]["doubtful_age_s"] = 3600.0
        data["receiver"] = receiver
        (folder / "config.yaml").write_text(yaml.safe_dump(data))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "node.cli", "serve", "--config",
                 str(self.folder / "config.yaml")],
                stdout=log, stderr=log, cwd=ROOT,
            )  # fmt: skip
        deadline = time.monotonic() + 300
        wanted = yaml.safe_load((self.folder / "config.yaml").read_text())["receiver"]["processes"]
        while (self.folder / "log").read_bytes().count(b"receiving ") < wanted:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def filed(self, count: int) -> float:
        """Wait until so many instances are in the database; seconds."""
        started = time.monotonic()
        database = sqlite3.connect(self.folder / "var" / "foramina.sqlite", timeout=60)
        with database:
            while database.execute("SELECT count(*) FROM instances").fetchone()[0] < count:
                if time.monotonic() - started > FILED_TIMEOUT_S:
                    raise RuntimeError(f"not filed in {FILED_TIMEOUT_S:.0f} s")
                time.sleep(0.2)
        database.close()
        return time.monotonic() - started

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(120)
            except subprocess.TimeoutExpired:  # it files what is left of a long backlog
                self._process.kill()
                self._process.wait()

    @property
    def receivers(self) -> list[int]:
        """Process ids of the receiving processes."""
        return [
            pid
            for pid in _children(self.pid)
            if b"receive" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


class StoreScp:
    """DCMTK's storescp, one process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        folder.mkdir(parents=True)
        self._command = ["storescp", *options, "-od", str(folder), str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, env=DCMTK_ENVIRONMENT, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            try:
                sender.Association(self.port).release()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("storescp does not answer")

    def filed(self, _count: int) -> float:
        return 0.0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


class OrthancReceiver(Orthanc):
    """Orthanc, as tests run it: SQLite, its storage synced before it answers."""

    @property
    def port(self) -> int:
        return self.dicom_port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def filed(self, _count: int) -> float:
        return 0.0


RECEIVERS: dict[str, Callable[[Path], Any]] = {
    REFERENCE: lambda folder: StoreScp(folder, "+B"),
    "storescp --fork +B": lambda folder: StoreScp(folder, "--fork", "+B"),
    "orthanc": OrthancReceiver,
    "foramina, 1 process": lambda folder: Node(folder, processes=1),
    "foramina, 2 processes": lambda folder: Node(folder, processes=2),
    "foramina, stock path, 2": lambda folder: Node(folder, processes=2, path="stock"),
}
SLOW = {"orthanc": 4, "foramina, stock path, 2": 4}  # so many times fewer instances


@dataclass(frozen=True, slots=True)
class Run:
    rate: float
    wait_ms: float
    cpu_ms: float
    """Of the receiver per instance, until the last was acknowledged; ours with what filing took."""
    filed_s: float


@contextmanager
def started(receiver: Any) -> Iterator[Any]:
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def measured(
    make: Callable[[Path], Any], folder: Path, rows: int, count: int, associations: int,
    *, per_series: bool,
) -> Run:  # fmt: skip
    """Send to a fresh receiver: a little to warm it, then what is measured."""
    batches = sender.series(max(associations, count // sender.SLICES), rows)
    warm = sender.series(max(4, associations), rows)
    with started(make(folder)) as receiver:
        sender.send(receiver.port, warm, associations, per_series=False)
        receiver.filed(len(warm) * sender.SLICES)
        before = _cpu_s(receiver.pid)
        sent = sender.send(receiver.port, batches, associations, per_series=per_series)
        cpu_ms = (_cpu_s(receiver.pid) - before) / sent.instances * 1000
        if sent.refused:
            raise RuntimeError(f"refused: {[hex(code) for code in set(sent.refused)]}")
        filed_s = receiver.filed((len(warm) + len(batches)) * sender.SLICES)
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > 16384:
            os.truncate(path, 0)
    return Run(sent.rate, statistics.median(sent.waits_s) * 1000, cpu_ms, filed_s)


def _cpu_s(pid: int) -> float:
    """Give the processor time of a process and those that it started."""
    ticks = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    own = ticks / os.sysconf("SC_CLK_TCK")
    return own + sum(map(_cpu_s, _children(pid)))


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = []
    for task in tasks:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def rates(options: argparse.Namespace, folder: Path) -> None:
    """Print the rates of all receivers, and their ratios to the reference."""
    names = [name for name in RECEIVERS if not options.only or name in options.only.split(";")]
    for rows, per_series in ((BIG, False), (BIG, True), (SMALL, False)):
        if options.kinds and f"{rows}{'s' if per_series else ''}" not in options.kinds.split(","):
            continue
        for associations in map(int, options.associations.split(",")):
            found: dict[str, list[Run]] = {name: [] for name in names}
            for number in range(options.rounds):
                order = names[:]
                random.Random(number).shuffle(order)
                for name in order:
                    count = options.instances // SLOW.get(name, 1)
                    place = folder / f"{rows}-{per_series}-{associations}-{number}-{name[-12:]}"
                    found[name].append(
                        measured(RECEIVERS[name], place, rows, count, associations,
                                 per_series=per_series)
                    )  # fmt: skip
            what = "404 kB" if rows == BIG else "64 kB"
            print(f"--- {what}, {associations} associations", "(one per series)" * per_series)
            _print(found)


def _print(found: dict[str, list[Run]]) -> None:
    print(
        f"{'receiver':<28}{'inst/s':>9}{'ratio':>8}{'ratios':>22}"
        f"{'wait ms':>9}{'cpu ms':>8}{'filed s':>9}"
    )
    for name, runs in found.items():
        ratios = [
            run.rate / reference.rate for run, reference in zip(runs, found[REFERENCE], strict=True)
        ]
        spread = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"{name:<28}{statistics.median(run.rate for run in runs):>9.0f}"
            f"{statistics.median(ratios):>8.2f}{spread:>22}"
            f"{statistics.median(run.wait_ms for run in runs):>9.2f}"
            f"{statistics.median(run.cpu_ms for run in runs):>8.2f}"
            f"{statistics.median(run.filed_s for run in runs):>9.1f}",
            flush=True,
        )


def memory(options: argparse.Namespace, folder: Path) -> None:
    """Print the peak memory of the receiving processes over many small instances."""
    with started(Node(folder / "node", processes=2)) as node:
        before = _resident(node.receivers)
        peak = [before]
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.2):
                peak[0] = max(peak[0], _resident(node.receivers))

        watcher = threading.Thread(target=watch)
        watcher.start()
        batches = sender.series(options.instances // sender.SLICES, SMALL)
        sent = sender.send(node.port, batches, 8, per_series=True)
        stop.set()
        watcher.join()
        after = _resident(node.receivers)
    print(
        f"{sent.instances} instances of 64 kB, 8 associations, one per series: {sent.rate:.0f}/s, "
        f"refused {len(sent.refused)}; receiving processes together: {before:.0f} MB before, "
        f"{peak[0]:.0f} MB peak, {after:.0f} MB after"
    )


def _resident(pids: list[int]) -> float:
    """Sum the resident set sizes, in MB; what processes share is counted for each of them."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                total += int(line.split()[1])
    return total / 1000


def rows(options: argparse.Namespace, folder: Path) -> None:
    """Print the rate with many instances in the database, beside an empty one."""
    found: dict[int, list[float]] = {0: [], options.rows: []}
    for number in range(options.rounds):
        order = list(found)
        random.Random(number).shuffle(order)
        for count in order:
            node = Node(folder / f"{number}-{count}", processes=2)
            with started(node):
                pass  # makes the tables
            _fill(node.folder / "var" / "foramina.sqlite", count)
            (node.folder / "log").write_bytes(b"")
            with started(node):
                warm = sender.series(8, SMALL)
                sender.send(node.port, warm, 4, per_series=False)
                node.filed(count + 8 * sender.SLICES)
                batches = sender.series(options.instances // sender.SLICES, SMALL)
                begun = time.monotonic()
                sent = sender.send(node.port, batches, 4, per_series=False)
                node.filed(count + 8 * sender.SLICES + sent.instances)
                all_s = time.monotonic() - begun
            found[count].append(sent.rate)
            print(f"{count} rows: {sent.rate:.0f}/s acknowledged, "
                  f"{sent.instances / all_s:.0f}/s filed", flush=True)  # fmt: skip
    medians = {count: statistics.median(values) for count, values in found.items()}
    print(f"ratio {medians[options.rows] / medians[0]:.2f}")


def _fill(path: Path, count: int) -> None:
    """Put instances into the database, 100 per series, without files."""
    if not count:
        return
    database = sqlite3.connect(path)
    moment = "2026-01-01 00:00:00.000000"
    series = count // 100

    def required(table: str, known: dict[str, Any]) -> dict[str, Any]:
        """Complete a row with something for every other column that must not be empty."""
        row = dict(known)
        for _, name, kind, not_null, default, key in database.execute(
            f"PRAGMA table_info({table})"
        ):
            if name not in row and not_null and default is None and not key:
                row[name] = moment if "DATE" in kind else 0 if "INT" in kind else ""
        return row

    def insert(table: str, made: Iterator[dict[str, Any]]) -> None:
        first = next(made)
        names = list(first)
        statement = (
            f"INSERT INTO {table} ({', '.join(names)}) "  # noqa: S608
            f"VALUES ({', '.join('?' * len(names))})"
        )
        database.execute(statement, list(first.values()))
        database.executemany(statement, (list(row.values()) for row in made))

    plain = required("series", {"state": "rejected", "revision": 1, "processed_revision": 1})
    insert("series", (
        plain | {"id": number, "series_instance_uid": f"1.2.3.{number}",
                 "study_instance_uid": f"1.2.4.{number}"}
        for number in range(1, series + 1)
    ))  # fmt: skip
    plain = required("instances", {"state": "current", "size_bytes": 1})
    insert("instances", (
        plain | {"series_id": number // 100 + 1, "sop_instance_uid": f"1.2.5.{number}",
                 "data_sha256": f"{number:064x}", "path": f"instances/{number}.dcm"}
        for number in range(count)
    ))  # fmt: skip
    database.commit()
    database.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("rates", "memory", "rows"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--associations", default="1,4,8")
    parser.add_argument("--instances", type=int, default=1200)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="receivers, joined by semicolons")
    parser.add_argument("--kinds", default="", help="of 448, 448s (one per series), 176")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-receive-"))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, in {folder}")
    try:
        {"rates": rates, "memory": memory, "rows": rows}[options.what](options, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
