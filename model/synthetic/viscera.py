"""Organs under the diaphragm: liver, stomach, spleen, kidneys, pancreas; lung and ribs above.

Places after the trunk CT of TotalSegmentator's tests: kidneys centred 62-78 mm beside the midline
at the height of the bodies' centres, 42 by 60 mm across; the lung's hind recess ends about T12/L1.
Lengths of the organs are textbook values.
"""

from itertools import product

import numpy as np

from model.synthetic import strand
from model.synthetic.canvas import Canvas
from model.synthetic.column import Column, wander
from model.synthetic.ladder import Ladder
from model.synthetic.layers import Surfaces, smooth_sheet
from model.synthetic.noise import Noise
from model.synthetic.spine import Spine, Vertebra
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_FAT = (Tissue.VISCERAL_FAT,)
_CHEST_WALL_MM = 0.5
_DIAPHRAGM_MM = 2.5


def paint(
    canvas: Canvas, ladder: Ladder, surfaces: Surfaces, traits: Traits, rng: np.random.Generator
) -> None:
    """Paint the organs of the upper abdomen into the visceral fat."""
    for side in (-1.0, 1.0):
        _kidney(canvas, ladder, traits, side, rng)
    _liver(canvas, ladder, surfaces, traits, rng)
    _left_side(canvas, ladder, traits, rng)
    _pancreas(canvas, ladder, traits, rng)
    _lung(canvas, ladder, surfaces, rng)
    _crura(canvas, ladder, traits, rng)


def _kidney(
    canvas: Canvas, ladder: Ladder, traits: Traits, side: float, rng: np.random.Generator
) -> None:
    """Paint a kidney: cortex, pyramids, and fat in the sinus on its inner side."""
    level = (4.5 if side < 0 else 4.9) + rng.normal(0.0, 0.35)
    z = float(ladder.height(level))
    fat = 0.12 * traits.trunk_depth_mm
    centre = (
        float(ladder.x_at(z)) + side * (56 * traits.breadth + 0.5 * fat + rng.normal(0, 3)),
        float(ladder.centre_at(z)) + rng.normal(4, 4) - 0.4 * fat,
        z,
    )
    half = np.array([25.0, 27.0, 54.0]) * traits.scale * rng.uniform(0.88, 1.1)
    organ = Column.ellipsoid(centre, half, (side * -0.18, -0.16), turn_deg=side * -30)
    window = organ.window(canvas)
    distance = organ.distance(window, 0.035, 31)
    window.fill(distance < 1, Tissue.KIDNEY_CORTEX, _FAT)
    pyramids = (distance < 0.74) & (window.rough(Noise.MEDIUM_MM, 32) > -0.35)
    window.fill(pyramids, Tissue.KIDNEY_MEDULLA, (Tissue.KIDNEY_CORTEX,))
    sinus = Column.ellipsoid(
        (centre[0] - side * 0.42 * half[0], centre[1] - 4, z),
        half * (0.5, 0.26, 0.5),
        (side * -0.18, -0.16),
    )
    inside = sinus.window(canvas)
    inside.fill(
        sinus.distance(inside, 0.12, 33) < 1, Tissue.VISCERAL_FAT,
        (Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA),
    )  # fmt: skip
    if rng.random() < 0.15:
        size = rng.uniform(4, 16)
        place = np.array(centre) + rng.uniform(-0.8, 0.8, 3) * half
        Column.ellipsoid(tuple(place), (size, size, size)).fill(
            canvas, Tissue.FLUID, (*_FAT, Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA)
        )


