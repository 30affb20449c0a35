"""Files go by age and by room on the disk, slowly, once over all hosts, and a kill is no harm."""

import threading
import time
from pathlib import Path

import pytest

from node.retention import LEASE, RetentionLoop
from node.settings import Retention
from storage import leases, removals
from storage.database import Database
from storage.tables import RemovalReason
from tests import kept

FAST = {"files_per_s": 10_000, "quiet_s": 0.05}


@pytest.fixture
def three(sqlite_database: Database, tmp_path: Path) -> tuple[int, int, int]:
    """Give a rejected series of 10 days, a delivered one of 20, a rejected one of 40."""
    ids = [kept.receive(sqlite_database, tmp_path, number) for number in (1, 2, 3)]
    with sqlite_database.begin() as session:
        kept.reject(session, ids[0])
        kept.report(session, tmp_path, ids[1], "pacs")
        kept.deliver(session)
        kept.reject(session, ids[2])
    for days, series_id in zip((10, 20, 40), ids, strict=True):
        kept.let_age(sqlite_database, days, series_id)
    return ids[0], ids[1], ids[2]


def loop(database: Database, folder: Path, free: int = 10**12, **settings: float) -> RetentionLoop:
    return RetentionLoop(
        database, folder, Retention(**(FAST | settings)), free_bytes=lambda _folder: free
    )


def gone(database: Database, *series_ids: int) -> list[bool]:
    return [all(kept.purged(database, one)) for one in series_ids]


def test_by_default_everything_stays(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    assert not Retention().is_on
    assert loop(sqlite_database, tmp_path).step(threading.Event()) == 0
    assert len(kept.files(tmp_path, "instances")) == 9


def test_each_kind_goes_at_its_age(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    found = loop(sqlite_database, tmp_path, rejected_after_days=30, delivered_after_days=19)
    plan = found.plan()
    assert [(one.id, why) for one, why in plan.doomed] == [
        (three[2], "rejected, and nothing came for 30 days"),
        (three[1], "reports delivered, and nothing came for 19 days"),
    ]
    assert len(kept.files(tmp_path, "instances")) == 9  # a plan changes nothing
    assert found.step(threading.Event()) == 6
    assert gone(sqlite_database, *three) == [False, True, True]
    assert len(kept.files(tmp_path, "instances")) == 3
    assert len(kept.files(tmp_path, "reports")) == 1  # the report stays


def test_a_full_disk_takes_the_oldest_before_their_time_and_no_more_than_needed(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    size = sum((tmp_path / name).stat().st_size for name in kept.files(tmp_path, "instances")) // 3
    limits = {"low_free_bytes": 1000, "enough_free_bytes": 900 + size + 10}
    plan = loop(sqlite_database, tmp_path, free=900, **limits).plan()
    assert plan.short
    assert [one.id for one, _why in plan.doomed] == [three[2], three[0]]
    free = [900]

    def measured(_folder: Path) -> int:
        here = len(kept.files(tmp_path, "instances"))
        return free[0] + (9 - here) * size // 3

    found = RetentionLoop(
        sqlite_database, tmp_path, Retention(**FAST, **limits), free_bytes=measured
    )
    found.step(threading.Event())
    assert gone(sqlite_database, *three) == [True, False, True]


def test_nothing_younger_than_the_settings_say_goes(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    limits = {"low_free_bytes": 1000, "enough_free_bytes": 10**9, "keep_days": 15}
    loop(sqlite_database, tmp_path, free=0, **limits).step(threading.Event())
    assert gone(sqlite_database, *three) == [False, True, True]


def test_another_host_that_holds_the_lease_keeps_this_one_waiting(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    with sqlite_database.begin() as session:
        leases.hold(session, LEASE, "another host", 60)
    found = loop(sqlite_database, tmp_path, rejected_after_days=30)
    assert found.step(threading.Event()) == 0
    with sqlite_database.begin() as session:
        leases.let_go(session, LEASE, "another host")
    assert found.step(threading.Event()) == 3


def test_a_stop_leaves_marks_that_the_next_start_works_off(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    with sqlite_database.begin() as session:
        removals.mark(
            session, three[0], kept.files(tmp_path, "instances")[:3], RemovalReason.ERASURE
        )
    stopped = threading.Event()
    stopped.set()
    assert loop(sqlite_database, tmp_path).step(stopped) == 0
    assert len(kept.files(tmp_path, "instances")) == 9
    assert loop(sqlite_database, tmp_path).step(threading.Event()) == 3  # though retention is off
    assert len(kept.files(tmp_path, "instances")) == 6


def test_files_go_at_the_pace_of_the_settings(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    found = loop(sqlite_database, tmp_path, rejected_after_days=30, files_per_s=6)
    start = time.monotonic()
    assert found.step(threading.Event()) == 3
    assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize("short", [False, True])
def test_it_pauses_while_images_come_unless_the_disk_is_full(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int], short: bool
) -> None:
    kept.receive(sqlite_database, tmp_path, 9)  # just now
    limits = {"low_free_bytes": 1000, "enough_free_bytes": 1000} if short else {}
    found = loop(sqlite_database, tmp_path, free=0, rejected_after_days=30, quiet_s=3600, **limits)
    stop = threading.Event()
    thread = threading.Thread(target=found.step, args=(stop,))
    thread.start()
    thread.join(20 if short else 1.5)
    assert gone(sqlite_database, three[2]) == [short]
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_run_ends_when_told_and_gives_the_lease_up(
    sqlite_database: Database, tmp_path: Path, three: tuple[int, int, int]
) -> None:
    found = loop(sqlite_database, tmp_path, rejected_after_days=30, poll_s=0.05)
    stop = threading.Event()
    thread = threading.Thread(target=found.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 20
    while not gone(sqlite_database, three[2])[0] and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    thread.join(20)
    assert gone(sqlite_database, three[2]) == [True]
    with sqlite_database.begin() as session:
        assert leases.hold(session, LEASE, "another host", 60)
