"""Bad days of a node, seen from outside: its disk, its database or its PACS fails, or all send.

Nothing is killed here; `test_kill_anywhere` does that. Whatever fails, the node lives on, says no
where it cannot keep its word, and at the end the books balance.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import postgres
from tests.kill import books, disks
from tests.kill.scans import SLICES, Scan
from tests.kill.traffic import Day, Foreign, begin, corrected, day
from tests.lying_pacs import LyingPacs
from tests.peers import free_port, wait_until

pytestmark = [pytest.mark.xdist_group("acceptance-bad-days"), pytest.mark.timeout(600)]

OUT_OF_RESOURCES = 0xA700
ALL_STORED = [0x0000] * SLICES
MIB = 1 << 20
BELOW_SPOOL = 1_500_000  # an image of so many bytes is held in memory, and goes to a segment
ABOVE_SPOOL = 12_000_000  # one of so many gets a file of its own while it arrives


def balanced(done: Day, folder: Path, database_url: str = "") -> None:
    """Wait for the end of everything, and balance the books."""
    done.settle()
    url = database_url or f"sqlite:///{folder / 'var' / 'foramina.sqlite'}"
    wrong = books.balance(done, url, folder / "var")
    assert not wrong, "\n".join(wrong[:40])
    assert done.acknowledged


def undisturbed(done: Day) -> None:
    """See that no process of the node has died."""
    for process in ("receiver", "worker"):
        assert done.node.logged(f"{process} ended") == 0, done.node.log.read_text()[-4000:]


def send_until_all_is_kept(done: Day, scan: Scan) -> None:
    """Send a series as a scanner does after a refusal: again, until it is taken.

    It leaves the node a second: what was taken of a refused attempt has to be filed first.
    """

    def is_taken() -> bool:
        if done.send(scan) == ALL_STORED:
            return True
        time.sleep(1)
        return False

    wait_until(is_taken, f"series {scan.number} is taken", 240)


def test_a_disk_that_becomes_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORAMINA_STORAGE__MINIMUM_FREE_BYTES", "0")
    monkeypatch.setenv("FORAMINA_RECEIVER__PROCESSES", "1")
    with disks.small(tmp_path / "var", 700 * MIB) as disk, day(tmp_path) as done:
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        ballast = disks.fill(disk)
        large = Foreign(2, whole=False, padding_bytes=ABOVE_SPOOL)
        assert done.send(large) == [OUT_OF_RESOURCES] * SLICES
        # A segment has its space beforehand: what fits is taken, and filed when there is room.
        middling = [Foreign(n, whole=False, padding_bytes=BELOW_SPOOL) for n in range(3, 9)]
        answers = [status for scan in middling for status in done.send(scan)]
        assert set(answers) == {0x0000, OUT_OF_RESOURCES}
        assert done.send(Scan(10, whole=True)).count(None) == 0
        undisturbed(done)
        ballast.unlink()
        for scan in (large, *middling, Scan(10, whole=True), Scan(11, whole=True)):
            send_until_all_is_kept(done, scan)
        balanced(done, tmp_path)
        undisturbed(done)


def test_a_disk_that_falls_below_the_shipped_watermark(tmp_path: Path) -> None:
    with disks.small(tmp_path / "var", 1300 * MIB) as disk, day(tmp_path) as done:
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        ballast = disks.fill(disk, 250 * MIB)
        time.sleep(1.5)  # the disk is asked once a second
        assert done.send(Scan(2, whole=True)) == [OUT_OF_RESOURCES] * SLICES
        assert not [uid for uid in done.acknowledged if ".2.4." in uid]
        uid = Scan(1, whole=True).series_instance_uid
        done.node.wait(lambda: done.pacs.about.get(uid), "what was taken is reported meanwhile")
        ballast.unlink()
        send_until_all_is_kept(done, Scan(2, whole=True))
        balanced(done, tmp_path)
        undisturbed(done)


def test_a_disk_that_becomes_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORAMINA_STORAGE__MINIMUM_FREE_BYTES", "0")
    with ExitStack() as stack:
        disk = disks.Fragile(tmp_path / "disk.img", tmp_path / "var", 600 * MIB)
        stack.callback(disk.unmount)
        done = stack.enter_context(day(tmp_path))
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        disk.break_()
        for number in (2, 3):
            assert done.send(Scan(number, whole=True)) == [OUT_OF_RESOURCES] * SLICES
        large = Foreign(4, whole=False, padding_bytes=ABOVE_SPOOL)
        assert done.send(large) == [OUT_OF_RESOURCES] * SLICES
        assert done.node.logged("receiver ended") == 0
        done.node.stop()
        disk.repair()
        begin(done.node)
        for scan in (Scan(2, whole=True), Scan(3, whole=True), large):
            assert done.send(scan) == ALL_STORED
        balanced(done, tmp_path)


def test_a_database_that_is_locked(tmp_path: Path) -> None:
    with day(tmp_path) as done:
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        lock = sqlite3.connect(tmp_path / "var" / "foramina.sqlite", isolation_level=None)
        lock.execute("PRAGMA busy_timeout = 10000")
        lock.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        before = _instances(lock)
        for number in range(2, 6):
            assert done.send(Scan(number, whole=True)) == ALL_STORED
        assert _instances(lock) == before
        time.sleep(max(0.0, 6.0 - (time.monotonic() - began)))
        lock.execute("ROLLBACK")
        lock.close()
        balanced(done, tmp_path)
        undisturbed(done)


def _instances(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM instances").fetchone()[0])


@pytest.fixture
def server() -> Iterator[postgres.Cluster]:
    """Start a PostgreSQL server that the test may stop."""
    binaries = postgres.find_binaries()
    if binaries is None:
        pytest.skip("no initdb and pg_ctl found: install the Debian package `postgresql`")
    cluster = postgres.Cluster(binaries)
    yield cluster
    cluster.stop()


def test_a_database_server_that_goes_away_and_comes_back(
    tmp_path: Path, server: postgres.Cluster
) -> None:
    url = server.url(server.create())
    with day(tmp_path, url) as done:
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        server.pause()
        try:
            for number in (2, 3):
                assert done.send(Scan(number, whole=True)) == ALL_STORED
            time.sleep(3)
            assert done.send(Foreign(4, whole=False)) == ALL_STORED
        finally:
            server.resume()
        balanced(done, tmp_path, url)
        assert done.node.logged("receiver ended") == 0


def test_a_pacs_that_refuses_hangs_is_away_or_loses_is_named_with_what_it_did(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        peers = {
            "full": LyingPacs(store_status=0xA700),
            "picky": LyingPacs(store_status=0xC000),
            "hung": LyingPacs(hangs=True),
            "lossy": LyingPacs(loses=True, reports_at_once=True),
            "honest": LyingPacs(reports_at_once=True),
        }
        ports = {name: stack.enter_context(pacs).port for name, pacs in peers.items()}
        ports["away"] = free_port()
        done = stack.enter_context(
            day(
                tmp_path,
                destinations=[
                    {"name": name, "ae_title": "PACS", "host": "127.0.0.1", "port": port}
                    for name, port in ports.items()
                ],
                delivery={
                    "poll_s": 0.05, "timeout_s": 2, "retry_delay_s": 0.2,
                    "retry_delay_max_s": 1, "confirm_after_s": 0.2, "settle_s": 0.2,
                    "commitment_wait_s": 5, "commitment_answer_s": 5,
                },
            )
        )  # fmt: skip
        assert done.send(Scan(1, whole=True)) == ALL_STORED
        troubled = {
            "full": ("queued", "0xA700"),
            "picky": ("failed", "0xC000"),
            "hung": ("queued", "did not answer C-STORE"),
            "lossy": ("failed", "after it was sent 4 times"),
            "honest": ("committed", ""),
            "away": ("queued", "refused"),
        }
        _wait_for(done, troubled)
        assert done.node.logged("worker ended") == 0
        # The same object every time; and once they behave, it arrives.
        assert len(set(peers["lossy"].received)) == 1
        # It may have come once more: what is not answered in time does not count as sent.
        assert len(peers["lossy"].received) >= 4
        for pacs in peers.values():
            pacs.store_status, pacs.loses, pacs.hangs, pacs.reports_at_once = 0, False, False, True
        stack.enter_context(LyingPacs(port=ports["away"], reports_at_once=True))
        for delivery in done.node.ask("deliveries", "list"):
            if delivery["state"] == "failed":
                done.node.ask("deliveries", "retry", str(delivery["id"]))
        well = dict.fromkeys(ports, ("committed", ""))
        _wait_for(done, well)


def _wait_for(done: Day, expected: dict[str, tuple[str, str]], timeout_s: float = 240) -> None:
    """Wait until the deliveries to all destinations stand as told: state, and words of the reason.

    What each has said on the way counts: a destination that is tried again changes its mind.
    """
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in expected}
    left = dict(expected)
    deadline = time.monotonic() + timeout_s
    while left and time.monotonic() < deadline:
        for row in done.node.ask("deliveries", "list"):
            name, state, error = row["destination"], row["state"], row["error"] or ""
            seen[name].add((state, error))
            if name in left and left[name][0] == state and left[name][1] in error:
                del left[name]
        time.sleep(0.1)
    assert not left, {name: sorted(seen[name]) for name in left}


@pytest.mark.slow
def test_a_busy_day_and_the_books_balance(tmp_path: Path) -> None:
    with day(tmp_path, scanners=4) as done:
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=_guarded, args=(failures, done, number), daemon=True)
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(240)
            assert not thread.is_alive(), "a scanner is not rid of its series"
        assert not failures, failures
        balanced(done, tmp_path)
        undisturbed(done)
        kinds = [(scan.whole, scan.revised) for one in done.senders for scan in one.scans]
        assert {(True, False), (True, True), (False, False)} <= set(kinds)


def _guarded(failures: list[BaseException], done: Day, number: int) -> None:
    try:
        _busy(done, number)
    except BaseException as error:
        failures.append(error)
        raise


def _busy(done: Day, number: int, rounds: int = 2) -> None:
    """Work as one scanner: series interleaved over associations, with all that goes wrong."""
    rng = random.Random(number)
    scanner = done.senders[number]
    for turn in range(rounds):
        first = 1000 * (number + 1) + 10 * turn
        plain = Scan(first, whole=True)
        revised = Scan(first + 1, whole=True, revised=turn == 0)
        others = [Foreign(first + 2, whole=False), Scan(first + 3, whole=False)]
        scanner.scans += [plain, revised, *others]
        everything = [each for scan in (plain, revised, *others) for each in scan.instances()]
        rng.shuffle(everything)
        waiting = list(everything)
        while waiting:
            some, waiting = waiting[:7], waiting[7:]
            if rng.random() < 0.5:
                scanner.break_off(rng.choice(some))  # nothing of it counts
            assert scanner.send(some, abort=rng.random() < 0.3) == [0] * len(some)
        again = rng.sample(everything, 8)  # duplicates
        assert scanner.send(again) == [0] * len(again)
        time.sleep(rng.uniform(0, 1))
        if revised.revised:
            better = [corrected(each) for each in revised.instances()]
            assert scanner.send(better) == [0] * len(better)
            assert scanner.send(better[:3]) == [0] * 3