def _liver(
    canvas: Canvas, ladder: Ladder, surfaces: Surfaces, traits: Traits, rng: np.random.Generator
) -> None:
    """Paint the liver: it fills the right flank and tapers to the left and to the feet."""
    bottom = float(ladder.height(rng.uniform(2.8, 4.4)))
    size = traits.scale * rng.uniform(0.92, 1.08)
    knots = []
    for level_up, x, ahead, half_x, half_y in (
        (0, -94, 40, 20, 22), (30, -91, 42, 44, 42), (70, -86, 54, 60, 56), (110, -80, 64, 74, 64),
        (160, -74, 70, 84, 72), (240, -66, 70, 92, 78),
    ):  # fmt: skip
        z = bottom + level_up * size
        y = float(ladder.centre_at(z)) - ahead * size
        knots.append((z, x * size, y, half_x * size, half_y * size))
    table = np.array(knots)
    heights = np.linspace(bottom, table[-1, 0], 24)
    table = np.stack([np.interp(heights, table[:, 0], one) for one in table.T], axis=1)
    table[:, 1] += wander(rng, 24, 4.0)
    table[:, 2] += wander(rng, 24, 6.0, stiffness=1.2)
    Column.of(table).fill(canvas, Tissue.LIVER, _FAT, rough=0.04, key=35)
    for _ in range(30):
        start = table[rng.integers(4, 24), [1, 2, 0]] + rng.normal(0, 25, 3)
        line = strand.course(start, rng.normal(0, 1, 3), rng.uniform(10, 60), 3.0, rng)
        strand.paint(canvas, line, rng.uniform(1.2, 3.2), Tissue.VESSEL, Tissue.LIVER)


