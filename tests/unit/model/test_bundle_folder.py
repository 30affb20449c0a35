"""A bundle's folder is there whole or not at all."""

import shutil
from pathlib import Path

import pytest

from model import bundle, bundle_folder


def fill(folder: Path, version: str) -> None:
    shipped = bundle.load("phantom-1")
    shutil.copyfile(shipped.folder / "network.weights.h5", folder / "network.weights.h5")
    bundle_folder.write_content(
        folder, shipped.method, name="mine", version=version, handles={"slices": [9, 40]},
        training={},
    )  # fmt: skip
    bundle_folder.write_card(folder, "a card")


def fill_and_fail(folder: Path) -> None:
    with bundle_folder.new(folder) as partial:
        fill(partial, "2")
        (folder / "gone").read_bytes()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    with bundle_folder.new(tmp_path / "mine") as partial:
        fill(partial, "1")
        assert not (tmp_path / "mine").exists()
    read = bundle.load(tmp_path / "mine")
    assert (read.name, read.version, read.model_card) == ("mine", "1", "a card")
    assert read.method == bundle.load("phantom-1").method
    assert read.handles == {"slices": [9, 40]}


def test_a_failure_leaves_the_older_bundle(tmp_path: Path) -> None:
    with bundle_folder.new(tmp_path / "mine") as partial:
        fill(partial, "1")
    with pytest.raises(FileNotFoundError, match="gone"):
        fill_and_fail(tmp_path / "mine")
    assert bundle.load(tmp_path / "mine").version == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_older_bundle_is_replaced_with_all_its_files(tmp_path: Path) -> None:
    for version in ("1", "2"):
        with bundle_folder.new(tmp_path / "mine") as partial:
            fill(partial, version)
            (partial / f"only-{version}").touch()
    assert bundle.load(tmp_path / "mine").version == "2"
    assert not (tmp_path / "mine" / "only-1").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_other_files_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with (
        pytest.raises(ValueError, match="holds other files; give a new folder"),
        bundle_folder.new(tmp_path),
    ):
        pytest.fail("nothing may be written")
    assert (tmp_path / "letter.txt").exists()
