"""Training from the command line: what is planned, what is refused before the first step."""

import json
from pathlib import Path
from typing import Any

import pytest

from model import commands
from model.networks import PRESETS, reduced
from model.train import TrainSpec

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[TrainSpec]:
    """Collect specifications instead of training them."""
    specs: list[TrainSpec] = []

    def train(spec: TrainSpec, training: Any, validation: Any, folder: Path, **_: Any) -> Path:
        assert training
        assert validation
        specs.append(spec)
        return folder / "network.weights.h5"

    monkeypatch.setattr("model.train.train", train)
    return specs


def test_cases_get_the_thesis_protocol(
    planned: list[TrainSpec], scans_index: Path, tmp_path: Path
) -> None:
    commands.train(tmp_path, cases=scans_index)
    (spec,) = planned
    preset = PRESETS["multinet-lower-resolution"]
    assert (spec.network, spec.steps, spec.batch_size) == (preset.network, 30_000, 8)
    assert spec.warmup_steps == 0
    assert spec.cases == "2 case(s) of index.json"


def test_phantoms_get_the_short_protocol(
    planned: list[TrainSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.commands.data._VALIDATION_PHANTOMS", 1)
    commands.train(tmp_path, phantoms=2)
    (spec,) = planned
    assert (spec.steps, spec.warmup_steps, spec.foramen_share) == (1000, 40, 0.75)
    assert spec.cases == "2 synthetic phantoms (seeds 10000 to 10001)"


def test_sizes_win_over_the_reduced_form(
    planned: list[TrainSpec], scans_index: Path, tmp_path: Path
) -> None:
    commands.train(
        tmp_path, preset="multinet-less-capacity", cases=scans_index, reduced=True, steps=7,
        batch_size=2, norm_spacing_mm=2.0, patch_size=97, training_cases=1,
    )  # fmt: skip
    (spec,) = planned
    assert reduced(PRESETS["multinet-less-capacity"]).network.patch_size == 225
    assert (spec.steps, spec.batch_size, spec.network.patch_size) == (7, 2, 97)
    assert spec.preprocess.norm_spacing_mm == 2.0
    assert spec.cases == "1 case(s) of index.json"


def test_a_run_is_finished_continued_and_reported(run: Path, scans_index: Path) -> None:
    seen: list[tuple[str, int, int]] = []

    def report(what: str, done: int, total: int, detail: str = "") -> None:
        seen.append((what, done, total))

    before = (run / "history.jsonl").read_text()
    commands.train(
        run, preset="singlenet-base", cases=scans_index, steps=2, batch_size=1, patch_size=33,
        report=report,
    )  # fmt: skip
    assert (run / "history.jsonl").read_text() == before
    assert seen == [("reading cases", number, 3) for number in (1, 2, 3)]
    assert {"data.json", "run.json", "curves.csv", "curves.png"} <= {
        path.name for path in run.iterdir()
    }


def test_training_refuses_what_it_does_not_know(
    tmp_path: Path, case_folder: Path, scans_index: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="no preset is called 'unet'"):
        commands.train(out, preset="unet")
    with pytest.raises(ValueError, match="no schedule is called 'fast'; there are thesis, short"):
        commands.train(out, schedule="fast")
    with pytest.raises(ValueError, match="patch_size 64 does not fit 5 compressions"):
        commands.train(out, cases=scans_index, patch_size=64)
    with pytest.raises(ValueError, match=r"holds 1 case\(s\) of 1 patient"):
        commands.train(out, cases=case_folder)
    assert not out.exists()


def test_a_patient_in_two_parts_stops_the_training(scans_index: Path, tmp_path: Path) -> None:
    content = json.loads(scans_index.read_text())
    for entry in content["entries"]:
        entry["patient"] = "one"
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"mixed\.json: patient one is in two parts"):
        commands.train(tmp_path / "run", cases=path)
    assert not (tmp_path / "run").exists()
