"""Counts that several processes share."""

import multiprocessing
from pathlib import Path

import pytest

from node.receiver.tally import FILE_NAME, Tally


def _enter(folder: Path, row: int, limit: int) -> int:
    tally = Tally.open(folder)
    entered = sum(tally.row(row).enter(limit) for _ in range(50))
    tally.close()
    return entered


def test_rows_of_all_processes_add_up(tmp_path: Path) -> None:
    tally = Tally.create(tmp_path, 2)
    other = Tally.open(tmp_path)
    tally.row(0).answered(0x0000)
    other.row(1).answered(0x0000)
    other.row(1).answered(0xA700)
    assert other.row(1).enter(limit=64)
    assert tally.open_associations == 1
    assert {code: count for code, count in tally.responses.items() if count} == {
        0x0000: 2,
        0xA700: 1,
    }
    other.row(1).leave()
    assert tally.open_associations == 0


def test_who_listens_is_counted_until_it_ends(tmp_path: Path) -> None:
    tally = Tally.create(tmp_path, 2)
    tally.row(0).listens()
    tally.row(1).listens()
    tally.row(1).answered(0x0000)
    assert tally.listening == 2
    tally.clear(1)
    assert tally.listening == 1
    assert tally.responses[0x0000] == 1


def test_the_limit_holds_over_all_processes(tmp_path: Path) -> None:
    Tally.create(tmp_path, 2).close()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        entered = pool.starmap(_enter, [(tmp_path, 0, 64), (tmp_path, 1, 64)])
    tally = Tally.open(tmp_path)
    assert tally.open_associations == sum(entered)
    assert 0 < sum(entered) <= 64
    tally.clear(0)
    assert tally.open_associations == entered[1]


def test_a_new_start_begins_at_nothing(tmp_path: Path) -> None:
    old = Tally.create(tmp_path, 1)
    old.row(0).enter(limit=1)
    new = Tally.create(tmp_path, 3)
    assert (old.open_associations, new.open_associations) == (1, 0)


def test_another_file_is_not_taken_for_a_tally(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"FORTALLY and nothing")
    with pytest.raises(ValueError, match="another version"):
        Tally.open(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"")
    with pytest.raises(ValueError, match="another version"):
        Tally.open(tmp_path)


def test_one_process_alone_needs_no_file() -> None:
    row = Tally.private().row(0)
    assert row.enter(limit=1)
    assert not row.enter(limit=1)
    row.leave()
    assert row.enter(limit=1)
