"""The thesis's losses (sections 7.4, 7.5.1 and 7.5.2); imports TensorFlow.

Targets and probabilities are (batch, slices, rows, columns, channels) in 0..1, float32.
"""

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

Loss = Callable[[Any, Any], Any]

LEVEL_WEIGHTS: Final = (1.00, 0.91, 0.73, 0.56, 0.51)  # thesis Table 7.5: inverse marker counts
_LEAST: Final = 1e-7  # of a probability, so that its logarithm is finite
_VOXELS: Final = (0, 1, 2, 3)


def fuzzy_dice(target: Any, probability: Any) -> Any:
    """Give 1 - 2 sum(p t) / (sum p + sum t) over all voxels and channels together."""
    return 1.0 - tf.reduce_mean(_dice(target, probability, axis=None))


def normalised_dice(target: Any, probability: Any) -> Any:
    """Give 1 - the weighted mean over channels of each channel's fuzzy Dice.

    Each channel is reduced over the whole batch, so that a slice without a foramen of that level
    does not count by itself. A five-channel answer takes the weights of Table 7.5.

    Raises:
        ValueError: there are not five channels.
    """
    per_channel = dice_per_channel(target, probability)
    if per_channel.shape[0] != len(LEVEL_WEIGHTS):
        raise ValueError(
            f"the normalised Dice weighs {len(LEVEL_WEIGHTS)} levels; "
            f"received {per_channel.shape[0]} channels: give SingleNet the loss 'dice'"
        )
    weights = tf.constant(LEVEL_WEIGHTS, per_channel.dtype)
    return 1.0 - tf.reduce_sum(weights * per_channel) / tf.reduce_sum(weights)


def sigmoid_cross_entropy(target: Any, probability: Any) -> Any:
    """Give the mean over channels of each channel's weighted cross-entropy.

    In each channel the foramen's voxels of the batch weigh one half together, the others the
    other half (section 7.5.2).
    """
    p = tf.clip_by_value(probability, _LEAST, 1.0 - _LEAST)
    inside = _mean_where(target, -tf.math.log(p), _VOXELS)
    outside = _mean_where(1.0 - target, -tf.math.log1p(-p), _VOXELS)
    return tf.reduce_mean(0.5 * (inside + outside))


def softmax_cross_entropy(target: Any, probability: Any) -> Any:
    """Give the weighted cross-entropy over the levels and the background.

    The background's probability is 1 minus the sum of the channels. Foramina of all levels weigh
    one half together, the background the other half (section 7.5.2).
    """
    background = 1.0 - tf.reduce_sum(probability, -1)
    logarithm = tf.math.log(tf.clip_by_value(probability, _LEAST, 1.0))
    outside = tf.clip_by_value(1.0 - tf.reduce_sum(target, -1), 0.0, 1.0)
    return 0.5 * (
        _mean_where(target, -logarithm, None)
        + _mean_where(outside, -tf.math.log(tf.clip_by_value(background, _LEAST, 1.0)), None)
    )


def dice_per_channel(target: Any, probability: Any) -> Any:
    """Give the fuzzy Dice of each channel, shape (channels,)."""
    return _dice(target, probability, axis=_VOXELS)


def _dice(target: Any, probability: Any, axis: tuple[int, ...] | None) -> Any:
    """Divide as the thesis does, without a constant added to either side.

    An empty target then gives 0 and no gradient. With the usual small constant an empty answer to
    it would be rewarded, ever more steeply as the answer vanishes: batches without a foramen draw
    the network to answer nothing at all, from which it does not return.
    """
    both = tf.reduce_sum(target * probability, axis)
    either = tf.reduce_sum(target, axis) + tf.reduce_sum(probability, axis)
    return tf.math.divide_no_nan(2.0 * both, either)


def _mean_where(mask: Any, value: Any, axis: tuple[int, ...] | None) -> Any:
    """Give the mean of a value, weighted by a mask; zero where the mask is empty."""
    return tf.math.divide_no_nan(tf.reduce_sum(mask * value, axis), tf.reduce_sum(mask, axis))


LOSSES: Final[dict[str, Loss]] = {
    "dice": fuzzy_dice,
    "normalised-dice": normalised_dice,
    "sigmoid-cross-entropy": sigmoid_cross_entropy,
    "softmax-cross-entropy": softmax_cross_entropy,
}
