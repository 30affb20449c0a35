"""Count the parameters of a network without building it; needs no TensorFlow.

The sum follows `model.networks.vnet.build` block by block; a test holds the two together.
"""

from model.networks.spec import NetworkSpec


def parameters(spec: NetworkSpec) -> int:
    """Count the trainable parameters: kernels, biases, scales and offsets."""
    count = _Count(spec)
    total, channels = count.convolve(27, 1, spec.widths[0])
    skips = []
    for width in spec.widths[1:]:
        skips.append(channels)
        weights, channels = count.convolve(27, channels, width)
        total += weights + count.residual(channels, 2)
    for depth in range(spec.compressions, 0, -1):
        total += count.residual(channels, min(depth, 3))
        total += count.predict(channels) if spec.supervision else 0
        weights, channels = count.convolve(12, channels, spec.widths[depth - 1])
        total, channels = total + weights, channels + skips[depth - 1]
    return total + count.predict(channels)


class _Count:
    """Counts the building blocks of one specification."""

    def __init__(self, spec: NetworkSpec) -> None:
        self._after_each = 2 if spec.batch_normalisation else 1  # scale and offset, or a bias
        self._widening = 2 if spec.activation == "crelu" else 1
        self._slices, self._logits = spec.slices_in, spec.logits

    def convolve(self, kernel: int, incoming: int, channels: int) -> tuple[int, int]:
        """Give the weights of a convolution and the channels after its activation."""
        return (kernel * incoming + self._after_each) * channels, channels * self._widening

    def residual(self, channels: int, convolutions: int) -> int:
        """Give the weights of a residual block; it keeps the channels."""
        total, incoming = 0, channels
        for _ in range(convolutions):
            weights, incoming = self.convolve(27, incoming, channels)
            total += weights
        return total

    def predict(self, channels: int) -> int:
        """Give the weights of a prediction block."""
        return (self._slices * channels + 1) * self._logits
