"""Layers that both networks are made of; imports TensorFlow.

Slices are folded into the batch for the 2-D convolutions, which cost a third of 3-D ones on a
processor; learnable taps across the slices carry what one slice cannot know.
"""

from typing import Any

import tensorflow as tf
from tensorflow import keras


class GroupNorm(keras.layers.Layer):  # type: ignore[misc]
    """Normalise groups of channels of one slice (Wu and He 2018), whatever its size."""

    def __init__(self, groups: int = 8, **options: Any) -> None:
        """Choose how many groups the channels are divided into."""
        super().__init__(**options)
        self.groups = groups

    def build(self, shape: Any) -> None:
        """Make the gain and the offset of each channel."""
        self.channels = int(shape[-1])
        self.gain = self.add_weight(shape=(self.channels,), initializer="ones", name="gain")
        self.offset = self.add_weight(shape=(self.channels,), initializer="zeros", name="offset")

    def call(self, inputs: Any) -> Any:
        """Map (slice, row, column, channel) to the same shape."""
        mean = tf.reduce_mean(inputs, axis=(1, 2))
        square = tf.reduce_mean(tf.square(inputs), axis=(1, 2))
        groups = (-1, self.groups, self.channels // self.groups)
        mean = tf.reduce_mean(tf.reshape(mean, groups), axis=2, keepdims=True)
        square = tf.reduce_mean(tf.reshape(square, groups), axis=2, keepdims=True)
        scale = tf.math.rsqrt(tf.maximum(square - tf.square(mean), 0.0) + 1e-4)
        ones = tf.ones((1, 1, self.channels // self.groups))
        scale = tf.reshape(scale * ones, (-1, 1, 1, self.channels)) * self.gain
        mean = tf.reshape(mean * ones, (-1, 1, 1, self.channels))
        return inputs * scale + (self.offset - mean * scale)


class SliceTaps(keras.layers.Layer):  # type: ignore[misc]
    """Mix each channel with that of the slices before and behind it; begins as the identity."""

    def __init__(self, dilation: int = 1, **options: Any) -> None:
        """Choose how many slices away the neighbours are."""
        super().__init__(**options)
        self.dilation = dilation

    def build(self, shape: Any) -> None:
        """Make three weights per channel."""
        self.taps = self.add_weight(shape=(3, int(shape[-1])), initializer="zeros", name="taps")

    def call(self, inputs: Any, slices: Any) -> Any:
        """Map (volume * slice, row, column, channel) to the same shape.

        Args:
            inputs: the folded slices.
            slices: slices of one volume.
        """
        folded = tf.shape(inputs)
        x = tf.reshape(inputs, (-1, slices, folded[1] * folded[2], self.taps.shape[1]))
        shift = self.dilation
        padded = tf.pad(x, ((0, 0), (shift, shift), (0, 0), (0, 0)))
        before, behind = padded[:, : -2 * shift], padded[:, 2 * shift :]
        mixed = x * (1.0 + self.taps[1]) + before * self.taps[0] + behind * self.taps[2]
        return tf.reshape(mixed, folded)


class Block(keras.layers.Layer):  # type: ignore[misc]
    """Two convolutions with normalisation and ReLU; taps across slices after the first."""

    def __init__(self, width: int, taps: int = 0, dilation: int = 1, **options: Any) -> None:
        """Choose the width, and the dilation across slices (0 has no taps) and in-plane."""
        super().__init__(**options)
        conv = keras.layers.Conv2D
        he = keras.initializers.HeNormal
        self.first = conv(width, 3, padding="same", use_bias=False, kernel_initializer=he())
        self.second = conv(
            width, 3, padding="same", use_bias=False, kernel_initializer=he(),
            dilation_rate=dilation,
        )  # fmt: skip
        self.norms = [GroupNorm(), GroupNorm()]
        self.taps = SliceTaps(taps) if taps else None

    def call(self, inputs: Any, slices: Any) -> Any:
        """Map (volume * slice, row, column, channel) to (..., width)."""
        x = tf.nn.relu(self.norms[0](self.first(inputs)))
        if self.taps is not None:
            x = self.taps(x, slices)
        return tf.nn.relu(self.norms[1](self.second(x)))
