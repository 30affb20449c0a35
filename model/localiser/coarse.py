"""The coarse network: a whole volume at low resolution in, a heatmap per point out."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from model.localiser.layers import Block
from model.localiser.spec import CoarseSpec


class CoarseNetwork(keras.Model):  # type: ignore[misc]
    """A U-Net on slices whose levels exchange what they see across all slices.

    The taps' dilations (1, 1, 2, then 4 and 2) let each output see 20 slices and more; the
    bottleneck's dilated convolution lets it see the whole field of view.
    """

    def __init__(self, spec: CoarseSpec, **options: Any) -> None:
        """Make the layers; weights come with the first call."""
        super().__init__(**options)
        self.spec = spec
        widths = spec.widths
        taps = (0, 1, 1, 2, *([2] * len(widths)))
        self.down = [Block(width, taps[level]) for level, width in enumerate(widths)]
        self.bottom = [Block(widths[-1], 4, dilation=2), Block(widths[-1], 2)]
        finest = spec.stride.bit_length() - 1
        self.levels = list(range(len(widths) - 2, finest - 1, -1))
        self.up = [Block(widths[level], 1) for level in self.levels]
        self.narrow = [keras.layers.Conv2D(widths[level], 1) for level in self.levels]
        self.pool = keras.layers.MaxPool2D(2)
        self.heatmaps = keras.layers.Conv2D(len(spec.points) + 1, 1, name="heatmaps")
        self.presence = keras.layers.Dense(len(spec.points), name="presence")

    def call(self, inputs: Any, slices: Any = None) -> tuple[Any, Any]:
        """Answer for volumes (volume, slice, row, column), standardised.

        Args:
            inputs: rows and columns are multiples of `spec.multiple`; slices at the end that hold
                only padding are left out by `slices`.
            slices: int32 (volume,), how many slices of each volume are real; None: all.

        Returns:
            heatmap logits (volume, slice, row / stride, column / stride, point + 1), the last
            channel any foramen; and presence logits (volume, point).
        """
        shape = tf.shape(inputs)
        count = shape[1]
        real = tf.fill((shape[0],), count) if slices is None else slices
        mask = tf.sequence_mask(real, count, dtype=inputs.dtype)
        folded_mask = tf.reshape(mask, (-1, 1, 1, 1))
        x = tf.reshape(inputs, (-1, shape[2], shape[3], 1))
        kept = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x), count) * folded_mask
            kept.append(x)
        for block in self.bottom:
            x = block(x, count) * folded_mask
        seen = tf.reshape(tf.reduce_mean(x, axis=(1, 2)), (-1, count, x.shape[-1]))
        whole = tf.reduce_sum(seen, axis=1) / tf.cast(real, x.dtype)[:, None]
        for level, block, narrow in zip(self.levels, self.up, self.narrow, strict=True):
            finer = tf.image.resize(narrow(x), tf.shape(kept[level])[1:3], "bilinear")
            x = block(finer + kept[level], count) * folded_mask
        logits = self.heatmaps(x)
        logits = tf.reshape(logits, (-1, count, *_in_plane(logits), logits.shape[-1]))
        hidden = (1.0 - tf.reshape(mask, (-1, count, 1, 1, 1))) * -1e4
        return logits + hidden, self.presence(whole)


def build(spec: CoarseSpec) -> CoarseNetwork:
    """Build the network with its weights."""
    network = CoarseNetwork(spec)
    side = 2 * spec.multiple
    network(tf.zeros((1, 9, side, side)))
    return network


def _in_plane(logits: Any) -> tuple[Any, Any]:
    shape = tf.shape(logits)
    return shape[1], shape[2]
