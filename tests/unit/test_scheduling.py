"""A process that dies in the middle of the suite: its test is named, and every other one is run."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(folder: Path, source: str, processes: int) -> str:
    """Run these tests as `make test` does; what pytest printed."""
    folder.joinpath("test_these.py").write_text("import os, pytest\n" + source)
    command = [
        *(sys.executable, "-m", "pytest", "-p", "tests.scheduling", "-p", "no:randomly", "-p"),
        *("no:cacheprovider", "-n", str(processes), "--dist", "loadgroup", "-c", "/dev/null"),
        *("--rootdir", ".", "--no-loadscope-reorder", "-rA", "."),
    ]  # fmt: skip
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("processes", [1, 2])
def test_the_suite_goes_on_after_the_loss_of_a_process(tmp_path: Path, processes: int) -> None:
    """Forty tests are done when it happens; two of the group are left, and ten others to come."""
    printed = run(
        tmp_path,
        "@pytest.mark.parametrize('n', range(40))\n"
        "def test_before(n): pass\n"
        "@pytest.mark.xdist_group('fatal')\n"
        "@pytest.mark.parametrize('n', range(5))\n"
        "def test_group(n):\n"
        "    if n == 2: os._exit(1)\n"
        "@pytest.mark.parametrize('n', range(10))\n"
        "def test_after(n): pass\n",
        processes,
    )
    assert "1 failed, 54 passed" in printed
    assert "crashed while running 'test_these.py::test_group[2]@fatal'" in printed


@pytest.mark.parametrize("processes", [1, 2])
def test_one_test_is_left_for_the_successor(tmp_path: Path, processes: int) -> None:
    """It is run although no second one follows it."""
    printed = run(tmp_path, "def test_a(): os._exit(1)\ndef test_b(): pass\n", processes)
    assert "1 failed, 1 passed" in printed


def test_the_last_test_is_fatal(tmp_path: Path) -> None:
    """Nothing is left, and the session ends."""
    printed = run(tmp_path, "def test_a(): pass\ndef test_b(): os._exit(1)\n", 2)
    assert "1 failed, 1 passed" in printed
