"""What a network is made of, as plain values; needs no TensorFlow."""

from dataclasses import dataclass
from typing import Final, Literal

from model.labels import LEVELS

Activation = Literal["relu", "elu", "crelu"]
Output = Literal["sigmoid", "softmax"]
Family = Literal["singlenet", "multinet"]

SINGLE: Final = ("foramen",)
"""The channels of a network that says "some lumbar foramen" and leaves the level to its order."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The hyper-parameters of a network (thesis sections 7.4.1 and 7.5.1).

    Everything but `patch_size`, `keep_probability` and `batch_momentum` decides the weights'
    shapes or what they mean; weights fit a network of any patch size.

    Attributes:
        family: which of the thesis's networks; a SingleNet has one channel.
        channels: names of the output channels, in order.
        patch_size: rows and columns of its input, of the form k * 2**compressions + 1.
        compressions: number of compressing (and of expanding) blocks.
        first_channels: feature channels at full resolution; they double per compression.
        max_channels: cap on the channels of compressing and expanding layers (MaxChannels).
        keep_probability: share of activations that dropout keeps.
        batch_normalisation: whether each convolution is followed by one.
        batch_momentum: share of the old moving statistics kept at each training step.
        he_initialisation: He's normal initialisation instead of Glorot's uniform one.
        supervision: coarser predictions are interpolated up and added, level by level.
        activation: after each convolution; CReLU doubles the channels (thesis section 3.3.2.6).
        output: sigmoid per channel, or a softmax over the channels and the background.
    """

    family: Family = "multinet"
    channels: tuple[str, ...] = LEVELS
    patch_size: int = 481
    compressions: int = 5
    first_channels: int = 8
    max_channels: int = 16
    keep_probability: float = 0.9
    batch_normalisation: bool = True
    batch_momentum: float = 0.9
    he_initialisation: bool = True
    supervision: bool = True
    activation: Activation = "relu"
    output: Output = "sigmoid"

    def __post_init__(self) -> None:
        step = 2**self.compressions
        if self.patch_size < step + 1 or (self.patch_size - 1) % step:
            raise ValueError(
                f"patch_size {self.patch_size} does not fit {self.compressions} compressions: "
                f"expected a multiple of {step} plus 1, for example {7 * step + 1}"
            )
        if (len(self.channels) == 1) != (self.family == "singlenet"):
            raise ValueError(
                f"{self.family} has the channels {', '.join(self.channels)}; expected one channel "
                "for singlenet, one per level for multinet"
            )
        if not 0.0 < self.keep_probability <= 1.0:
            raise ValueError(
                f"keep_probability {self.keep_probability} is no share; expected more than 0, "
                "at most 1"
            )

    @property
    def slices_in(self) -> int:
        """Give the number of slices in one input; the output is the middle one."""
        return 3

    @property
    def widths(self) -> tuple[int, ...]:
        """Give the channels that convolutions make at each depth, from full resolution down."""
        return tuple(
            min(self.first_channels * 2**depth, self.max_channels)
            for depth in range(self.compressions + 1)
        )

    @property
    def logits(self) -> int:
        """Give the number of predicted planes: a softmax has one more, the background."""
        return len(self.channels) + (self.output == "softmax")

    def fitting(self, least: int) -> int:
        """Give the smallest size of at least so many pixels that the network takes."""
        step = 1 << self.compressions
        return max(-(-(least - 1) // step), 1) * step + 1
