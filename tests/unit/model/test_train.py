"""Training: a run folder that can be continued, with the same batches as if never stopped."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from model.augment import AugmentSpec
from model.dataset import TrainingVolume
from model.networks import NetworkSpec
from model.preprocess import PreprocessSpec
from model.train import SCHEDULES, Progress, TrainSpec, train

pytestmark = pytest.mark.xdist_group("tensorflow")

TINY = TrainSpec(
    network=NetworkSpec(
        patch_size=33, compressions=1, first_channels=4, max_channels=4, keep_probability=1.0
    ),
    preprocess=PreprocessSpec(norm_spacing_mm=1.4),
    augmentation=AugmentSpec(rotation_deg=5, deformation_sd=1),
    steps=6,
    batch_size=2,
    learning_rate=0.01,
    foramen_share=1.0,
)


def volumes() -> list[TrainingVolume]:
    pixels = np.random.default_rng(0).normal(size=(7, 40, 40)).astype(np.float32)
    marks = np.array([[3.0, 20.0, 5.0 + 7 * channel, channel] for channel in range(5)])
    volume = TrainingVolume(pixels, marks, (3.0, 3.0))
    return [dataclasses.replace(volume, pixels=pixels + 2 * volume.target(3).max(-1))]


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_learns_reports_and_saves(tmp_path: Path) -> None:
    seen: list[Progress] = []
    spec = dataclasses.replace(TINY, steps=40)
    weights = train(spec, volumes(), volumes(), tmp_path, report=seen.append)
    assert weights.is_file()
    assert json.loads((tmp_path / "train.json").read_text()) == spec.to_json()
    assert [state.step for state in seen] == list(range(1, 41))
    lines = history(tmp_path)
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.02
    assert len(lines[-1]["validation_dice"]) == 5  # type: ignore[arg-type]


def test_a_stopped_run_continues_with_the_same_batches(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop_after_three(state: Progress) -> None:
        if state.step == 3:
            raise Stop

    train(TINY, volumes(), [], tmp_path / "whole")
    with pytest.raises(Stop):
        train(
            TINY, volumes(), [], tmp_path / "stopped",
            report=stop_after_three, checkpoint_every_s=0,
        )  # fmt: skip
    with (tmp_path / "stopped" / "history.jsonl").open("a") as torn:
        torn.write('{"step": 4, "loss": 9.9}\n{"step": 5, "lo')
    train(TINY, volumes(), [], tmp_path / "stopped")
    whole, stopped = history(tmp_path / "whole"), history(tmp_path / "stopped")
    assert [line["step"] for line in stopped] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose(
        [line["loss"] for line in stopped], [line["loss"] for line in whole], rtol=1e-4
    )


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps(TINY.to_json()))
    other = dataclasses.replace(TINY, seed=5, learning_rate=0.5)
    with pytest.raises(ValueError, match=r"other settings \(learning_rate, seed\); continue it"):
        train(other, volumes(), [], tmp_path)


def test_the_thesis_schedule_is_the_thesis() -> None:
    thesis = SCHEDULES["thesis"]
    assert thesis.augmentation.rotation_deg == 45
    assert thesis.augmentation.noise_sd == 0.25
    assert (thesis.learning_rate, thesis.final_learning_rate) == (0.001, 0.001)
    assert thesis.foramen_share is None
