"""Fuzzy Dice losses (thesis sections 7.4 and 7.5); imports TensorFlow.

Targets and probabilities are (batch, slices, rows, columns, channels) in 0..1.
"""

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

Loss = Callable[[Any, Any], Any]

LEVEL_WEIGHTS: Final = (1.00, 0.91, 0.73, 0.56, 0.51)  # thesis Table 7.5: inverse marker counts
_SMOOTH: Final = 1e-6  # keeps an empty target with an empty answer defined


def fuzzy_dice(target: Any, probability: Any) -> Any:
    """Give 1 - 2 sum(p t) / (sum p + sum t) over all voxels and channels together."""
    return 1.0 - tf.reduce_mean(_dice(target, probability, axis=None))


def normalised_dice(target: Any, probability: Any) -> Any:
    """Give 1 - the weighted mean over channels of each channel's fuzzy Dice.

    Each channel is reduced over the whole batch, so that a slice without a foramen of that level
    does not count by itself. A five-channel answer takes the weights of Table 7.5.
    """
    per_channel = dice_per_channel(target, probability)
    weights = tf.constant(LEVEL_WEIGHTS, per_channel.dtype)
    return 1.0 - tf.reduce_sum(weights * per_channel) / tf.reduce_sum(weights)


def dice_per_channel(target: Any, probability: Any) -> Any:
    """Give the fuzzy Dice of each channel, shape (channels,)."""
    return _dice(target, probability, axis=(0, 1, 2, 3))


def _dice(target: Any, probability: Any, axis: tuple[int, ...] | None) -> Any:
    both = tf.reduce_sum(target * probability, axis)
    either = tf.reduce_sum(target, axis) + tf.reduce_sum(probability, axis)
    return (2.0 * both + _SMOOTH) / (either + _SMOOTH)


LOSSES: Final[dict[str, Loss]] = {"dice": fuzzy_dice, "normalised-dice": normalised_dice}
