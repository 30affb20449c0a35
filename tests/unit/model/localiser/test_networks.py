"""The networks: sizes, padding that changes nothing, graph like eager, sight of every slice."""

import numpy as np
import pytest

from model.localiser.spec import CoarseSpec, FineSpec

pytestmark = pytest.mark.xdist_group("tensorflow")
tf = pytest.importorskip("tensorflow")

from model.localiser import coarse, fine  # noqa: E402


@pytest.fixture(scope="module")
def network() -> coarse.CoarseNetwork:
    tf.keras.utils.set_random_seed(3)
    built = coarse.build(CoarseSpec())
    rng = np.random.default_rng(0)
    for weight in built.weights:
        if weight.name == "taps":
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return built


def volume(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)


def test_it_is_no_larger_than_planned(network: coarse.CoarseNetwork) -> None:
    assert network.count_params() < 1_500_000
    assert fine.build(FineSpec()).count_params() < 250_000


@pytest.mark.parametrize("shape", [(5, 80, 64), (15, 112, 96), (32, 160, 160)])
def test_any_size_is_answered(network: coarse.CoarseNetwork, shape: tuple[int, ...]) -> None:
    logits, presence = network(volume(1, *shape))
    points = len(network.spec.points)
    assert logits.shape == (1, shape[0], shape[1] // 2, shape[2] // 2, points + 1)
    assert presence.shape == (1, points)
    assert np.isfinite(logits).all()


def test_the_graph_answers_as_eager_does(network: coarse.CoarseNetwork) -> None:
    graph = tf.function(
        network.__call__,
        input_signature=[tf.TensorSpec((None, None, None, None), tf.float32)],
    )
    for shape in ((1, 9, 96, 80), (2, 13, 112, 96)):
        inputs = volume(*shape)
        for ours, theirs in zip(graph(inputs), network(tf.constant(inputs)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_padding_slices_changes_nothing(network: coarse.CoarseNetwork) -> None:
    inputs = volume(1, 11, 64, 64)
    padded = np.pad(inputs, ((0, 0), (0, 5), (0, 0), (0, 0)), constant_values=3.0)
    alone = network(inputs)
    among = network(padded, np.array([11], np.int32))
    np.testing.assert_allclose(among[0][:, :11], alone[0], atol=2e-4)
    np.testing.assert_allclose(among[1], alone[1], atol=2e-4)
    assert float(tf.reduce_max(among[0][:, 11:])) < -1000


def test_an_output_sees_slices_far_away(network: coarse.CoarseNetwork) -> None:
    inputs = tf.Variable(volume(1, 20, 64, 64))
    with tf.GradientTape() as tape:
        logits, _ = network(inputs)
        one = logits[0, 10, 16, 16, 0]
    seen = np.abs(tape.gradient(one, inputs).numpy()[0]).max(axis=(1, 2))
    assert (seen > 0).sum() >= 18


def test_the_fine_network_answers_each_pixel() -> None:
    network = fine.build(FineSpec())
    logits, presence = network(volume(4, 5, 48, 48))
    assert logits.shape == (4, 5, 48, 48)
    assert presence.shape == (4,)
