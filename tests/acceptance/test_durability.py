"""Nothing is called safe before it is: the node's calls to the kernel, in their order.

SIGKILL keeps the page cache and so proves nothing about a power cut. What a power cut leaves is
what had been synced; so the order of writing, syncing, renaming and answering is looked at itself.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import syscalls
from tests.black_box import ROOT, STOP_TIMEOUT_S, BlackBox
from tests.kill.scans import Scan, encoded
from tests.peers import program
from tests.syscalls import Call

INSTANCES = 9
pytestmark = [pytest.mark.xdist_group("durability"), pytest.mark.timeout(900)]


def call(at: float, name: str, path: str, data: str = "", source: str = "") -> Call:
    """Make a call that took 0.1 s."""
    return Call(at, at + 0.1, name, path, source, data)


def unsafe_answers(calls: list[Call]) -> list[str]:
    """Say which C-STORE responses went out before what they acknowledge was on the disk.

    Before each response: something was written to the journal since the last one, and a sync of
    that segment that began after the last write has returned.
    """
    wrong, dirty, synced = [], {}, 0
    for number, one in enumerate(calls):
        if one.path.endswith(".segment") and one.writes:
            dirty[one.path] = one.ended
        elif one.path.endswith(".segment") and one.syncs:
            if dirty.get(one.path, float("inf")) <= one.begun:
                del dirty[one.path]
                synced += 1
        elif one.sends and one.data.startswith(r"\4\0"):
            if not synced:
                wrong.append(
                    f"call {number}: answered, and nothing was synced since the last answer"
                )
            if dirty:
                wrong.append(f"call {number}: answered, and {sorted(dirty)} is not synced")
            synced = 0
    return wrong


def unsafe_files(calls: list[Call]) -> list[str]:
    """Say which instance files got their name, or their row, before they were on the disk.

    The order for each: written, synced, renamed; then its folder synced; then a commit, which syncs
    the write-ahead log of the database.
    """
    named = [one for one in calls if one.renames and one.path.endswith(".dcm")]
    faults = [fault for one in named for fault in _faults(one, calls)]
    return faults if named else ["no instance got its file"]


def _faults(named: Call, calls: list[Call]) -> Iterator[str]:
    draft, file = Path(named.source).name, Path(named.path)
    written = max(
        (one.ended for one in calls if one.writes and one.path.endswith(draft)), default=0
    )
    syncs = [one for one in calls if one.syncs]
    if not any(
        one.path.endswith(draft) and one.begun >= written and one.ended <= named.begun
        for one in syncs
    ):
        yield f"{file.name} got its name before it was synced"
    later = [one for one in syncs if one.begun >= named.ended]
    folders = [one.ended for one in later if one.path.endswith(str(file.parent))]
    commits = [one.begun for one in later if one.path.endswith("-wal")]
    if not commits:
        yield f"{file.name} has no row"
    elif not folders or min(folders) > min(commits):
        yield f"{file.name} got its row before its folder was synced"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    """Trace a node that receives one series from DCMTK's storescu, and files it."""
    folder = tmp_path_factory.mktemp("traced")
    scan = folder / "scan"
    scan.mkdir()
    for number, dataset in enumerate(Scan(1, whole=True).instances()):
        (scan / f"{number}.dcm").write_bytes(encoded(dataset))
    assert len(list(scan.iterdir())) == INSTANCES
    storescu = program("storescu", "dcmtk")
    box = BlackBox(folder, worker={"processes": 0})
    command = [sys.executable, "-m", "node.cli", "serve", "--config", str(box.config)]
    with box.log.open("wb") as log:
        node = subprocess.Popen(
            syscalls.traced(command, folder / "trace"),
            stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
    try:
        box.wait(lambda: box.logged("node ready"), "the node is ready")
        time.sleep(1)
        send = [storescu, "+sd", "-aec", "FORAMINA", "127.0.0.1", str(box.port), str(scan)]
        subprocess.run(send, check=True, timeout=240)
        box.wait(lambda: box.logged("series complete"), "the series is complete")
    finally:
        os.killpg(node.pid, signal.SIGTERM)  # strace itself would not pass it on
        try:
            node.wait(STOP_TIMEOUT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)
    return syscalls.read(folder / "trace")


def test_every_answer_follows_the_sync_of_what_it_acknowledges(calls: list[Call]) -> None:
    answers = [one for one in calls if one.sends and one.data.startswith(r"\4\0")]
    assert len(answers) == INSTANCES
    assert unsafe_answers(calls) == []


def test_every_file_is_on_the_disk_before_its_name_and_its_row(calls: list[Call]) -> None:
    renamed = [one for one in calls if one.renames and one.path.endswith(".dcm")]
    assert len(renamed) == INSTANCES
    assert unsafe_files(calls) == []


@pytest.mark.parametrize(
    ("calls", "faulty"),
    [
        (("pwritev s", "fdatasync s", "sendto"), False),
        (("pwritev s", "sendto", "fdatasync s"), True),
        (("fdatasync s", "pwritev s", "sendto"), True),
        (("pwritev s", "sendto"), True),
        (("sendto",), True),
        (("pwritev s", "fdatasync s", "sendto", "sendto"), True),
        (("pwritev s", "pwritev s", "fdatasync s", "sendto"), False),
        (("pwritev s", "fdatasync t", "sendto"), True),
    ],
)
def test_a_wrong_order_of_journal_and_answer_is_seen(calls: tuple[str, ...], faulty: bool) -> None:
    made = [
        call(at, *(words := each.split())[:1], f"/var/{words[1]}.segment" if words[1:] else "",
             r"\4\0\0" if words[0] == "sendto" else "")
        for at, each in enumerate(calls)
    ]  # fmt: skip
    assert bool(unsafe_answers(made)) is faulty


@pytest.mark.parametrize(
    ("order", "faulty"),
    [
        ("write sync rename folder commit", False),
        ("write rename sync folder commit", True),
        ("write rename folder commit", True),
        ("write sync rename commit folder", True),
        ("write sync rename commit", True),
        ("write sync rename", True),
        ("write sync commit", True),
    ],
)
def test_a_wrong_order_of_file_and_row_is_seen(order: str, faulty: bool) -> None:
    kinds = {
        "write": ("write", "/v/i/.x.part", "", ""),
        "sync": ("fdatasync", "/v/i/.x.part", "", ""),
        "rename": ("rename", "/v/i/1.dcm", "", "/v/i/.x.part"),
        "folder": ("fsync", "/v/i", "", ""),
        "commit": ("fdatasync", "/v/foramina.sqlite-wal", "", ""),
    }
    made = [call(at, *kinds[step]) for at, step in enumerate(order.split())]
    assert bool(unsafe_files(made)) is faulty
