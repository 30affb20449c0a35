"""What a trial of a search measures, and where its budget ends it."""

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.augment import AugmentSpec
from model.dataset import TrainingVolume
from model.networks import NetworkSpec
from model.preprocess import PreprocessSpec
from model.search import (
    SearchSpace,
    SearchSpec,
    TrialError,
    dice_curve,
    search,
    train_spec,
    trainer,
    validation_dice,
)
from model.train import Progress, TrainSpec

pytestmark = pytest.mark.xdist_group("tensorflow")

BASE = TrainSpec(
    network=NetworkSpec(
        patch_size=33, compressions=1, first_channels=2, max_channels=4, keep_probability=1.0
    ),
    preprocess=PreprocessSpec(norm_spacing_mm=1.4),
    augmentation=AugmentSpec(rotation_deg=0, deformation_sd=0),
    steps=4,
    foramen_share=1.0,
)
SMALL = SearchSpace(
    patch_size=(33,), batch_size=(1, 2), compressions=(1,), first_channels=(2, 3),
    learning_rate=(0.01, 0.001), keep_probability=(0.9, 1.0),
)  # fmt: skip
SPEC = SearchSpec(BASE, SMALL, trials=1)


def volume() -> TrainingVolume:
    pixels = np.random.default_rng(0).normal(size=(7, 40, 40)).astype(np.float32)
    marks = np.array([[3.0, 20.0, 5.0 + 7 * channel, channel] for channel in range(5)])
    return TrainingVolume(pixels, marks, (3.0, 3.0))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace training by a stand-in of so many steps, and the measurement by its last step."""

    def replace(steps: int, error: Exception | None = None) -> None:
        last = [0]

        def train(spec: TrainSpec, *_: Any, report: Callable[[Progress], None], **__: Any) -> None:
            if error is not None:
                raise error
            for last[0] in range(1, steps + 1):
                report(Progress(last[0], spec.steps, 0.5, (0.5,) * 5))

        monkeypatch.setattr("model.search.objective.train", train)
        monkeypatch.setattr("model.search.objective.validation_dice", lambda *_: last[0] / 10)

    return replace


def test_trains_for_real_and_measures_the_same_examples_at_another_size(tmp_path: Path) -> None:
    seen: list[Progress] = []
    spec = dataclasses.replace(SPEC, base=dataclasses.replace(BASE, steps=2))
    (trial,) = search(spec, trainer([volume()], [volume()], 37, seen.append), tmp_path)
    assert [state.step for state in seen] == [1, 2]
    assert trial.state == "done"
    saved = json.loads((tmp_path / "trials" / "000" / "train.json").read_text())
    assert saved["learning_rate"] == trial.parameters["learning_rate"]
    assert saved["network"]["first_channels"] == trial.parameters["first_channels"]
    run = train_spec(spec.base, trial.parameters)
    assert trial.dice == pytest.approx(
        validation_dice(run, [volume()], tmp_path / "trials" / "000", 37), abs=1e-6
    )
    with pytest.raises(TrialError, match="not one checkpoint"):
        validation_dice(run, [volume()], tmp_path / "none", 37)


def test_steps_end_a_trial(tmp_path: Path, trained: Callable[..., None]) -> None:
    trained(4)
    (trial,) = search(SPEC, trainer([], [volume()], 33), tmp_path)
    assert trial.dice == pytest.approx(0.4)


def test_seconds_end_a_trial_at_its_last_checkpoint(
    tmp_path: Path, trained: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(0.0, 0.5)
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("model.search.trial.time", clock)
    trained(100)
    spec = dataclasses.replace(SPEC, seconds=5.0)
    (trial,) = search(spec, trainer([], [volume()], 33), tmp_path)
    assert (trial.state, trial.steps, trial.seconds) == ("done", 11, 5.0)
    assert trial.dice == pytest.approx(1.1)


def test_too_little_memory_fails_the_trial_alone(
    tmp_path: Path, trained: Callable[..., None]
) -> None:
    import tensorflow as tf

    trained(1, error=tf.errors.ResourceExhaustedError(None, None, "OOM"))
    (trial,) = search(SPEC, trainer([], [volume()], 33), tmp_path)
    assert (trial.state, trial.reason) == (
        "failed", "the network does not fit into the memory of the device",
    )  # fmt: skip


def test_without_validation_there_is_nothing_to_search_for() -> None:
    with pytest.raises(ValueError, match="no validation volume"):
        trainer([volume()], [], 33)


def test_a_curve_is_the_mean_of_the_channels_and_bears_a_torn_line(tmp_path: Path) -> None:
    lines = [
        {"step": 1, "loss": 0.9},
        {"step": 2, "validation_dice": [0.2, 0.4]},
        {"step": 3, "validation_dice": []},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"step": 4, "val'
    (tmp_path / "history.jsonl").write_text(text)
    assert dice_curve(tmp_path) == [(2, pytest.approx(0.3))]
    assert dice_curve(tmp_path / "none") == []
