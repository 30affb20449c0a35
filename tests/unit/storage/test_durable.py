"""Files reach the disk whole, with their names, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from storage.durable import PART_SUFFIX, DurableFolder


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def synced_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what is synced: the path behind each descriptor."""
    synced: list[str] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    return synced


def test_a_draft_becomes_a_file_only_when_published(tmp_path: Path) -> None:
    folder = DurableFolder(tmp_path)
    with folder.draft(Path("a/b/file"), b"content") as draft:
        assert draft.read_bytes() == b"content"
        assert draft.parent == tmp_path / "a/b"
        assert draft.name.endswith(PART_SUFFIX)
        folder.publish(draft, Path("a/b/file"))
    assert files(tmp_path) == ["a/b/file"]


def test_an_unpublished_draft_is_removed_also_after_an_error(tmp_path: Path) -> None:
    folder = DurableFolder(tmp_path)
    with pytest.raises(KeyError), folder.draft(Path("a/file"), b"content"):
        raise KeyError
    assert files(tmp_path) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DurableFolder(tmp_path)
    with folder.draft(Path("a/other"), b"makes the folder"):
        pass

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), folder.draft(Path("a/file"), b"content"):
        pytest.fail("a draft that is not on the disk was handed out")
    assert files(tmp_path) == []


def test_every_folder_up_to_the_one_that_holds_the_root_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = synced_paths(monkeypatch)
    root = tmp_path / "new" / "storage"
    with DurableFolder(root).draft(Path("a/b/file"), b"content"):
        pass
    for folder in (root / "a/b", root / "a", root, tmp_path / "new"):
        assert str(folder) in synced


def test_folders_already_made_by_another_process_are_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)  # perhaps not on the disk yet
    synced = synced_paths(monkeypatch)
    folder = DurableFolder(tmp_path)
    for name in ("first", "second"):
        with folder.draft(Path("a/b", name), b"content"):
            pass
    assert synced.count(str(tmp_path / "a")) == 1  # and once is enough


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = DurableFolder(tmp_path)
    with folder.draft(Path("a/b/file"), b"content"):
        pass
    (tmp_path / "a" / "b").rmdir()
    with folder.draft(Path("a/b/file"), b"content") as draft:
        folder.publish(draft, Path("a/b/file"))
    assert files(tmp_path) == ["a/b/file"]


def test_patients_files_are_not_for_everybody(tmp_path: Path) -> None:
    folder = DurableFolder(tmp_path)
    with folder.draft(Path("a/file"), b"content") as draft:
        folder.publish(draft, Path("a/file"))
    assert (tmp_path / "a/file").stat().st_mode & 0o007 == 0
    assert (tmp_path / "a").stat().st_mode & 0o007 == 0