def _left_side(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> None:
    """Paint stomach and spleen."""
    z = float(ladder.height(6.4 + rng.normal(0, 0.4)))
    x, y = float(ladder.x_at(z)), float(ladder.front_at(z))
    size = traits.scale * rng.uniform(0.7, 1.15)
    organ = Column.ellipsoid(
        (x + 48, y - 52 * size, z), (44 * size, 34 * size, 62 * size), (0.35, 0.25)
    )
    window = organ.window(canvas)
    distance = organ.distance(window, 0.06, 36)
    window.fill(distance < 1, Tissue.STOMACH, _FAT)
    level = y - 52 * size - rng.uniform(-5, 45)
    if rng.random() < 0.5:
        surface = level + 3.0 * window.rough(Noise.COARSE_MM, 34)
        window.fill((distance < 0.86) & (window.v < surface), Tissue.BOWEL_GAS, (Tissue.STOMACH,))
    Column.ellipsoid((x + 96, y + 12, z - 5), (30, 42, 55), (0.1, -0.2)).fill(
        canvas, Tissue.SPLEEN, _FAT, rough=0.04, key=37
    )


def _pancreas(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> None:
    """Paint pancreas and duodenum: lobed soft tissue across the front of the great vessels."""
    for level, x, ahead, half in (
        (5.2, 30.0, 38.0, (38.0, 9.0, 11.0)),
        (4.6, -26.0, 36.0, (18.0, 13.0, 20.0)),
        (3.2, 0.0, 27.0, (42.0, 9.0, 10.0)),
        (4.0, -42.0, 26.0, (11.0, 12.0, 34.0)),
    ):
        z = float(ladder.height(level + rng.normal(0, 0.2)))
        y = float(ladder.front_at(z)) - ahead - rng.uniform(0, 10)
        gut = x <= 0.0 and level != 4.6
        organ = Column.ellipsoid(
            (x + rng.normal(0, 4), y, z), np.array(half) * traits.scale, turn_deg=8
        )
        window = organ.window(canvas)
        distance = organ.distance(window, 0.16, 38)
        window.fill(distance < 1, Tissue.BOWEL_WALL if gut else Tissue.STOMACH, _FAT)
        if gut:
            window.fill(distance < 0.7, Tissue.BOWEL_CONTENT, (Tissue.BOWEL_WALL,))


def _lung(canvas: Canvas, ladder: Ladder, surfaces: Surfaces, rng: np.random.Generator) -> None:
    """Cut the lung's hind recess out of everything above the diaphragm."""
    x, z, _ = canvas.axes_mm()
    tip = float(ladder.height(5.7 + rng.normal(0, 0.45)))
    top = float(z[0]) + 1.0
    if top < tip + 5:
        return
    window = canvas.box((x[0], -1e3, tip), (x[-1], 1e3, top))
    first, rows = window.start[1], window.labels.shape[1]
    part = np.s_[:, first : first + rows]
    across = np.abs(x[:, None] - ladder.x_at(z[part[1]])[None, :])
    above = z[part[1]][None, :] - tip - 0.7 * np.clip(50 - across, 0, 50)
    above = above + 5.0 * smooth_sheet(rng, across.shape, (3, 7))
    back = surfaces.cavity_back[part] - _CHEST_WALL_MM
    front = back - 0.18 * np.maximum(above, 0) - 0.007 * np.maximum(above, 0) ** 2
    there = (above > 0) & (across > 22 + 2 * smooth_sheet(rng, across.shape, (3, 4)))
    front = np.where(there, front, np.inf)[:, :, None]
    cavity = (
        Tissue.VISCERAL_FAT, Tissue.LIVER, Tissue.SPLEEN, Tissue.STOMACH, Tissue.KIDNEY_CORTEX,
        Tissue.KIDNEY_MEDULLA, Tissue.VESSEL, Tissue.BOWEL_GAS, Tissue.FLUID,
    )  # fmt: skip
    behind = (window.v >= front - _DIAPHRAGM_MM) & (window.v < back[:, :, None])
    window.fill(behind, Tissue.DIAPHRAGM, cavity)
    window.fill(behind & (window.v >= front), Tissue.LUNG, (Tissue.DIAPHRAGM,))


def _crura(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> None:
    """Paint the crura of the diaphragm: tapering bands beside and before T11 to L2."""
    for side, end in ((-1.0, 3.2), (1.0, 4.0)):
        levels = np.linspace(end + rng.normal(0, 0.2), 13.0, 18)
        z = ladder.height(levels)
        grow = np.clip((levels - levels[0]) / 2.0, 0.1, 1)
        x = ladder.x_at(z) + side * (10 + 8 * grow) + wander(rng, 18, 1.0)
        y = ladder.front_at(z) - 1.0 - 2 * grow
        size = traits.muscle_scale * grow
        Column.of(np.stack([z, x, y, 9.0 * size, 4.5 * size], axis=1), turn_deg=side * 40).fill(
            canvas, Tissue.DIAPHRAGM, (*_FAT, Tissue.LIVER, Tissue.LUNG)
        )


def paint_ribs(canvas: Canvas, spine: Spine) -> None:
    """Paint the ribs where they lie in the chest wall, beside the transverse processes."""
    for one, side in product(spine.vertebrae, (-1.0, 1.0)):
        if one.ribs:
            _rib(canvas, one, side)


def _rib(canvas: Canvas, one: Vertebra, side: float) -> None:
    """Paint a rib from beside the body outwards; it runs back to its angle, then forward."""
    origin = one.frame.to_patient((side * one.size.half_width, one.size.half_depth - 2, 4.0))
    reach = 85.0
    window = canvas.box(
        (min(origin[0], origin[0] + side * reach), origin[1] - 25, origin[2] - 65),
        (max(origin[0], origin[0] + side * reach), origin[1] + 40, origin[2] + 12),
    )
    if window.labels.size == 0:
        return
    out = side * (window.u[:, :1, :1] - np.float32(origin[0]))
    y = origin[1] + 0.75 * out - 0.0078 * out**2
    z = origin[2] - 0.12 * out - 0.0045 * out**2
    distance = np.sqrt(
        ((window.v[:1, :1, :] - y) / 3.6) ** 2 + ((window.w[:1, :, :1] - z) / 6.0) ** 2
    )
    soft = (
        Tissue.MUSCLE, Tissue.MUSCLE_FAT, Tissue.VISCERAL_FAT, Tissue.LUNG, Tissue.DIAPHRAGM,
        Tissue.QUADRATUS, Tissue.LIVER, Tissue.FASCIA,
    )  # fmt: skip
    window.fill(distance < 1, Tissue.CORTICAL_BONE, soft)
    window.fill(distance < 0.62, Tissue.RIB, (Tissue.CORTICAL_BONE,))
