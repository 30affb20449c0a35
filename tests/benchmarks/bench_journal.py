"""How quick the journal is beside a new file per instance, and what filing costs.

    .venv/bin/python -m tests.benchmarks.bench_journal FOLDER [--rounds 3] [--count 200]

FOLDER is on the disk that is measured; nothing in it is deleted, because bulk deletes slow down the
creation of files for minutes. Ways are measured in shuffled rounds, after one round to warm up.
"""

import argparse
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import structlog

from node.filer import JOURNAL, Filer
from storage.database import Database
from storage.incoming import instance_fields
from storage.journal import Kind, Reader, Writer
from tests.factories import SERIES_UID, make_incoming

SIZE_BYTES = 404 * 1024
THREADS = (1, 4, 8)
FIELDS = {"sop_instance_uid": f"{SERIES_UID}.1", "series_instance_uid": SERIES_UID, "number": 1}


def appended(folder: Path, count: int, threads: int) -> float:
    """Append to the journal, and have it read; seconds."""
    writer = Writer(folder / "journal", f"run.{uuid4().hex}")
    data = os.urandom(SIZE_BYTES)
    seconds = _timed(lambda: writer.append(Kind.INSTANCE, FIELDS, [data]), count, threads)
    writer.close()
    reader = Reader(folder / "journal")
    while entries := reader.entries():
        reader.filed(entries)
    reader.retire()
    reader.close()
    return seconds


def new_files(folder: Path, count: int, threads: int) -> float:
    """Write a new file for each, sync it and its folder; seconds."""
    data = os.urandom(SIZE_BYTES)
    shelf = folder / uuid4().hex
    shelf.mkdir()
    directory = os.open(shelf, os.O_RDONLY)

    def write() -> None:
        path = shelf / uuid4().hex
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        os.close(descriptor)
        os.fsync(directory)

    seconds = _timed(write, count, threads)
    os.close(directory)
    return seconds


def _timed(write: Callable[[], None], count: int, threads: int) -> float:
    def work() -> None:
        for _ in range(count // threads):
            write()

    lanes = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    return time.perf_counter() - start


def filing_ms(folder: Path, count: int) -> tuple[float, float]:
    """File instances of several series; milliseconds of CPU and of time per instance."""
    storage = folder / f"storage-{uuid4().hex}"
    database = Database(f"sqlite:///{storage / 'foramina.sqlite'}")
    database.migrate()
    writer = Writer(storage / JOURNAL, "run.1")
    template = make_incoming(1, size=454)
    for number in range(count):
        uid = f"{SERIES_UID}.{uuid4().int % 10**15}"
        series_uid = f"{SERIES_UID}.{number // 15}"
        part10 = template.part10[:-64] + os.urandom(64)
        one = replace(
            template,
            sop_instance_uid=uid,
            series_instance_uid=series_uid,
            part10=part10,
            received_at=datetime.now(UTC),
        )
        writer.append(Kind.INSTANCE, instance_fields(one), [part10])
    filer = Filer(database, storage)
    cpu, wall = time.thread_time(), time.perf_counter()
    filed = 0
    while filed < count:
        filed += filer.step()
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    writer.close()
    database.close()
    return cpu / count * 1e3, wall / count * 1e3


def main() -> None:
    """Measure, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    ways = {"journal": appended, "new file": new_files}
    rates: dict[tuple[str, int], list[float]] = {}
    for number in range(arguments.rounds + 1):
        cells = [(way, threads) for way in ways for threads in THREADS]
        random.shuffle(cells)
        for way, threads in cells:
            seconds = ways[way](folder, arguments.count, threads)
            if number:  # the first one warms up
                rates.setdefault((way, threads), []).append(arguments.count / seconds)
    for threads in THREADS:
        journal, files = (statistics.median(rates[way, threads]) for way in ways)
        print(
            f"{threads} threads: journal {journal:.0f}/s, new file + 2 syncs {files:.0f}/s, "
            f"ratio {journal / files:.2f}"
        )
    costs = [filing_ms(folder, arguments.count) for _ in range(arguments.rounds)]
    cpu, wall = (statistics.median(column) for column in zip(*costs, strict=True))
    print(f"filing: {cpu:.2f} ms CPU, {wall:.2f} ms per instance of {SIZE_BYTES >> 10} kB")


if __name__ == "__main__":
    main()
