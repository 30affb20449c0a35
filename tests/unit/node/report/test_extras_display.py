"""How the source shows its images, read from headers."""

import numpy as np
import pytest

from node.report.extras.display import Display, Window, read_displays
from node.report.points import read_stack
from tests import report_extras as extras
from tests import report_series as made


def display(**changes):
    headers = extras.series(**changes)
    displays = read_displays(read_stack(headers), headers, extras.scan(headers))
    assert len(displays) == made.SLICES
    return next(iter(displays.values()))


def test_the_first_of_several_windows_is_taken():
    assert display(WindowCenter=[5, 50], WindowWidth=[10, 20]).window == Window(5, 10)


@pytest.mark.parametrize(
    "unusable",
    [
        {"WindowCenter": 5},
        {"WindowCenter": 5, "WindowWidth": 0},
        {"WindowCenter": 5, "WindowWidth": 0.5},
        {"WindowCenter": 5, "WindowWidth": -3, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_a_window_that_cannot_be_is_replaced(unusable):
    black, white = display(**unusable).window.limits

    assert 0 <= black < 60
    assert 850 < white < 1050


def test_black_and_white_are_those_of_the_standard():
    assert Window(100.5, 101).limits == (50, 150)  # PS3.3 C.11.2.1.2.1
    assert Window(100, 100, "LINEAR_EXACT").limits == (50, 150)  # C.11.2.1.3.2
    assert Window.between(50, 150).limits == (50, 150)


def test_values_are_shown_from_black_to_white():
    grey = Display(None, Window.between(0, 100)).grey(np.array([-5, 0, 50, 100, 900], np.float32))

    assert grey.tolist() == [0, 0, 128, 255, 255]


def test_mirrored_values_are_shown_as_the_stored_ones_inverted():
    stored = np.array([0, 20, 50, 100], np.float32)
    window = Window.between(20, 60)
    plain = Display(None, window).grey(stored)
    mirrored = Display(None, window, mirror=130.0).grey(130 - stored)

    assert mirrored.tolist() == (255 - plain).tolist()


@pytest.mark.parametrize(
    ("rescale", "expected"),
    [
        ({}, None),
        ({"RescaleSlope": 2, "RescaleIntercept": 1}, (2, 1)),
        ({"RescaleIntercept": 7}, (1, 7)),
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, (1, 7)),
    ],
)
def test_rescale_is_as_the_pixels_were_read(rescale, expected):
    assert display(**rescale).rescale == expected


def test_images_are_named_as_viewers_name_them():
    headers = extras.multiframe()
    frames = read_displays(read_stack(headers), headers, extras.scan(headers)).values()

    assert {one.name for one in frames} == {f"frame {n + 1}" for n in range(made.SLICES)}
    assert display(InstanceNumber=7).name == "image 7"
