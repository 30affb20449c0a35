"""The tf.data pipeline: numbered examples, the same after a restart."""

import dataclasses

import numpy as np
import pytest

from model.augment import AugmentSpec
from model.dataset import Sampler, TrainingVolume
from model.networks import NetworkSpec
from model.networks.spec import SINGLE
from model.preprocess import PreprocessSpec
from model.train import TrainSpec

pytestmark = pytest.mark.xdist_group("tensorflow")

SPEC = TrainSpec(
    NetworkSpec(patch_size=33, compressions=1), PreprocessSpec(), steps=4, batch_size=3
)


def sampler() -> Sampler:
    pixels = np.random.default_rng(0).normal(size=(7, 40, 40)).astype(np.float32)
    marks = np.array([[3.0, 20.0, 8.0, 0], [3.0, 20.0, 28.0, 4]])
    return Sampler([TrainingVolume(pixels, marks, (3.0, 3.0))], 33, AugmentSpec(), 7, 1.0)


def test_batches_after_a_restart_are_those_that_would_have_come() -> None:
    from model.inputs import batches

    whole = [(x.numpy(), t.numpy()) for x, t in batches(sampler(), SPEC, 0)]
    rest = [(x.numpy(), t.numpy()) for x, t in batches(sampler(), SPEC, 2)]
    assert (len(whole), len(rest)) == (4, 2)
    assert whole[0][0].shape == (3, 3, 33, 33, 1)
    assert whole[0][1].shape == (3, 1, 33, 33, 5)
    for ours, theirs in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    assert not np.array_equal(whole[0][0], whole[1][0])


def test_one_channel_holds_the_foramina_of_all_levels() -> None:
    from model.inputs import example

    network = dataclasses.replace(SPEC.network, family="singlenet", channels=SINGLE)
    single = dataclasses.replace(SPEC, network=network)
    image, target = example(sampler(), single, 5)
    same, levels = example(sampler(), SPEC, 5)
    np.testing.assert_array_equal(image, same)
    assert target.shape == (1, 33, 33, 1)
    np.testing.assert_array_equal(target[..., 0], levels[..., 0] + levels[..., 4])
