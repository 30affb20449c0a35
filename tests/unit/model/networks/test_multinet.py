"""MultiNet: size, shape, and graph against eager (docs/decisions/0003-multinet-reading.md)."""

from typing import Any

import numpy as np
import pytest

from model import networks
from model.networks import NetworkSpec

pytestmark = pytest.mark.xdist_group("tensorflow")

THESIS_PARAMETERS = 397_371
TINY = NetworkSpec(patch_size=33, compressions=2, first_channels=4, max_channels=8)


def trainable(network: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.fixture(scope="module")
def lower_resolution() -> Any:
    return networks.build(networks.preset("multinet-lower-resolution").network)


def test_parameters_come_out_near_the_thesis(lower_resolution: Any) -> None:
    assert trainable(lower_resolution) == pytest.approx(THESIS_PARAMETERS, rel=0.05)
    assert trainable(lower_resolution) == 398_326


def test_three_slices_in_one_out_five_channels(lower_resolution: Any) -> None:
    assert lower_resolution.input_shape == (None, 3, 225, 225, 1)
    assert lower_resolution.output_shape == (None, 1, 225, 225, 5)


def test_no_layer_pads(lower_resolution: Any) -> None:
    kinds = {type(layer).__name__ for layer in lower_resolution.layers}
    assert not {kind for kind in kinds if "Padding" in kind or "Cropping" in kind}
    sizes = {layer.output.shape[2] for layer in lower_resolution.layers}
    assert sizes == {225, 113, 57, 29, 15, 8}


def test_graph_equals_eager_on_the_shipped_network(predictor: Any) -> None:
    """TensorFlow 2.21 with oneDNN gets padded 3-D convolutions wrong in graph mode only."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(2, 3, 225, 225, 1)).astype(np.float32)
    eager = predictor._network(inputs, training=False).numpy()
    graph = predictor._graph(inputs).numpy()
    assert eager.shape == graph.shape == (2, 1, 225, 225, 5)
    np.testing.assert_allclose(graph, eager, atol=1e-5)
    assert eager.std() > 0


def test_a_new_network_answers_one_half_everywhere() -> None:
    network = networks.build(TINY)
    inputs = np.random.default_rng(0).normal(size=(1, 3, 33, 33, 1)).astype(np.float32)
    np.testing.assert_allclose(network(inputs, training=False), np.full((1, 1, 33, 33, 5), 0.5))


@pytest.mark.parametrize(
    ("change", "fewer"),
    [
        ({"supervision": False}, True),
        ({"batch_normalisation": False}, True),
        ({"he_initialisation": False}, False),
    ],
)
def test_parts_can_be_switched_off(change: dict[str, Any], fewer: bool) -> None:
    import dataclasses

    network = networks.build(dataclasses.replace(TINY, **change))
    assert (trainable(network) < trainable(networks.build(TINY))) == fewer
    assert network.output_shape == (None, 1, 33, 33, 5)


def test_interpolation_puts_means_between_neighbours() -> None:
    from model.networks.multinet import Interpolate

    coarse = np.random.default_rng(0).normal(size=(2, 1, 4, 4, 3)).astype(np.float32)
    fine = Interpolate()(coarse).numpy()
    assert fine.shape == (2, 1, 7, 7, 3)
    np.testing.assert_allclose(fine[:, :, ::2, ::2], coarse, atol=1e-6)
    np.testing.assert_allclose(
        fine[:, :, 1::2, ::2], (coarse[:, :, :-1] + coarse[:, :, 1:]) / 2, atol=1e-6
    )


def test_folded_batch_normalisation_is_batch_normalisation() -> None:
    import keras

    from model.networks.multinet import SliceBatchNormalization

    x = np.random.default_rng(0).normal(3.0, 2.0, size=(2, 3, 8, 8, 4)).astype(np.float32)
    ours, theirs = (
        SliceBatchNormalization(momentum=0.5),
        keras.layers.BatchNormalization(momentum=0.5),
    )
    np.testing.assert_allclose(ours(x, training=True), theirs(x, training=True), atol=1e-4)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, atol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=0.01)
    np.testing.assert_allclose(
        ours(x, training=False), theirs(x, training=False), rtol=0.01, atol=0.01
    )
