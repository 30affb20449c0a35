"""A plain spine and a coarse canvas for tests of what is painted round the spine."""

import functools
from dataclasses import fields
from typing import Any

import numpy as np

from model.synthetic.canvas import Canvas
from model.synthetic.frame import Frame
from model.synthetic.spine import SacralSegment, Size, Spine, Vertebra
from model.synthetic.traits import Traits

SPACING_MM = (3.0, 2.0, 2.0)
_MEASURES_MM = {
    "half_width": 24.0, "half_depth": 17.0, "front_height": 27.0, "back_height": 28.0,
    "canal_depth": 16.0, "spinous_length": 32.0, "transverse_reach": 42.0,
}  # fmt: skip
_SIZE = Size(**{one.name: _MEASURES_MM.get(one.name, 10.0) for one in fields(Size)})
_NAMES = ("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9")
_TILT_DEG = (-20, -8, 0, 5, 9, 12, 13, 12, 10)
_SACRUM = (("S1", -42), ("S2", -52), ("S3", -55), ("S4", -40), ("S5", -20), ("Co1", 10))


def toy_spine() -> Spine:
    """Stack nine vertebrae of one size on a sacrum; S1's upper endplate is near the origin."""
    centre, above = np.array([0.0, -2.0, 21.0]), None
    vertebrae = []
    for number, (name, tilt) in enumerate(zip(_NAMES, _TILT_DEG, strict=True), start=1):
        head = np.array([0.0, np.sin(np.deg2rad(tilt)), np.cos(np.deg2rad(tilt))])
        if above is not None:
            centre = centre + 36 * (head + above) / 2
        above = head
        vertebrae.append(Vertebra(name, number, number > 5, Frame.turned(centre, tilt), _SIZE))
    centre, sacrum = np.array([0.0, 8.0, -12.0]), []
    for down, (name, tilt) in enumerate(_SACRUM):
        sacrum.append(
            SacralSegment(
                name, Frame.turned(centre, tilt), 22 - 2 * down, 12 - 1.5 * down, 28 - 3 * down
            )
        )
        head = np.array([0.0, np.sin(np.deg2rad(tilt)), np.cos(np.deg2rad(tilt))])
        centre = centre - head * (27 - 3 * down)
    return Spine(tuple(vertebrae), tuple(sacrum))


def toy_traits(seed: int = 1, **changes: Any) -> Traits:
    """Draw traits and replace some."""
    drawn = Traits.sample(np.random.default_rng(seed))
    values = {one.name: getattr(drawn, one.name) for one in fields(Traits)}
    return Traits(**values | changes)


def toy_canvas(spacing_mm: tuple[float, float, float] = SPACING_MM, seed: int = 0) -> Canvas:
    """Make an empty canvas round the toy spine."""
    blank = _blank(spacing_mm, seed)
    return Canvas(np.zeros_like(blank.labels), blank.affine, blank.noise)


@functools.cache
def _blank(spacing_mm: tuple[float, float, float], seed: int) -> Canvas:
    rng = np.random.default_rng(seed)
    return Canvas.blank((-75.0, -230.0, -110.0), (75.0, 190.0, 290.0), spacing_mm, rng)
