"""How the source shows its images: rescale, window and polarity of each.

Read from the headers without decoding them (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2); an image without a
window gets one from the pixels, since software shows it so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from model.frames import frame_number
from model.volume import Volume
from node.report.elements import numbers, text
from node.report.points import Slice, Stack

_FUNCTIONS: Final = frozenset({"LINEAR_EXACT", "SIGMOID"})  # LINEAR need not be said
_DARKEST: Final = 1.0  # percentile of the pixels
_BRIGHTEST: Final = 99.5
_LEAST: Final = 1e-6  # width of a window
_SAMPLED: Final = 4  # every so many rows and columns: enough for a percentile


@dataclass(frozen=True, slots=True)
class Window:
    """WindowCenter and WindowWidth with VOILUTFunction, which is empty for LINEAR."""

    center: float
    width: float
    function: str = ""

    @property
    def limits(self) -> tuple[float, float]:
        """Give the values that are shown black and white (PS3.3 C.11.2.1.2)."""
        if self.function:
            return self.center - self.width / 2, self.center + self.width / 2
        return self.center - self.width / 2, self.center + self.width / 2 - 1

    @classmethod
    def between(cls, darkest: float, brightest: float) -> Self:
        """Make the LINEAR window that shows two values black and white."""
        width = max(brightest - darkest, 0.0) + 1
        return cls(darkest + width / 2, width)


@dataclass(frozen=True, slots=True)
class Display:
    """How one image is shown.

    Attributes:
        rescale: slope and intercept, from stored to rescaled values; None when it names none.
        window: of rescaled values.
        mirror: of MONOCHROME1, whose least value is white, the sum of any rescaled value and its
            mirror image in `Volume.pixels`; None for MONOCHROME2.
        name: what viewers call the image: "image 7", "frame 7".
    """

    rescale: tuple[float, float] | None
    window: Window
    mirror: float | None = None
    name: str = ""

    @property
    def stored_window(self) -> Window:
        """Give the window of stored values, which shows the same."""
        slope, intercept = self.rescale or (1.0, 0.0)
        if self.window.function:
            center, width = (self.window.center - intercept) / slope, self.window.width / slope
            return replace(self.window, center=center, width=width)
        darkest, brightest = self.window.limits
        return Window.between((darkest - intercept) / slope, (brightest - intercept) / slope)

    def grey(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Show pixels of a `Volume` as 0 (black) to 255 (white), SIGMOID as if it were linear."""
        black, white = self.window.limits
        if self.mirror is not None:
            black, white = self.mirror - white, self.mirror - black
        share = np.clip((pixels - black) / max(white - black, _LEAST), 0, 1)
        return np.asarray((share * 255).round(), dtype=np.uint8)


def read_displays(stack: Stack, headers: Sequence[Dataset], scan: Volume) -> dict[Slice, Display]:
    """Read how each image of a series is shown.

    Args:
        stack: of the series.
        headers: of its images, one per slice in any order.
        scan: its pixels.

    Raises:
        ValueError: stack, headers and pixels are not of the same images.
    """
    if tuple(image.sop_instance_uid for image in stack.slices) != scan.sop_instance_uids:
        raise ValueError("the pixels belong to other images than the headers")
    by_key = {(text(header, "SOPInstanceUID"), frame_number(header)): header for header in headers}
    sample = scan.pixels[:, ::_SAMPLED, ::_SAMPLED].astype(np.float64)
    usual = np.percentile(sample, (_DARKEST, _BRIGHTEST))
    mirror = float(scan.pixels.min()) + float(scan.pixels.max())
    return {
        image: _display(by_key[image.sop_instance_uid, image.frame_number], usual, mirror)
        for image in stack.slices
    }


def _display(header: Dataset, usual: npt.NDArray[np.float64], mirror: float) -> Display:
    inverted = text(header, "PhotometricInterpretation") == "MONOCHROME1"
    black, white = sorted(mirror - usual if inverted else usual)
    return Display(
        rescale=_rescale(header),
        window=_window(header) or Window.between(float(black), float(white)),
        mirror=mirror if inverted else None,
        name=_name(header),
    )


def _name(header: Dataset) -> str:
    frame, instance = frame_number(header), text(header, "InstanceNumber")
    if frame is not None:
        return f"frame {frame}"
    return f"image {instance}" if instance.isdecimal() else ""


def _rescale(header: Dataset) -> tuple[float, float] | None:
    slope, intercept = _number(header, "RescaleSlope"), _number(header, "RescaleIntercept")
    return None if slope is None and intercept is None else (slope or 1.0, intercept or 0.0)


def _window(header: Dataset) -> Window | None:
    """Read the first window; the others are alternatives."""
    center, width = _number(header, "WindowCenter"), _number(header, "WindowWidth")
    function = text(header, "VOILUTFunction")
    function = function if function in _FUNCTIONS else ""
    if center is None or width is None or width < (_LEAST if function else 1):
        return None  # PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2
    return Window(center, width, function)


def _number(header: Dataset, keyword: str) -> float | None:
    values = numbers(header, keyword)
    return values[0] if values and np.isfinite(values[0]) else None
