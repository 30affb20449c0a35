"""Measures of the vertebrae and the chain they make.

Means per level follow the body and pedicle centres of 1,821 CT spines (vid-spine-keypoints,
CC BY-SA 4.0): distances of body centres 34.5, 35.8, 36.5, 36.3 mm from L1/L2 to L4/L5; distances of
the two pedicles 29.9, 30.3, 32.8, 36.5, 48.1 mm from L1 to L5. Depths, widths and heights of the
bodies were measured on the Visible Human male of ArtiSynth (L3: 46 mm deep, 50 mm wide, 33 mm high)
and scaled to the mean adult of the CT spines. Half distances of the foramina follow the slices
between the two marked sides in 1,964 real T1 series (6.7, 7.0, 7.4, 7.9, 8.4 from L1/L2 to L5/S1).
Thoracic and sacral measures are textbook values.
"""

from typing import Final

import numpy as np

from model.affine import FloatArray
from model.synthetic.frame import Frame
from model.synthetic.spine import SacralSegment, Size, Spine, Vertebra
from model.synthetic.traits import LEVELS_ABOVE, LUMBARISED, SACRALISED, Traits

# columns: L5, L4, L3, L2, L1, T12, T11, T10, T9, T8
_TABLE: Final = {
    "half_width": (25.0, 24.5, 23.5, 22.5, 21.5, 20.5, 19.0, 17.5, 16.5, 16.0),
    "half_depth": (17.3, 17.4, 17.2, 16.8, 16.3, 15.5, 15.0, 14.5, 14.0, 13.5),
    "height": (28.0, 27.6, 28.0, 27.3, 26.4, 25.2, 23.2, 22.0, 21.0, 20.5),
    "disc": (9.8, 9.4, 8.9, 7.9, 7.2, 6.2, 5.0, 4.6, 4.2, 4.0),
    "canal_half_width": (14.0, 12.5, 11.8, 11.3, 11.0, 10.5, 9.5, 8.7, 8.5, 8.5),
    "pedicle_half_width": (8.0, 5.9, 4.9, 4.2, 3.9, 3.8, 3.8, 3.3, 3.0, 2.8),
    "pedicle_half_height": (6.5, 6.6, 6.7, 6.9, 7.0, 7.4, 7.8, 7.2, 6.8, 6.5),
    "pedicle_rise": (4.4, 5.3, 5.7, 5.8, 5.7, 5.1, 4.2, 4.0, 3.8, 3.6),
    "foramen_centre": (19.8, 18.4, 16.9, 15.8, 15.0, 14.2, 13.2, 12.2, 11.6, 11.4),
    "canal_depth": (17.0, 16.5, 16.0, 16.0, 16.5, 16.5, 16.0, 15.5, 15.0, 15.0),
    "spinous_length": (25.0, 30.0, 32.0, 31.0, 29.0, 27.0, 28.0, 31.0, 33.0, 34.0),
    "transverse_reach": (47.0, 46.0, 49.0, 45.0, 39.0, 26.0, 27.0, 29.0, 30.0, 30.0),
}
# share of the lordosis in the wedge of each disc and body, from L5/S1 up
_DISC_SHARE: Final = (0.36, 0.17, 0.12, 0.08, 0.06)
_BODY_SHARE: Final = (0.20, 0.06, 0.00, -0.02, -0.03)
_KYPHOSIS_DEG: Final = -3.6

_SACRUM: Final = (  # name, half width, half depth, height, turn from S1's upper endplate (deg)
    ("S1", 22.0, 15.2, 29.0, 3.0),
    ("S2", 17.0, 12.2, 25.0, 9.0),
    ("S3", 14.0, 9.2, 21.0, 22.0),
    ("S4", 12.0, 7.2, 18.0, 40.0),
    ("S5", 10.0, 5.8, 15.0, 56.0),
    ("Co1", 7.0, 4.6, 11.0, 70.0),
    ("Co2", 5.0, 3.8, 8.0, 82.0),
    ("Co3", 4.0, 3.2, 7.0, 92.0),
)
_NAMES: Final = ("L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10", "T9", "T8")


