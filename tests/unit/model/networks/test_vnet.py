"""SingleNet and MultiNet: size, shape, variants, and graph against eager (decision 0003)."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from model import networks
from model.networks import PRESETS, NetworkSpec, parameters
from model.networks.spec import SINGLE

pytestmark = pytest.mark.xdist_group("tensorflow")

TINY = NetworkSpec(patch_size=33, compressions=2, first_channels=4, max_channels=8)
RNG = np.random.default_rng(0)


def trainable(network: Any) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def differing() -> Iterator[Any]:
    """Give each network of the presets once, in the smallest size that it takes."""
    seen = set()
    for entry in PRESETS.values():
        small = dataclasses.replace(entry.network, patch_size=2**entry.network.compressions + 1)
        if small not in seen:
            seen.add(small)
            yield pytest.param(small, id=entry.name)


@pytest.fixture(scope="module")
def lower_resolution() -> Any:
    return networks.build(networks.preset("multinet-lower-resolution").network)


@pytest.mark.parametrize("spec", list(differing()))
def test_every_preset_is_built_with_the_parameters_it_announces(spec: NetworkSpec) -> None:
    network = networks.build(spec)
    assert trainable(network) == parameters(spec)
    size = spec.patch_size
    assert network.output_shape == (None, 1, size, size, len(spec.channels))


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
    inputs = RNG.normal(size=(2, 3, 225, 225, 1)).astype(np.float32)
    eager = predictor._network(inputs, training=False).numpy()
    graph = predictor._graph(inputs).numpy()
    assert eager.shape == graph.shape == (2, 1, 225, 225, 5)
    np.testing.assert_allclose(graph, eager, atol=1e-5)
    assert eager.std() > 0


VARIANTS: dict[str, dict[str, Any]] = {
    "singlenet": {"family": "singlenet", "channels": SINGLE, "supervision": False},
    "elu": {"activation": "elu"},
    "crelu": {"activation": "crelu"},
    "softmax": {"output": "softmax"},
    "plain": {"batch_normalisation": False, "he_initialisation": False, "supervision": False},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_graph_equals_eager_on_every_kind_of_network(name: str) -> None:
    import tensorflow as tf

    network = networks.build(dataclasses.replace(TINY, **VARIANTS[name]))
    for variable in network.trainable_variables:  # the prediction blocks are zero when new
        variable.assign(RNG.normal(0.0, 0.2, variable.shape))
    inputs = RNG.normal(size=(2, 3, 33, 33, 1)).astype(np.float32)
    eager = network(inputs, training=False).numpy()
    graph = tf.function(lambda images: network(images, training=False))(inputs).numpy()
    assert eager.std() > 0
    np.testing.assert_allclose(graph, eager, atol=1e-5)


def test_a_new_network_answers_one_half_everywhere() -> None:
    network = networks.build(TINY)
    inputs = RNG.normal(size=(1, 3, 33, 33, 1)).astype(np.float32)
    np.testing.assert_allclose(network(inputs, training=False), np.full((1, 1, 33, 33, 5), 0.5))


def test_a_new_softmax_shares_evenly_with_the_background() -> None:
    network = networks.build(dataclasses.replace(TINY, output="softmax"))
    inputs = RNG.normal(size=(1, 3, 33, 33, 1)).astype(np.float32)
    answer = network(inputs, training=False).numpy()
    np.testing.assert_allclose(answer, np.full((1, 1, 33, 33, 5), 1 / 6), rtol=1e-5)


def test_weights_fit_a_network_of_another_patch_size(tmp_path: Any) -> None:
    small, large = (networks.build(dataclasses.replace(TINY, patch_size=size)) for size in (33, 65))
    small.save_weights(tmp_path / "network.weights.h5")
    large.load_weights(tmp_path / "network.weights.h5")
    for ours, theirs in zip(large.weights, small.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_half_width_keeps_weights_and_probabilities_in_float32() -> None:
    network = networks.build(TINY, "mixed_bfloat16")
    assert {str(variable.dtype) for variable in network.trainable_variables} == {"float32"}
    assert network.output.dtype == "float32"
    assert {layer.compute_dtype for layer in network.layers if "conv" in layer.name} == {"bfloat16"}
    assert networks.build(TINY).layers[1].compute_dtype == "float32"


def test_he_and_glorot_begin_with_their_own_deviation() -> None:
    for he, expected in ((True, np.sqrt(2 / (27 * 8))), (False, np.sqrt(2 / (27 * 16)))):
        spec = NetworkSpec(patch_size=33, compressions=2, max_channels=8, he_initialisation=he)
        kernels = [w for w in networks.build(spec).weights if w.shape == (3, 3, 3, 8, 8)]
        deviation = np.concatenate([np.ravel(kernel) for kernel in kernels]).std()
        assert deviation == pytest.approx(expected, rel=0.05)
