"""SingleNet and MultiNet: V-Net shaped networks (thesis sections 7.4.1 and 7.5.1).

The thesis's drawings are not in its text. docs/decisions/0003-multinet-reading.md tells which
reading of the words comes out at its parameter counts: 3x3x3 convolutions that halve rows and
columns, a residual block of two convolutions after each compression, one of min(depth, 3)
convolutions on the full concatenated width before each expansion, expansions by 3x2x2 transposed
convolutions, and a 3x1x1 valid prediction block, with supervision at each resolution.

Sizes are k * 2**compressions + 1, so 225 -> 113 -> 57 -> 29 -> 15 -> 8 and back need no padding
layer: TensorFlow 2.21 with oneDNN computes a padded 3-D convolution wrongly in graph mode.
"""

from typing import Any

from model.networks.layers import (
    ConcatenatedReLU,
    ForegroundSoftmax,
    Interpolate,
    SliceBatchNormalization,
    keras,
    layers,
)
from model.networks.spec import NetworkSpec


def build(spec: NetworkSpec) -> Any:
    """Build the network: (batch, 3, n, n, 1) in, (batch, 1, n, n, channels) in 0..1 out."""
    size, widths = spec.patch_size, spec.widths
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
    output = _probability(spec)(block.predict(x, output))
    return keras.Model(inputs, output, name=spec.family)


def _probability(spec: NetworkSpec) -> Any:
    """Make the last layer; it computes in float32 whatever the others do."""
    if spec.output == "softmax":
        return ForegroundSoftmax(name="probability", dtype="float32")
    return layers.Activation("sigmoid", name="probability", dtype="float32")


class _Blocks:
    """The thesis's building blocks for one specification."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._spec = spec
        self._initialiser = "he_normal" if spec.he_initialisation else "glorot_uniform"

    def convolve(
        self,
        x: Any,
        channels: int,
        strides: tuple[int, int, int] = (1, 1, 1),
        activated: bool = True,
    ) -> Any:
        """Apply a 3x3x3 convolution, batch normalisation and the activation."""
        x = layers.Conv3D(
            channels, 3, strides=strides, padding="same",
            use_bias=not self._spec.batch_normalisation, kernel_initializer=self._initialiser,
        )(x)  # fmt: skip
        return self._normalise(x, activated)

    def residual(self, x: Any, convolutions: int) -> Any:
        """Apply convolutions, add the input, activation and dropout.

        With CReLU the sum keeps a plain ReLU: each block would double its channels otherwise.
        """
        y = x
        for index in range(convolutions):
            y = self.convolve(y, x.shape[-1], activated=index < convolutions - 1)
        y = layers.Add()([x, y])
        y = layers.ELU()(y) if self._spec.activation == "elu" else layers.ReLU()(y)
        return layers.Dropout(1.0 - self._spec.keep_probability)(y)

    def expand(self, x: Any, channels: int) -> Any:
        """Double rows and columns, less one, by a 3x2x2 transposed convolution."""
        x = layers.Conv3DTranspose(
            channels, (3, 2, 2), strides=(1, 2, 2), padding="same", output_padding=(0, 1, 1),
            use_bias=not self._spec.batch_normalisation, kernel_initializer=self._initialiser,
        )(x)  # fmt: skip
        return self._normalise(x, activated=True)

    def predict(self, x: Any, coarser: Any | None) -> Any:
        """Predict the middle slice by a 3x1x1 valid convolution and add the coarser one.

        It begins at zero, so that every channel begins at the same probability everywhere: the
        fuzzy Dice has no slope where a channel is saturated, and one that starts there stays
        empty for good.
        """
        y = layers.Conv3D(
            self._spec.logits,
            (self._spec.slices_in, 1, 1),
            padding="valid",
            kernel_initializer="zeros",
        )(x)
        return y if coarser is None else layers.Add()([y, coarser])

    def _normalise(self, x: Any, activated: bool) -> Any:
        if self._spec.batch_normalisation:
            x = SliceBatchNormalization(momentum=self._spec.batch_momentum)(x)
        if not activated:
            return x
        kind = {"relu": layers.ReLU, "elu": layers.ELU, "crelu": ConcatenatedReLU}
        return kind[self._spec.activation]()(x)
