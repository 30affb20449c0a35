"""The learner: one step, checkpoints that hold the dropout's state too, the learning rate."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model.networks import NetworkSpec
from model.preprocess import PreprocessSpec
from model.train import TrainSpec

pytestmark = pytest.mark.xdist_group("tensorflow")

SPEC = TrainSpec(
    NetworkSpec(patch_size=17, compressions=1, first_channels=4, keep_probability=0.5),
    PreprocessSpec(),
    steps=10,
    warmup_steps=2,
    learning_rate=0.01,
    final_learning_rate=0.001,
)
IMAGES = np.random.default_rng(0).normal(size=(2, 3, 17, 17, 1)).astype(np.float32)
TARGETS = np.zeros((2, 1, 17, 17, 5), np.float32)
TARGETS[:, :, 4:9, 4:9] = 1


def test_a_restored_learner_takes_the_same_next_step(tmp_path: Path) -> None:
    from model.learner import Learner

    first = Learner(SPEC, tmp_path)
    assert first.restore() == 0
    for _ in range(3):
        first.optimise(IMAGES, TARGETS)
    first.save()
    wanted = [first.optimise(IMAGES, TARGETS) for _ in range(2)]
    second = Learner(dataclasses.replace(SPEC, seed=99), tmp_path)
    assert second.restore() == second.step == 3
    assert [second.optimise(IMAGES, TARGETS) for _ in range(2)] == wanted


def test_only_two_checkpoints_are_kept(tmp_path: Path) -> None:
    from model.learner import Learner

    learner = Learner(SPEC, tmp_path)
    for _ in range(4):
        learner.optimise(IMAGES, TARGETS)
        learner.save()
    assert {path.name for path in tmp_path.glob("*.index")} == {"ckpt-3.index", "ckpt-4.index"}


def test_validation_leaves_the_network_as_it_is(tmp_path: Path) -> None:
    from model.learner import Learner

    learner = Learner(SPEC, tmp_path)
    before = learner.network.get_weights()
    dice = learner.validate([(IMAGES[0], TARGETS[0])])
    assert len(dice) == 5
    assert learner.validate([]) == []
    for ours, theirs in zip(learner.network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_learning_rate_rises_and_falls() -> None:
    from model.learner import _rate

    rates = [float(_rate(SPEC)(step)) for step in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([0.0, 0.005, 0.01, 0.0055, 0.001], abs=1e-6)
    constant = _rate(dataclasses.replace(SPEC, warmup_steps=0, final_learning_rate=0.01))
    assert [float(constant(step)) for step in (0, 5, 10)] == pytest.approx([0.01] * 3)
