"""Count the parameters of both networks without building them; needs no TensorFlow.

The sums follow `model.localiser.coarse` and `.fine`; a test holds them together.
"""

from model.localiser.spec import CoarseSpec, FineSpec


def coarse_parameters(spec: CoarseSpec) -> int:
    """Count the trainable parameters of the coarse network."""
    widths, points = spec.widths, len(spec.points)
    total, incoming = 0, 1
    for level, width in enumerate(widths):
        total += _block(incoming, width, taps=level > 0)
        incoming = width
    total += 2 * _block(widths[-1], widths[-1])
    finest = spec.stride.bit_length() - 1
    total += _upward(widths[finest:])
    return total + (widths[finest] + 1) * (points + 1) + (widths[-1] + 1) * points


def fine_parameters(spec: FineSpec) -> int:
    """Count the trainable parameters of the fine network."""
    widths = spec.widths
    down = sum(_block(*pair) for pair in zip((1, *widths), widths, strict=False))
    return down + _upward(widths) + (widths[0] + 1) + (widths[-1] + 1)


def _upward(widths: tuple[int, ...]) -> int:
    """Count the way from the coarsest level to the finest: a 1 x 1 convolution and a block each."""
    coarser = widths[1:]
    return sum(
        (wide + 1) * width + _block(width, width)
        for width, wide in zip(widths, coarser, strict=False)
    )


def _block(incoming: int, width: int, *, taps: bool = True) -> int:
    """Count two 3 x 3 convolutions without bias, their normalisation, and the taps."""
    return 9 * incoming * width + 9 * width * width + 4 * width + (3 * width if taps else 0)
