"""A run made into a bundle: measured on its own test cases, with a card that says so."""

from pathlib import Path

import pytest

from model import bundle, commands

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_run_from_an_index_is_measured_on_its_test_part(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spine-1"
    report = commands.bundle(run, folder, "spine-1", "0.1.0", device="cpu")
    loaded = bundle.load(folder)
    assert report["scans"] == 1
    assert (loaded.name, loaded.version) == ("spine-1", "0.1.0")
    assert "On the 1 test case(s) of index.json, as" in loaded.model_card
    assert {path.name for path in folder.iterdir()} == {
        "MODEL_CARD.md", "bundle.json", "network.weights.h5",
    }  # fmt: skip
    assert (run / "evaluation" / "worst.png").is_file()


def test_nothing_is_written_where_the_test_cases_are_missing(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no case"):
        commands.bundle(run, tmp_path / "new", "new", cases=tmp_path / "empty")
    assert not (tmp_path / "new").exists()
