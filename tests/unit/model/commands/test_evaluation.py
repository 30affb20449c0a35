"""Evaluation from the command line: bundles and runs, one or several, and what is written."""

import json
import shutil
from pathlib import Path

import pytest

from model import commands
from model.predictor import Predictor

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture
def quick(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shipped network answer for every bundle; it is loaded already."""
    monkeypatch.setattr("model.predictor.load", lambda *_: predictor)


@pytest.mark.usefixtures("quick")
def test_one_model_writes_json_markdown_and_pictures(case_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured = commands.evaluate(["phantom-1"], case_folder, out, device="cpu")
    assert json.loads((out / "evaluation.json").read_text()) == measured.reports["phantom-1"]
    assert "| all | 10 |" in (out / "evaluation.md").read_text()
    assert {path.name for path in out.iterdir()} == {
        "evaluation.json", "evaluation.md", "scatter.png", "worst.png",
    }  # fmt: skip
    assert measured.notes == ("measured on the 1 case(s) of the folder one",)


@pytest.mark.usefixtures("quick")
def test_several_models_are_compared(run: Path, scans_index: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured = commands.evaluate(["phantom-1", str(run)], scans_index, out, device="cpu")
    assert list(measured.reports) == ["phantom-1", "tiny"]
    assert (out / "tiny" / "evaluation.md").is_file()
    (pair,) = json.loads((out / "comparison.json").read_text())["pairs"]
    assert {pair["a"], pair["b"]} == {"phantom-1", "tiny"}
    assert pair["p_value"] == 1.0  # one network answered for both


@pytest.mark.usefixtures("quick")
def test_it_is_said_that_a_run_saw_its_cases(run: Path, scans_index: Path, tmp_path: Path) -> None:
    measured = commands.evaluate([str(run)], scans_index, tmp_path, part="train", device="cpu")
    assert measured.notes[1:] == ("tiny saw 2 of these cases in training",)
    measured = commands.evaluate([str(run)], scans_index, tmp_path, device="cpu")
    assert measured.notes == ("measured on the 1 test case(s) of index.json",)


def test_what_is_no_model_is_refused_before_anything_is_loaded(
    run: Path, scans: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"scans is neither a bundle nor a run; cases are named"):
        commands.evaluate([str(scans)])
    with pytest.raises(ValueError, match="no model bundle 'nothing'"):
        commands.evaluate(["nothing"])
    with pytest.raises(ValueError, match="two models are called 'tiny'"):
        commands.evaluate([str(run), str(run)])
    with pytest.raises(ValueError, match="device 'tpu' is unknown; expected auto, gpu or cpu"):
        commands.evaluate(["phantom-1"], device="tpu")
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(ValueError, match="its training is not finished"):
        commands.evaluate([str(tmp_path)])


def test_one_network_of_two_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps({"kind": "CoarseSpec"}))
    with pytest.raises(ValueError, match="holds one network of two; make both a bundle"):
        commands.evaluate([str(tmp_path)])


@pytest.mark.usefixtures("quick")
def test_what_is_expected_of_a_case_enters_the_report(case_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(case_folder, tmp_path / "one")
    path = tmp_path / "one" / "truth.json"
    truth = {**json.loads(path.read_text()), "expected": "abstain", "lumbar_count": 5}
    path.write_text(json.dumps(truth))
    measured = commands.evaluate(["phantom-1"], tmp_path, device="cpu").reports["phantom-1"]
    assert measured["answers"]["all"]["scans"] == 1
    assert "numbered" not in measured["answers"]
    (case,) = measured["cases"]
    assert (case["case"], case["numbered"], case["shifted"]) == ("one", False, False)
