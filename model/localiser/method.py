"""The two-stage method: all that a bundle says about it, as plain values; needs no TensorFlow."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from model.localiser.certainty import CertaintySpec
from model.localiser.chain import ChainSpec
from model.localiser.count import coarse_parameters, fine_parameters
from model.localiser.spec import CoarseSpec, FineSpec
from model.volume import Volume

Span = tuple[float, float]
Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class LimitsSpec:
    """Which images are looked at: what the synthetic scans of the training cover, and some more.

    Attributes:
        slices: least and most.
        slice_spacing_mm: least and most distance of neighbouring slices.
        pixel_mm: least and most distance of pixels.
        field_of_view_mm: least and most of rows and of columns.
        side_px: most rows or columns; with the slices it bounds the memory.
    """

    slices: tuple[int, int] = (7, 40)
    slice_spacing_mm: Span = (2.0, 8.0)
    pixel_mm: Span = (0.15, 2.0)
    field_of_view_mm: Span = (120.0, 520.0)
    side_px: int = 2048

    def refusal(self, volume: Volume) -> str | None:
        """Tell why a volume is not looked at, or None; its pixels are not touched."""
        count, sides = volume.pixels.shape[0], np.array(volume.pixels.shape[1:])
        spacing = np.array(volume.spacing_mm)
        if not self.slices[0] <= count <= self.slices[1]:
            return (
                f"the series has {count} slices; the model knows {self.slices[0]} to "
                f"{self.slices[1]}"
            )
        if sides.max() > self.side_px:
            return f"the image has {sides.max()} pixels a side; at most {self.side_px} are read"
        measured = (
            ("the slices are", spacing[:1], self.slice_spacing_mm),
            ("the pixels are", spacing[1:], self.pixel_mm),
            ("the field of view is", sides * spacing[1:], self.field_of_view_mm),
        )
        for what, values, span in measured:
            wrong = [value for value in values if not span[0] <= value <= span[1]]
            if wrong:
                apart = " apart" if what != "the field of view is" else ""
                return (
                    f"{what} {wrong[0]:.3g} mm{apart}; the model knows {span[0]:g} to "
                    f"{span[1]:g} mm"
                )
        return None


@dataclass(frozen=True, slots=True)
class TtaSpec:
    """Test-time augmentation: the networks are asked several times, the heatmaps are averaged.

    Attributes:
        flip: also ask the coarse network about the mirrored series, left and right exchanged.
        shifts: also ask it about the series moved by (rows, columns) cells of its heatmaps.
        fine_shifts: the same of the fine network, in its pixels. It is not mirrored: it sees
            every foramen as a left one.
    """

    flip: bool = False
    shifts: tuple[tuple[int, int], ...] = ()
    fine_shifts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class TwoStageMethod:
    """What a two-stage bundle says about itself.

    Attributes:
        coarse: the network that names levels.
        fine: the network that finds centres.
        chain: the costs of naming levels.
        certainty: when to answer.
        limits: which images are looked at.
        tta: how often the networks are asked.
        openvino: what the coarse and the fine network compute in under OpenVINO, where the
            processor can: the fastest in which they were seen to answer as TensorFlow does.
        coarse_weights: name of the file beside bundle.json that holds the coarse network's.
        fine_weights: the same of the fine one.
        kind: tells this method from others.
    """

    coarse: CoarseSpec
    fine: FineSpec
    chain: ChainSpec
    certainty: CertaintySpec
    limits: LimitsSpec = LimitsSpec()
    tta: TtaSpec = TtaSpec()
    openvino: tuple[Precision, Precision] = ("f32", "f32")
    coarse_weights: str = "coarse.weights.h5"
    fine_weights: str = "fine.weights.h5"
    kind: Literal["two-stage"] = "two-stage"

    @property
    def files(self) -> tuple[str, ...]:
        """Name the files that must lie beside bundle.json."""
        return self.coarse_weights, self.fine_weights

    def describe(self) -> dict[str, Any]:
        """Give one row for `foramina model list`."""
        return {
            "summary": "two-stage",
            "parameters": coarse_parameters(self.coarse) + fine_parameters(self.fine),
            "spacing_mm": self.fine.pixel_mm,
            "patch": max(self.fine.shape[1:]),
        }
