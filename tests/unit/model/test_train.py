"""Training: specifications from presets, and a run folder that survives a kill unchanged."""

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model import networks
from model.augment import AugmentSpec
from model.dataset import TrainingVolume
from model.networks import NetworkSpec
from model.networks.spec import SINGLE
from model.preprocess import PreprocessSpec
from model.train import SCHEDULES, Progress, TrainSpec, plan, train

pytestmark = pytest.mark.xdist_group("tensorflow")

TINY = TrainSpec(
    network=NetworkSpec(patch_size=33, compressions=1, first_channels=4, max_channels=4),
    preprocess=PreprocessSpec(norm_spacing_mm=1.4),
    augmentation=AugmentSpec(rotation_deg=5, deformation_sd=1),
    steps=8,
    batch_size=2,
    learning_rate=0.01,
    foramen_share=1.0,
    validate_every=3,
)
FOLDER_HOLDS = {
    "train.json", "run.json", "history.jsonl", "curves.csv", "curves.png", "checkpoint",
    "tensorboard", "network.weights.h5",
}  # fmt: skip


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
    assert weights == tmp_path / "network.weights.h5"
    assert {path.name for path in tmp_path.iterdir()} == FOLDER_HOLDS
    assert json.loads((tmp_path / "train.json").read_text()) == spec.to_json()
    assert [state.step for state in seen] == list(range(1, 41))
    assert seen[0].seconds_left > 0
    assert seen[-1].seconds_left == 0
    losses = [line["loss"] for line in history(tmp_path)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05


def test_validation_is_measured_at_fixed_steps(tmp_path: Path) -> None:
    train(TINY, volumes(), volumes(), tmp_path)
    measured = [line["step"] for line in history(tmp_path) if "validation_dice" in line]
    assert measured == [3, 6, 8]
    assert len(history(tmp_path)[-1]["validation_dice"]) == 5  # type: ignore[arg-type]


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
import test_train as made
def kill(state):
    if state.step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
made.train(made.TINY, made.volumes(), made.volumes(), Path(sys.argv[1]), report=kill,
           checkpoint_every_s=0)
"""


def test_a_run_that_is_killed_goes_on_to_the_same_end(tmp_path: Path) -> None:
    """Dropout, augmentation, optimiser and batch statistics all go on where they stopped."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(TINY, volumes(), volumes(), whole)
    here = Path(__file__).parent
    process = subprocess.run(
        [sys.executable, "-c", _KILLED, str(killed), "5", str(here), str(here.parents[2])],
        capture_output=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-2000:]
    assert [line["step"] for line in history(killed)] == [1, 2, 3, 4, 5]
    assert not (killed / "network.weights.h5").exists()
    with (killed / "history.jsonl").open("a") as torn:  # killed once more, between checkpoints
        torn.write('{"step": 6, "loss": 9.9, "dice": [0, 0, 0, 0, 0]}\n{"step": 7, "lo')
    train(TINY, volumes(), volumes(), killed)
    for name in ("train.json", "history.jsonl", "curves.csv"):
        assert (killed / name).read_text() == (whole / name).read_text(), name
    assert weights(killed) == weights(whole)
    assert [entry["from_step"] for entry in json.loads((killed / "run.json").read_text())] == [0, 5]


def weights(folder: Path) -> list[bytes]:
    network = networks.build(TINY.network)
    network.load_weights(folder / "network.weights.h5")
    return [weight.numpy().tobytes() for weight in network.weights]


def test_another_seed_gives_another_curve(tmp_path: Path) -> None:
    train(TINY, volumes(), [], tmp_path / "one")
    train(dataclasses.replace(TINY, seed=1), volumes(), [], tmp_path / "other")
    assert history(tmp_path / "one")[-1]["loss"] != history(tmp_path / "other")[-1]["loss"]


def test_a_singlenet_sees_all_levels_in_one_channel(tmp_path: Path) -> None:
    network = dataclasses.replace(
        TINY.network, family="singlenet", channels=SINGLE, supervision=False
    )
    spec = dataclasses.replace(TINY, network=network, loss="dice", steps=2)
    train(spec, volumes(), volumes(), tmp_path)
    assert len(history(tmp_path)[-1]["dice"]) == 1  # type: ignore[arg-type]
    assert (tmp_path / "curves.csv").read_text().splitlines()[0] == (
        "step,loss,training_dice,validation_dice"
    )


def test_a_folder_with_another_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps(TINY.to_json()))
    other = dataclasses.replace(TINY, seed=5, learning_rate=0.5)
    with pytest.raises(ValueError, match=r"other settings \(learning_rate, seed\); continue it"):
        train(other, volumes(), [], tmp_path)


def test_too_few_training_volumes_are_told_before_anything_is_written(tmp_path: Path) -> None:
    wanted = dataclasses.replace(TINY, training_cases=5)
    with pytest.raises(ValueError, match="1 training volumes; expected at least 5"):
        train(wanted, volumes(), [], tmp_path / "run")
    with pytest.raises(ValueError, match="0 training volumes; expected at least 1"):
        train(TINY, [], [], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_half_width_without_a_gpu_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    half = dataclasses.replace(TINY, precision="mixed_bfloat16")
    with pytest.raises(ValueError, match="needs a GPU and TensorFlow sees none; use float32"):
        train(half, volumes(), [], tmp_path)
    assert plan(networks.preset("singlenet-base")).precision == "float32"


def test_the_thesis_schedule_is_the_thesis() -> None:
    thesis = SCHEDULES["thesis"]
    assert thesis.augmentation.rotation_deg == 45
    assert thesis.augmentation.noise_sd == 0.25
    assert (thesis.learning_rate, thesis.final_learning_rate) == (0.001, 0.001)
    assert thesis.foramen_share is None


def test_a_plan_is_the_preset_and_the_schedule() -> None:
    chosen = networks.preset("multinet-cases-25").adapted(norm_spacing_mm=1.4, patch_size=225)
    spec = plan(chosen, schedule="thesis", seed=9, cases="25 scans", precision="float32")
    assert (spec.network, spec.preprocess) == (chosen.network, chosen.preprocess)
    assert (spec.loss, spec.batch_size, spec.steps) == ("normalised-dice", 2, 30_000)
    assert (spec.training_cases, spec.seed, spec.cases) == (25, 9, "25 scans")
    assert spec.augmentation == AugmentSpec(deformation_sd=2.0)
    with pytest.raises(ValueError, match="no schedule is called 'fast'; there are thesis, short"):
        plan(chosen, schedule="fast")
