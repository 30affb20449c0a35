"""Kept subjects: complete or absent, the same bytes, built where they lack."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.synthetic import anatomy, cache
from tests.toy_scan import kept_subject


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the seeds that are drawn, without the time that drawing takes."""
    seeds: list[int] = []

    def draw(seed: int) -> Any:
        seeds.append(seed)
        return kept_subject(seed)

    monkeypatch.setattr(anatomy, "draw", draw)
    return seeds


def test_everything_comes_back(tmp_path: Path) -> None:
    subject = kept_subject()
    cache.save(subject, tmp_path / "one.npz")
    read = cache.load(tmp_path / "one.npz")
    assert np.array_equal(read.label_map.labels, subject.label_map.labels)
    assert np.array_equal(read.label_map.affine, subject.label_map.affine)
    assert (read.points, read.decoys, read.anchors) == (
        subject.points,
        subject.decoys,
        subject.anchors,
    )
    assert (read.name, read.lumbar_count, read.transitional) == ("toy-1", 6, "lumbarised S1")
    assert read.grades == subject.grades
    assert read.traits == {"sex": "F", "scale": 1.01, "slip_mm": [0.5, 2.0]}
    for name, foramen in subject.foramina.items():
        assert np.array_equal(read.foramina[name].half_mm, foramen.half_mm)
        assert np.array_equal(read.foramina[name].axes, foramen.axes)


def test_equal_subjects_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        cache.save(kept_subject(), tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_building_goes_on_where_files_lack(tmp_path: Path, drawn: list[int]) -> None:
    told: list[Path] = []
    cache.build(tmp_path, [3, 4], processes=1)
    paths = cache.build(tmp_path, [3, 4, 5], processes=1, report=told.append)
    assert drawn == [3, 4, 5]
    assert paths == cache.files(tmp_path) == sorted(told)


def test_a_killed_write_is_no_subject(
    tmp_path: Path, drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", die)  # everything is written, nothing is renamed
        with pytest.raises(KeyboardInterrupt):
            cache.build(tmp_path, [3], processes=1)
    assert len(list(tmp_path.glob("*.part"))) == 1
    with pytest.raises(ValueError, match="holds no subject"):
        cache.files(tmp_path)
    assert cache.load(cache.build(tmp_path, [3], processes=1)[0]).name == "toy-3"


def test_only_abandoned_parts_are_removed(tmp_path: Path, drawn: list[int]) -> None:
    young, old = tmp_path / "a.npz.1.part", tmp_path / "b.npz.2.part"
    for path in (young, old):
        path.touch()
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    cache.build(tmp_path, [], processes=1)
    assert young.exists()
    assert not old.exists()


def test_damaged_and_foreign_files_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.npz"
    cache.save(kept_subject(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"one\.npz is no subject"):
        cache.load(path)
    path.write_bytes(whole)
    monkeypatch.setattr(cache, "FORMAT", 99)
    with pytest.raises(ValueError, match="has format 1, expected 99"):
        cache.load(path)


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5])
def test_a_flipped_byte_is_told(tmp_path: Path, place: float) -> None:
    path = tmp_path / "one.npz"
    cache.save(kept_subject(), path)
    data = bytearray(path.read_bytes())
    for at in range(int(place * len(data)), int(place * len(data)) + 8):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"one\.npz is no subject"):
        cache.load(path)
