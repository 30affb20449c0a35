"""What a run learns from: divided by patient, written down, and told apart when it goes on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.commands import data, silent
from model.preprocess import PreprocessSpec

SPEC = PreprocessSpec(norm_spacing_mm=2.8)


def read(source: Path | None, seed: int = 1, phantoms: int = 2) -> data.Data:
    return data.read(source, phantoms, SPEC, seed, silent)


def names(cases: tuple[data.Ready, ...]) -> set[str]:
    return {one.name for one in cases}


def test_an_index_decides_what_validates_and_its_test_part_is_not_read(
    scans_index: Path, named: dict[str, list[str]]
) -> None:
    found = read(scans_index)
    assert names(found.training) == set(named["train"])
    assert names(found.validation) == set(named["validation"])
    assert found.in_words() == "2 case(s) of index.json"


def test_an_index_without_validation_holds_out_a_patient_of_its_training_part(
    scans_index: Path, named: dict[str, list[str]], tmp_path: Path
) -> None:
    content = json.loads(scans_index.read_text())
    for entry in content["entries"]:
        entry["part"] = "test" if entry["part"] == "test" else "train"
        for key in ("images", "annotation"):
            entry[key] = str(scans_index.parent / entry[key])
    path = tmp_path / "two-parts.json"
    path.write_text(json.dumps(content))
    found = read(path)
    assert len(found.training) == 2
    assert len(found.validation) == 1
    assert not names((*found.training, *found.validation)) & set(named["test"])


def test_a_folder_holds_out_whole_patients(scans: Path, tmp_path: Path) -> None:
    shutil.copytree(scans / "scan-0", tmp_path / "s" / "scan-0")
    shutil.copytree(scans / "scan-0", tmp_path / "s" / "scan-0-again")
    with pytest.raises(ValueError, match=r"s holds 2 case\(s\) of 1 patient\(s\); expected at le"):
        read(tmp_path / "s")
    shutil.copytree(scans / "scan-1", tmp_path / "s" / "scan-1")
    found = read(tmp_path / "s")
    assert names(found.validation) == {"scan-0", "scan-0-again"}
    assert names(found.training) == {"scan-1"}


def test_the_seed_orders_the_training_cases(scans: Path) -> None:
    orders = {tuple(one.name for one in read(scans, seed).training) for seed in range(3)}
    assert len(orders) > 1
    assert read(scans, 3).record() == read(scans, 3).record()


def test_phantoms_are_named_by_their_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_VALIDATION_PHANTOMS", 1)
    found = read(None)
    assert found.in_words() == "2 synthetic phantoms (seeds 10000 to 10001)"
    assert names(found.validation) == {"phantom-20000"}


def test_a_run_is_not_continued_on_other_data(scans: Path, tmp_path: Path) -> None:
    shutil.copytree(scans, tmp_path / "scans")
    run = tmp_path / "run"
    run.mkdir()
    data.claim(run, read(tmp_path / "scans"))
    data.claim(run, read(tmp_path / "scans"))
    path = tmp_path / "scans" / "scan-1" / "truth.json"
    truth: dict[str, Any] = json.loads(path.read_text())
    truth["marks"]["L3-left"] = truth["marks"]["L3-left"][:1]
    truth["marks"]["L3-left"][0][1] += 1.0
    path.write_text(json.dumps(truth))
    with pytest.raises(ValueError, match=r"run holds a run on other data \(3 cases of .*scans"):
        data.claim(run, read(tmp_path / "scans"))
