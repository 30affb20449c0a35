"""The fine network: a crop around a supposed foramen in, where its centre is out."""

from typing import Any

import tensorflow as tf
from tensorflow import keras

from model.localiser.layers import Block
from model.localiser.spec import FineSpec


class FineNetwork(keras.Model):  # type: ignore[misc]
    """A small U-Net on the slices of a crop; it knows foramina, not levels."""

    def __init__(self, spec: FineSpec, **options: Any) -> None:
        """Make the layers; weights come with the first call."""
        super().__init__(**options)
        self.spec = spec
        widths = spec.widths
        self.down = [Block(width, 1) for width in widths]
        self.up = [Block(width, 1) for width in widths[-2::-1]]
        self.narrow = [keras.layers.Conv2D(width, 1) for width in widths[-2::-1]]
        self.pool = keras.layers.MaxPool2D(2)
        self.heatmap = keras.layers.Conv2D(1, 1, name="heatmap")
        self.presence = keras.layers.Dense(1, name="presence")

    def call(self, inputs: Any) -> tuple[Any, Any]:
        """Answer for crops (crop, slice, row, column), standardised, seen as left foramina.

        Returns:
            heatmap logits (crop, slice, row, column) and presence logits (crop,): whether there
            is a foramen in the middle part of the crop.
        """
        shape = tf.shape(inputs)
        count = shape[1]
        x = tf.reshape(inputs, (-1, shape[2], shape[3], 1))
        kept = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x), count)
            kept.append(x)
        seen = tf.reshape(tf.reduce_mean(x, axis=(1, 2)), (-1, count, x.shape[-1]))
        presence = self.presence(tf.reduce_max(seen, axis=1))[:, 0]
        for finer, block, narrow in zip(kept[-2::-1], self.up, self.narrow, strict=True):
            x = block(tf.image.resize(narrow(x), tf.shape(finer)[1:3], "bilinear") + finer, count)
        return tf.reshape(self.heatmap(x), shape), presence


def build(spec: FineSpec) -> FineNetwork:
    """Build the network with its weights."""
    network = FineNetwork(spec)
    network(tf.zeros((1, *spec.shape)))
    return network
