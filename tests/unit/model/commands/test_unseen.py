"""What a model is measured on: never what it learned from, and told in words."""

import json
import shutil
from pathlib import Path

import pytest

from model.commands import data, silent, unseen
from model.preprocess import PreprocessSpec


def read(source: Path) -> data.Data:
    return data.read(source, 0, PreprocessSpec(norm_spacing_mm=2.8), 1, silent)


def test_test_cases_are_those_of_the_part(scans_index: Path, named: dict[str, list[str]]) -> None:
    sources, words = unseen.test_cases(scans_index, 0, "test")
    assert [source().name for source in sources] == named["test"]
    assert words == "the 1 test case(s) of index.json"
    sources, words = unseen.test_cases(None, 3, "test")
    assert len(sources) == 3
    assert words == "3 phantoms that no training saw (seeds 30000 to 30002)"


def test_an_index_without_the_part_is_refused(scans_index: Path, tmp_path: Path) -> None:
    content = json.loads(scans_index.read_text())
    content["entries"] = [one for one in content["entries"] if one["part"] == "train"]
    path = tmp_path / "train-only.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"train-only.json has no series for test; expected"):
        unseen.test_cases(path, 0, "test")


def test_a_run_on_a_folder_is_measured_on_what_it_held_out(scans: Path, tmp_path: Path) -> None:
    data.claim(tmp_path, read(scans))
    sources, words = unseen.own_test_cases(tmp_path, 20)
    assert [source().name for source in sources] == ["scan-0"]
    assert words == "the 1 case(s) of scans that only validated the training"


def test_a_run_whose_data_are_gone_says_so(scans: Path, tmp_path: Path) -> None:
    shutil.copytree(scans, tmp_path / "scans")
    data.claim(tmp_path, read(tmp_path / "scans"))
    shutil.rmtree(tmp_path / "scans")
    with pytest.raises(ValueError, match=r"scans, which .* learned from, is gone; name the test"):
        unseen.own_test_cases(tmp_path, 20)
