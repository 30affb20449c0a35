"""Rescaled values as 16-bit pixels: exact where possible, else near."""

import numpy as np
import pytest

from node.crops.stored import stored


@pytest.mark.parametrize(
    ("values", "signed"),
    [([0, 4095], False), ([0, 65535], False), ([-1, 32767], True), ([-32768, 0], True)],
)
def test_whole_numbers_of_16_bits_stay_as_they_are(values: list[int], signed: bool) -> None:
    made = stored(np.array(values, np.float32), (2.0, 0.0))
    assert made.pixels.tolist() == values
    assert (made.signed, made.slope, made.intercept) == (signed, 1.0, 0.0)


@pytest.mark.parametrize("rescale", [(2.3578021978, 0.0), (0.0123, -1024.0), (-1.5, 10.0)])
def test_the_source_s_own_rescaling_is_found_again(rescale: tuple[float, float]) -> None:
    slope, intercept = rescale
    pixels = np.arange(0, 4096, 7)
    values = (pixels * slope + intercept).astype(np.float32)
    made = stored(values, rescale)
    assert (made.slope, made.intercept) == rescale
    assert np.array_equal(made.pixels, pixels)


def test_other_values_are_spread_over_16_bits() -> None:
    values = np.linspace(-0.5, 0.7, 1001).astype(np.float32) ** 3
    made = stored(values, (1.0, 0.0))
    back = made.pixels * made.slope + made.intercept
    assert np.abs(back - values).max() <= made.slope * 0.51
    assert (made.pixels.min(), made.pixels.max()) == (0, 65535)


def test_equal_values_beyond_16_bits_keep_their_value() -> None:
    made = stored(np.full((2, 2), 1e6, np.float32), (1.0, 0.0))
    assert np.array_equal(made.pixels * made.slope + made.intercept, np.full((2, 2), 1e6))


def test_what_is_no_number_becomes_zero() -> None:
    made = stored(np.array([np.nan, np.inf, 5.0], np.float32), (1.0, 0.0))
    assert made.pixels.tolist() == [0, 0, 5]