def build(traits: Traits) -> Spine:
    """Stack the vertebrae on the sacrum.

    The sagittal lean of the whole is chosen so that the chord of the foramina has the tilt that the
    traits ask for; the sacral slope follows from it and the lordosis.
    """
    upright = _chain(traits, 0.0)
    chord = upright[0].frame.origin_mm - upright[4].frame.origin_mm
    tilt_deg = float(np.rad2deg(np.arctan2(chord[1], -chord[2])))
    lean_deg = tilt_deg - traits.chord_tilt_deg
    return Spine(_chain(traits, lean_deg), _sacrum(traits, lean_deg))


def size_of(number: int, traits: Traits) -> Size:
    """Give the measures of the vertebra with this number (1 is L5)."""
    place = _place(number, traits.lumbar_count)

    def mean(name: str) -> float:
        return float(np.interp(place, np.arange(LEVELS_ABOVE), _TABLE[name]))

    wide = traits.scale * traits.breadth
    index = number - 1
    height = mean("height") * traits.scale * (1 - traits.crush[index])
    slope = np.tan(np.deg2rad(_body_wedge_deg(number, traits)) / 2)
    half_depth = mean("half_depth") * wide
    canal = mean("canal_half_width") * (0.5 + 0.5 * traits.canal_scale) * wide
    pedicle = mean("pedicle_half_width") * wide
    broad = 1.25 if traits.transitional == SACRALISED and number == 1 else 1.0
    return Size(
        half_width=mean("half_width") * wide,
        half_depth=half_depth,
        front_height=(height + 2 * half_depth * slope) * (1 - traits.wedge[index]),
        back_height=height - 2 * half_depth * slope,
        pedicle_centre=canal + pedicle,
        pedicle_half_width=pedicle,
        pedicle_half_height=mean("pedicle_half_height") * traits.scale,
        pedicle_rise=mean("pedicle_rise") * traits.scale,
        foramen_centre=canal + (mean("foramen_centre") - mean("canal_half_width")) * wide,
        canal_half_width=canal,
        canal_depth=mean("canal_depth") * (0.5 + 0.5 * traits.canal_scale) * wide,
        spinous_length=mean("spinous_length") * wide,
        transverse_reach=mean("transverse_reach") * wide * broad,
    )


def disc_height_mm(index: int, traits: Traits) -> float:
    """Give the height of a disc; index 0 is L5/S1."""
    place = _place(index + 1, traits.lumbar_count)
    mean = float(np.interp(place, np.arange(LEVELS_ABOVE), _TABLE["disc"]))
    fused = 0.35 if traits.transitional == SACRALISED and index == 0 else 1.0
    return mean * traits.scale * traits.disc_height[index] * fused


def _place(number: int, lumbar_count: int) -> float:
    """Map a number to the column of the table, so that 4 or 6 lumbar vertebrae grade evenly."""
    if number <= lumbar_count:
        return (number - 1) * 4.0 / (lumbar_count - 1)
    return 4.0 + number - lumbar_count


def _body_wedge_deg(number: int, traits: Traits) -> float:
    place = _place(number, traits.lumbar_count)
    if number > traits.lumbar_count:
        return 0.6 * _KYPHOSIS_DEG
    share = float(np.interp(place, np.arange(5), _shares(traits)[1]))
    return share * traits.lordosis_deg * 4.0 / (traits.lumbar_count - 1)


def _disc_wedge_deg(index: int, traits: Traits) -> float:
    if index >= traits.lumbar_count:
        return 0.4 * _KYPHOSIS_DEG
    place = _place(index + 1, traits.lumbar_count)
    share = float(np.interp(place, np.arange(5), _shares(traits)[0]))
    return share * traits.lordosis_deg * 4.0 / (traits.lumbar_count - 1)


def _shares(traits: Traits) -> tuple[FloatArray, FloatArray]:
    """Give each disc's and each body's share of the lordosis; what L5 loses, the rest gains.

    Backs with the same lordosis differ in how much of it lies above L5, and that alone bends the
    line of the foramina.
    """
    discs, bodies = np.array(_DISC_SHARE), np.array(_BODY_SHARE)
    moved = traits.lordosis_high * (discs[1:].sum() + bodies[1:].sum())
    discs[1:] *= 1 + traits.lordosis_high
    bodies[1:] *= 1 + traits.lordosis_high
    discs[0] -= 0.6 * moved
    bodies[0] -= 0.4 * moved
    return discs, bodies


