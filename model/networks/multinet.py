"""MultiNet: a V-Net shaped network with one output channel per level (thesis section 7.5).

The thesis's drawings are not in its text. docs/decisions/0003-multinet-reading.md tells which
reading of the words comes out at its parameter counts: 3x3x3 convolutions that halve rows and
columns, a residual block of two convolutions after each compression, one of min(depth, 3)
convolutions on the full concatenated width before each expansion, expansions by 3x2x2 transposed
convolutions, and a 3x1x1 valid prediction block at each resolution.

Sizes are k * 2**compressions + 1, so 225 -> 113 -> 57 -> 29 -> 15 -> 8 and back need no padding
layer: TensorFlow 2.21 with oneDNN computes a padded 3-D convolution wrongly in graph mode.
"""

from typing import Any

import tensorflow as tf

from model.networks.spec import NetworkSpec

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
        return tf.reshape(fine, (-1, slices, *size, channels))

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give (batch, slices, 2 n - 1, 2 n - 1, c)."""
        batch, slices, rows, columns, channels = input_shape
        return batch, slices, 2 * rows - 1, 2 * columns - 1, channels


class SliceBatchNormalization(layers.BatchNormalization):  # type: ignore[misc]
    """Normalise (batch, slices, rows, columns, c) per channel, the slices folded into the batch.

    Keras normalises five axes with unfused operations. The fused four-axis kernel gives the same
    numbers: on two cores an inference takes a third of the time, a training step half.
    """

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


def build(spec: NetworkSpec) -> Any:
    """Build the network: (batch, 3, n, n, 1) in, (batch, 1, n, n, channels) in 0..1 out."""
    size = spec.patch_size
    widths = [
        min(spec.first_channels * 2**depth, spec.max_channels)
        for depth in range(spec.compressions + 1)
    ]
    block = _Blocks(spec)
    inputs = keras.Input((spec.slices_in, size, size, 1), name="slices")
    x = block.convolve(inputs, widths[0])
    skips = []
    for depth in range(1, spec.compressions + 1):
        skips.append(x)
        x = block.convolve(x, widths[depth], strides=(1, 2, 2))
        x = block.residual(x, convolutions=2)
    output = None
    for depth in range(spec.compressions, 0, -1):
        x = block.residual(x, convolutions=min(depth, 3))
        if spec.supervision:
            output = Interpolate()(block.predict(x, output))
        x = block.expand(x, widths[depth - 1])
        x = layers.Concatenate()([x, skips[depth - 1]])
    output = layers.Activation("sigmoid", name="probability")(block.predict(x, output))
    return keras.Model(inputs, output, name="multinet")


class _Blocks:
    """The thesis's building blocks for one specification."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._spec = spec
        self._initialiser = "he_normal" if spec.he_initialisation else "glorot_uniform"

    def convolve(
        self, x: Any, channels: int, strides: tuple[int, int, int] = (1, 1, 1), relu: bool = True
    ) -> Any:
        """Apply a 3x3x3 convolution, batch normalisation and ReLU."""
        x = layers.Conv3D(
            channels, 3, strides=strides, padding="same",
            use_bias=not self._spec.batch_normalisation, kernel_initializer=self._initialiser,
        )(x)  # fmt: skip
        return self._activate(x, relu)

    def residual(self, x: Any, convolutions: int) -> Any:
        """Apply convolutions, add the input, ReLU and dropout."""
        y = x
        for index in range(convolutions):
            y = self.convolve(y, x.shape[-1], relu=index < convolutions - 1)
        y = layers.ReLU()(layers.Add()([x, y]))
        return layers.Dropout(1.0 - self._spec.keep_probability)(y)

    def expand(self, x: Any, channels: int) -> Any:
        """Double rows and columns, less one, by a 3x2x2 transposed convolution."""
        x = layers.Conv3DTranspose(
            channels, (3, 2, 2), strides=(1, 2, 2), padding="same", output_padding=(0, 1, 1),
            use_bias=not self._spec.batch_normalisation, kernel_initializer=self._initialiser,
        )(x)  # fmt: skip
        return self._activate(x, relu=True)

    def predict(self, x: Any, coarser: Any | None) -> Any:
        """Predict the middle slice by a 3x1x1 valid convolution and add the coarser one.

        It begins at zero, so that every channel begins at 0.5 everywhere: the fuzzy Dice has no
        slope where a channel is saturated, and one that starts there stays empty for good.
        """
        y = layers.Conv3D(
            len(self._spec.channels),
            (self._spec.slices_in, 1, 1),
            padding="valid",
            kernel_initializer="zeros",
        )(x)
        return y if coarser is None else layers.Add()([y, coarser])

    def _activate(self, x: Any, relu: bool) -> Any:
        if self._spec.batch_normalisation:
            x = SliceBatchNormalization(momentum=self._spec.batch_momentum)(x)
        return layers.ReLU()(x) if relu else x
