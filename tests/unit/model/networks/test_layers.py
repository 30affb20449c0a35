"""The layers that Keras lacks, against what they replace."""

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("tensorflow")

RNG = np.random.default_rng(0)


def test_interpolation_puts_means_between_neighbours() -> None:
    from model.networks.layers import Interpolate

    coarse = RNG.normal(size=(2, 1, 4, 4, 3)).astype(np.float32)
    fine = Interpolate()(coarse).numpy()
    assert fine.shape == (2, 1, 7, 7, 3)
    np.testing.assert_allclose(fine[:, :, ::2, ::2], coarse, atol=1e-6)
    np.testing.assert_allclose(
        fine[:, :, 1::2, ::2], (coarse[:, :, :-1] + coarse[:, :, 1:]) / 2, atol=1e-6
    )


def test_folded_batch_normalisation_is_batch_normalisation() -> None:
    import keras

    from model.networks.layers import SliceBatchNormalization

    x = RNG.normal(3.0, 2.0, size=(2, 3, 8, 8, 4)).astype(np.float32)
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


def test_crelu_keeps_both_signs() -> None:
    from model.networks.layers import ConcatenatedReLU

    x = np.array([[-2.0, 3.0]], np.float32)
    np.testing.assert_array_equal(ConcatenatedReLU()(x), [[0.0, 3.0, 2.0, 0.0]])
    assert ConcatenatedReLU().compute_output_shape((None, 3, 5, 5, 4)) == (None, 3, 5, 5, 8)


def test_the_softmax_leaves_room_for_the_background() -> None:
    from model.networks.layers import ForegroundSoftmax

    logits = RNG.normal(size=(1, 1, 4, 4, 6)).astype(np.float32)
    answer = ForegroundSoftmax()(logits).numpy()
    exponentials = np.exp(logits)
    np.testing.assert_allclose(
        answer, exponentials[..., 1:] / exponentials.sum(-1, keepdims=True), rtol=1e-5
    )
