"""Measure the speed of synthetic scans beside what is wanted; run by hand, asserts nothing.

    python -m tests.benchmarks.bench_synthetic [ANATOMIES] [VOLUMES]

Anatomies are drawn into a temporary folder; times hold for a machine that does nothing else.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

PROCESSES = 2
SHAPE = (20, 160, 160)
WANTED = {"volumes": 4.0, "anatomy_s": 5.0, "megabytes": 1000.0}


def main(anatomies: int = 6, volumes: int = 40) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        drawn = _in_processes(_draw, [(folder, range(1, anatomies + 1))])[0]
        share = volumes // PROCESSES
        start = time.perf_counter()
        streamed = _in_processes(_stream, [(folder, rank, share) for rank in range(PROCESSES)])
        wall_s = time.perf_counter() - start
    slowest_s = max(one["seconds"] for one in streamed)
    cpu_s = sum(one["cpu_s"] for one in streamed) / (share * PROCESSES)
    lines = [
        ("training volumes per second, 2 processes", share * PROCESSES / slowest_s,
         f"at least {WANTED['volumes']:.0f}"),
        ("  processor seconds per volume", cpu_s, ""),
        ("  with start of the processes and first reading, volumes per second",
         share * PROCESSES / wall_s, ""),
        ("seconds per new anatomy, 1 process (mean)", drawn["seconds"] / anatomies,
         f"at most {WANTED['anatomy_s']:.0f}"),
        ("peak memory of a process that draws, MB", drawn["megabytes"],
         f"below {WANTED['megabytes']:.0f}"),
        ("peak memory of a process that streams, MB",
         max(one["megabytes"] for one in streamed), f"below {WANTED['megabytes']:.0f}"),
    ]  # fmt: skip
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, volumes of {SHAPE}")
    for name, value, wanted in lines:
        print(f"{name:<70}{value:>9.2f}  {wanted}")


def _draw(folder: str, seeds: range) -> dict[str, float]:
    """Draw and keep anatomies, one after the other."""
    from model.synthetic import cache

    start = time.perf_counter()
    cache.build(Path(folder), seeds, processes=1)
    return _spent(start)


def _stream(folder: str, rank: int, count: int) -> dict[str, float]:
    """Image volumes from kept anatomies; reading the first ones is not counted."""
    from model.synthetic import stream

    scans: Iterator[Any] = stream.draws(1, Path(folder), first=rank, step=PROCESSES, shape=SHAPE)
    for _ in islice(scans, 4):
        pass
    start, cpu = time.perf_counter(), time.process_time()
    for _ in islice(scans, count):
        pass
    return {**_spent(start), "cpu_s": time.process_time() - cpu}


def _spent(start: float) -> dict[str, float]:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": time.perf_counter() - start, "megabytes": kilobytes / 1024}


def _in_processes(function: Any, orders: list[tuple[Any, ...]]) -> list[dict[str, float]]:
    """Call a function in one new process per order, all at a time, so that peaks are its own."""
    with get_context("spawn").Pool(len(orders), maxtasksperchild=1) as pool:
        return pool.starmap(function, orders)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
