"""The commands behind the command line: what they write, give and refuse."""

import json
from pathlib import Path

import pytest

from model import commands
from model.cases import read_case
from model.labels import LABELS
from model.predictor import Predictor

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_synthesize_writes_cases_that_can_be_read(tmp_path: Path) -> None:
    (folder,) = commands.synthesize(tmp_path, count=1, seed=7)
    assert folder == tmp_path / "phantom-00007"
    assert set(read_case(folder).points) == set(LABELS)


def test_predict_reads_a_folder_of_images(case_folder: Path) -> None:
    prediction = commands.predict(case_folder, device="cpu")
    assert prediction.bundle == "phantom-1"
    assert len(prediction.found) >= 8


def test_evaluate_writes_json_and_markdown(
    case_folder: Path, tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.predictor.Predictor", lambda *_: predictor)  # loaded already
    report = commands.evaluate(case_folder, out=tmp_path / "out", device="cpu")
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text()) == report
    assert "| all | 10 |" in (tmp_path / "out" / "evaluation.md").read_text()
    assert report["scans"] == 1


def test_an_unknown_device_is_refused(case_folder: Path) -> None:
    with pytest.raises(ValueError, match="device 'tpu' is unknown; expected auto, gpu or cpu"):
        commands.predict(case_folder, device="tpu")


def test_training_refuses_what_it_does_not_know(tmp_path: Path, case_folder: Path) -> None:
    with pytest.raises(ValueError, match="no preset is called"):
        commands.train(tmp_path, preset="unet")
    with pytest.raises(ValueError, match="no schedule is called 'fast'; there are thesis, short"):
        commands.train(tmp_path, schedule="fast")
    with pytest.raises(ValueError, match="holds 1 case; expected at least 2"):
        commands.train(tmp_path / "run", cases=case_folder)
