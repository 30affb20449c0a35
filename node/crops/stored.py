"""Rescaled values as 16-bit pixels: exactly where possible, else as finely as 16 bits go."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray

_LEAST: Final = -(2**15)
_MOST_SIGNED: Final = 2**15 - 1
_MOST: Final = 2**16 - 1
_EXACT: Final = 1e-6  # share of the slope that float32 arithmetic may have put off a whole number


@dataclass(frozen=True, eq=False, slots=True)
class Stored:
    """Pixels whose value is `pixels * slope + intercept` (PS3.3 C.11.1.1.2).

    Attributes:
        pixels: int32, within 16 bits.
        signed: whether they need a sign.
        slope: above or below zero, never zero.
        intercept: the value of a pixel of zero.
    """

    pixels: npt.NDArray[np.int32]
    signed: bool
    slope: float
    intercept: float


def stored(values: npt.NDArray[Any], rescale: tuple[float, float]) -> Stored:
    """Store values with the slope and intercept they came with, or with one that holds them all.

    Args:
        values: of any shape; what is not finite becomes zero.
        rescale: slope (not zero) and intercept of the images they come from.
    """
    exact = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    for slope, intercept in ((1.0, 0.0), rescale):
        whole = np.rint((exact - intercept) / slope)
        error = np.abs(whole * slope + intercept - exact)
        tolerance = _EXACT * (np.abs(exact) + abs(intercept)) + _EXACT * abs(slope)
        least, most = whole.min(), whole.max()
        fits = least >= _LEAST and most <= (_MOST_SIGNED if least < 0 else _MOST)
        if fits and bool((error <= tolerance).all()):
            return Stored(whole.astype(np.int32), bool(least < 0), slope, intercept)
    return _spread(exact)


def _spread(values: FloatArray) -> Stored:
    """Spread values over all 16 bits."""
    least, most = float(values.min()), float(values.max())
    slope = (most - least) / _MOST or 1.0
    pixels = np.clip(np.rint((values - least) / slope), 0, _MOST).astype(np.int32)
    return Stored(pixels, False, slope, least)
