"""Work shared between processes: in order, and errors come through."""

import itertools
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from model.workers import ahead, each

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_and_errors_come_through(processes: int) -> None:
    results = each(math.sqrt, [9.0, 4.0, -1.0], processes)
    assert next(results) == 3.0
    assert next(results) == 2.0
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        next(results)


def test_one_item_needs_no_process() -> None:
    assert list(each(lambda item: item + 1, [1], 2)) == [2]  # a lambda cannot be sent


@pytest.mark.parametrize("processes", [0, 1])
def test_work_is_done_ahead_of_an_endless_row(processes: int) -> None:
    results = ahead(math.sqrt, (float(number**2) for number in itertools.count()), processes, 3)
    assert list(itertools.islice(results, 5)) == [0.0, 1.0, 2.0, 3.0, 4.0]
    results.close()  # type: ignore[attr-defined]


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys\n"
        "from model.workers import ahead\n"
        "def work(number):\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    for pid in ahead(work, iter(int, 1), 1, 2):\n"
        "        print(pid, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
