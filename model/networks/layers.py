"""Layers that Keras lacks, or computes slower than needed; imports TensorFlow."""

from typing import Any

import tensorflow as tf

keras: Any = tf.keras  # Keras 3, as TensorFlow brings it
layers: Any = keras.layers


class Interpolate(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Interpolate (batch, slices, n, n, c) linearly to rows and columns of 2 n - 1.

    Coarse pixel i lies on fine pixel 2 i, as a strided SAME convolution of odd sizes puts it.
    """

    def call(self, inputs: Any) -> Any:
        """Resize every slice by itself."""
        slices, rows, columns, channels = inputs.shape[1:]
        size = (2 * rows - 1, 2 * columns - 1)
        flat = tf.reshape(inputs, (-1, rows, columns, channels))
        fine = tf.raw_ops.ResizeBilinear(images=flat, size=size, align_corners=True)
        return tf.reshape(tf.cast(fine, inputs.dtype), (-1, slices, *size, channels))

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (batch, slices, 2 n - 1, 2 n - 1, c)."""
        batch, slices, rows, columns, channels = input_shape
        return batch, slices, 2 * rows - 1, 2 * columns - 1, channels


class ConcatenatedReLU(layers.Layer):  # type: ignore[misc]
    """Give [relu(x), relu(-x)]: twice the channels (thesis section 3.3.2.6)."""

    def call(self, inputs: Any) -> Any:
        """Concatenate along the channels."""
        return tf.nn.crelu(inputs)

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape with twice the channels."""
        return *input_shape[:-1], 2 * input_shape[-1]


class ForegroundSoftmax(layers.Layer):  # type: ignore[misc]
    """Give the softmax over (background, channels...) without the background."""

    def call(self, inputs: Any) -> Any:
        """Leave the background, channel 0, out: it is 1 minus the sum of the others."""
        return tf.nn.softmax(inputs)[..., 1:]

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape with one channel less."""
        return *input_shape[:-1], input_shape[-1] - 1


class SliceBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Normalise (batch, slices, rows, columns, c) per channel, the slices folded into the batch.

    Keras normalises five axes with unfused operations. The fused four-axis kernel gives the same
    numbers: on two cores an inference takes a third of the time, a training step half. It takes
    half-width inputs as they are, and keeps its statistics in float32.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of Keras's layer."""
        super().__init__(autocast=False, **options)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise with the batch's statistics in training, with the moving ones otherwise."""
        slices, rows, columns, channels = inputs.shape[1:]
        mean, variance = ([], []) if training else (self.moving_mean, self.moving_variance)
        y, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.reshape(inputs, (-1, rows, columns, channels)), scale=self.gamma,
            offset=self.beta, mean=mean, variance=variance, epsilon=self.epsilon,
            is_training=bool(training),
        )  # fmt: skip
        if training:
            for kept, new in (
                (self.moving_mean, batch_mean),
                (self.moving_variance, batch_variance),
            ):
                kept.assign(kept * self.momentum + new * (1.0 - self.momentum))
        return tf.reshape(y, (-1, slices, rows, columns, channels))
