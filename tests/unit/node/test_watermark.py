"""The disk watermark: judged once a second, told once, released with room to spare."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from node.settings import Storage
from node.watermark import Room, Watermark


class Disk:
    """A disk of 1000 bytes whose free space a test sets."""

    def __init__(self) -> None:
        self.free_bytes = 500
        self.asked = 0
        self.now = 0.0

    def ask(self, _storage: Storage) -> Room:
        self.asked += 1
        return Room(self.free_bytes, 100)

    def after_a_second(self, watermark: Watermark, free_bytes: int) -> bool:
        self.free_bytes = free_bytes
        self.now += 1
        return watermark.is_low()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def test_instances_are_refused_below_it_and_taken_again_above(logged: list[Any]) -> None:
    disk = Disk()
    watermark = Watermark(Storage(), disk.ask, lambda: disk.now)
    states = [disk.after_a_second(watermark, free) for free in (100, 99, 98, 105, 109, 110, 105)]
    assert states == [False, True, True, True, True, False, False]
    assert [line["log_level"] for line in logged] == ["error", "info"]
    assert "refused with 0xA700" in logged[0]["event"]
    assert logged[0]["free_bytes"] == 99


def test_the_disk_is_asked_once_a_second(logged: list[Any]) -> None:
    disk = Disk()
    watermark = Watermark(Storage(), disk.ask, lambda: disk.now)
    assert not watermark.is_low()
    disk.free_bytes = 0
    disk.now = 0.9
    assert not watermark.is_low()
    assert disk.asked == 1
    disk.now = 1.0
    assert watermark.is_low()
    assert disk.asked == 2


def test_the_larger_of_bytes_and_share_counts(tmp_path: Path) -> None:
    room = Room.of(Storage(folder=tmp_path, minimum_free_bytes=5, minimum_free_share=0))
    assert room.limit_bytes == 5
    shared = Room.of(Storage(folder=tmp_path, minimum_free_bytes=5, minimum_free_share=0.5))
    assert shared.limit_bytes > 1 << 20
    assert not Room.of(Storage(folder=tmp_path, minimum_free_bytes=0)).is_low
    assert Room.of(Storage(folder=tmp_path, minimum_free_bytes=1 << 62)).is_low


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Watermark(Storage(folder=tmp_path / "none")).is_low()
