"""What the two networks see and answer, as plain values; needs no TensorFlow."""

from dataclasses import dataclass
from typing import Final

from model.labels import LABELS

DECOYS: Final = ("T12-left", "T12-right", "S1-left", "S1-right")
"""The foramina above L1 and below L5: named so that they are not taken for their neighbours."""

ANCHORS: Final = (
    "S1-endplate", "S1-body", "L5-body", "L4-body", "L3-body", "L2-body", "L1-body", "T12-body",
)  # fmt: skip
"""Points of the midline that tell the levels apart: S1's upper endplate, and the bodies."""

POINTS: Final = (*LABELS, *DECOYS, *ANCHORS)


@dataclass(frozen=True, slots=True)
class CoarseSpec:
    """The coarse network: 2-D convolutions on each slice, and taps across the slices.

    Attributes:
        points: names of the answered points, one heatmap each; an any-foramen map follows.
        pixel_mm: rows and columns of its input are this far apart; slices stay as they are.
        widths: feature channels of the levels, each half as fine as the one before.
        stride: how much coarser the heatmaps are than the input.
        sigma_mm: in-plane standard deviation of a target.
        sigma_slices: the same across slices.
    """

    points: tuple[str, ...] = POINTS
    pixel_mm: float = 2.8
    widths: tuple[int, ...] = (16, 32, 64, 96, 128)
    stride: int = 2
    sigma_mm: float = 6.0
    sigma_slices: float = 0.7

    @property
    def multiple(self) -> int:
        """Give what rows and columns of the input must be multiples of."""
        return int(2 ** (len(self.widths) - 1))


@dataclass(frozen=True, slots=True)
class FineSpec:
    """The fine network: sees one foramen in a crop, always as if it were a left one.

    Attributes:
        pixel_mm: rows and columns of its input are this far apart.
        shape: slices, rows and columns of the crop; slices as the series has them.
        widths: feature channels of the levels.
        sigma_mm: in-plane standard deviation of the target.
        sigma_slices: the same across slices.
    """

    pixel_mm: float = 1.0
    shape: tuple[int, int, int] = (5, 48, 48)
    widths: tuple[int, ...] = (16, 32, 64)
    sigma_mm: float = 1.5
    sigma_slices: float = 0.6