def _chain(traits: Traits, lean_deg: float) -> tuple[Vertebra, ...]:
    top = np.zeros(2)  # y, z of the endplate reached
    angle_deg = lean_deg
    placed = []
    for number in range(1, LEVELS_ABOVE + 1):
        index = number - 1
        size = size_of(number, traits)
        disc_deg = _disc_wedge_deg(index, traits)
        top = top + disc_height_mm(index, traits) * _up(angle_deg + disc_deg / 2)
        angle_deg += disc_deg
        lost = traits.wedge[index] * size.front_height / (2 * size.half_depth)
        body_deg = _body_wedge_deg(number, traits) - np.rad2deg(np.arctan(lost))
        pitch_deg = angle_deg + body_deg / 2
        top = top - traits.slip_mm[index] * np.array([np.cos(np.deg2rad(pitch_deg)), 0.0])
        middle = top + 0.5 * size.height * _up(pitch_deg)
        top = top + size.height * _up(pitch_deg)
        angle_deg += body_deg
        placed.append((number, size, middle, pitch_deg))
    return tuple(_stand(number, size, yz, pitch, traits) for number, size, yz, pitch in placed)


def _up(pitch_deg: float) -> FloatArray:
    angle = np.deg2rad(pitch_deg)
    return np.array([np.sin(angle), np.cos(angle)])


def _curve(traits: Traits, z_mm: float) -> tuple[float, float, float]:
    """Give sideways shift (mm), its slope and the twist (deg) at a height above the sacrum."""
    total = 215.0 * traits.scale
    apex, width = traits.scoliosis_apex * total, 0.30 * total
    bump = np.exp(-0.5 * ((z_mm - apex) / width) ** 2)
    base = np.exp(-0.5 * (apex / width) ** 2)
    slope = -traits.scoliosis_mm * bump * (z_mm - apex) / width**2
    return traits.scoliosis_mm * float(bump - base), float(slope), traits.twist_deg * float(bump)


def _stand(number: int, size: Size, yz: FloatArray, pitch_deg: float, traits: Traits) -> Vertebra:
    """Place a vertebra: the plane chain, bent sideways and turned as a whole on the table."""
    aside, slope, twist = _curve(traits, float(yz[1]))
    own = traits.tilt_deg[number - 1]
    point = _table(traits) @ np.array([aside, yz[0], yz[1]])
    frame = Frame.turned(
        point,
        pitch_deg + own[0],
        float(np.rad2deg(np.arctan(slope))) + own[1] + traits.roll_deg,
        twist + own[2] + traits.yaw_deg,
    )
    return Vertebra(_NAMES[number - 1], number, number > traits.lumbar_count, frame, size)


def _table(traits: Traits) -> FloatArray:
    """Give the rotation of the person as a whole (patient = R @ upright)."""
    return Frame.turned(np.zeros(3), 0.0, traits.roll_deg, traits.yaw_deg).axes.T


def _sacrum(traits: Traits, lean_deg: float) -> tuple[SacralSegment, ...]:
    point = np.zeros(2)
    wide = traits.scale * traits.breadth
    square = 1.5 if traits.transitional == LUMBARISED else 1.0
    parts = []
    _, slope, twist = _curve(traits, 0.0)
    for name, half_width, half_depth, height, turn_deg in _SACRUM:
        pitch_deg = lean_deg + turn_deg * (1 / square if name == "S1" else 1.0)
        height_mm = height * traits.scale
        middle = point - 0.5 * height_mm * _up(pitch_deg)
        point = point - height_mm * _up(pitch_deg)
        frame = Frame.turned(
            _table(traits) @ np.array([0.0, middle[0], middle[1]]),
            pitch_deg,
            float(np.rad2deg(np.arctan(slope))) * 0.5 + traits.roll_deg,
            0.3 * twist + traits.yaw_deg,
        )
        parts.append(SacralSegment(name, frame, half_width * wide, half_depth * wide, height_mm))
    return tuple(parts)
