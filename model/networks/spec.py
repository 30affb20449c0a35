"""What a network is made of, as plain values; needs no TensorFlow."""

from dataclasses import dataclass
from typing import Literal

from model.labels import LEVELS


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The hyper-parameters of a network (thesis sections 7.4.1 and 7.5.1).

    Attributes:
        family: which builder makes it.
        channels: names of the output channels, in order.
        patch_size: rows and columns of its input, of the form k * 2**compressions + 1.
        compressions: number of compressing (and of expanding) blocks.
        first_channels: feature channels at full resolution; they double per compression.
        max_channels: cap on the channels of compressing and expanding layers.
        keep_probability: share of activations that dropout keeps.
        batch_normalisation: whether each convolution is followed by one.
        batch_momentum: share of the old moving statistics kept at each training step.
        he_initialisation: He's normal initialisation instead of Glorot's uniform one.
        supervision: coarser predictions are interpolated up and added, level by level.
    """

    family: Literal["multinet"] = "multinet"
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

    def __post_init__(self) -> None:
        step = 2**self.compressions
        if self.patch_size < step + 1 or (self.patch_size - 1) % step:
            raise ValueError(
                f"patch_size {self.patch_size} does not fit {self.compressions} compressions: "
                f"expected a multiple of {step} plus 1, for example {7 * step + 1}"
            )

    @property
    def slices_in(self) -> int:
        """Give the number of slices in one input; the output is the middle one."""
        return 3
