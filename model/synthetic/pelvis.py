"""Ilium wings beside the sacrum, muscle round them, and the organs of the small pelvis.

The wing is seen only near the sacroiliac joint, where it stands almost sagittal: in the trunk CT of
TotalSegmentator's tests its hind end lies 45-60 mm beside the midline, its plane leads outwards by
10 mm over the first 47 mm forward, and it is 45 by 75 mm in the slice 60 mm beside the midline.
"""

import numpy as np

from model.synthetic.canvas import Canvas
from model.synthetic.column import Column
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_SOFT = (
    Tissue.VISCERAL_FAT,
    Tissue.MUSCLE,
    Tissue.MUSCLE_FAT,
    Tissue.FASCIA,
    Tissue.PSOAS,
    Tissue.QUADRATUS,
)
_CORTEX_MM = 1.6


def paint(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> None:
    """Paint the pelvis round the sacrum."""
    for side in (-1.0, 1.0):
        _iliacus(canvas, ladder, traits, side, rng)
        _wing(canvas, ladder, traits, side, rng)
        _side_wall(canvas, ladder, traits, side)
    _organs(canvas, ladder, traits, rng)


def _wing(
    canvas: Canvas, ladder: Ladder, traits: Traits, side: float, rng: np.random.Generator
) -> None:
    """Paint one wing: an oblique plate, thick at the joint, with cortex round marrow."""
    size = traits.breadth
    top, bottom = ladder.height(0.9), ladder.height(-2.2)
    z0 = float(0.5 * (top + bottom))
    half_z = float(0.5 * (top - bottom)) + 4.0
    y0 = float(ladder.centre_at(ladder.height(-0.4))) + rng.uniform(0, 6)
    x0 = float(ladder.x_at(z0)) + side * (57 * size + rng.uniform(-2, 3))
    half_y = 40.0 * size
    window = canvas.box(
        (min(x0, x0 + side * 60) - 14, y0 - half_y - 4, z0 - half_z - 3),
        (max(x0, x0 + side * 60) + 14, y0 + half_y + 4, z0 + half_z + 3),
    )
    if window.labels.size == 0:
        return
    forward = (y0 - window.v[:1, :1, :]) / half_y
    up = (window.w[:1, :, :1] - z0) / half_z
    ahead = np.clip(forward + 0.3, 0, 2)
    plane = x0 + side * (6.0 * forward + 13.0 * ahead**2 + 7.0 * np.clip(up, 0, 1) ** 2)
    thick = (11.0 - 4.0 * ahead) * size
    across = (window.u[:, :1, :1] - plane) / thick
    edge = np.sqrt((forward + 0.25 * up) ** 2 + up**2)
    inside = np.sqrt(across**2 + edge**6) + 0.04 * window.rough(11.0, 21)
    window.fill(inside < 1, Tissue.CORTICAL_BONE, _SOFT)
    core = np.sqrt((across * thick / np.maximum(1.0, thick - _CORTEX_MM)) ** 2 + (edge * 1.06) ** 6)
    window.fill(core < 1, Tissue.ILIAC_MARROW, (Tissue.CORTICAL_BONE,))


def _iliacus(
    canvas: Canvas, ladder: Ladder, traits: Traits, side: float, rng: np.random.Generator
) -> None:
    """Paint the iliacus on the wing's inside and the piriformis in front of the lower sacrum."""
    scale = traits.muscle_scale
    knots = []
    for level, left, back, half_x, half_y in (
        (1.0, 84, -12, 8, 14), (0.0, 86, -22, 14, 20), (-1.5, 88, -38, 18, 24),
        (-3.5, 86, -60, 18, 22),
    ):  # fmt: skip
        z = float(ladder.height(level))
        y = float(ladder.centre_at(ladder.height(min(level, 0.0)))) + back
        knots.append((z, float(ladder.x_at(z)) + side * left, y, half_x * scale, half_y * scale))
    Column.of(knots).fill(canvas, Tissue.PSOAS, (Tissue.VISCERAL_FAT,), rough=0.05, key=23)
    z = float(ladder.height(-2.6))
    Column.ellipsoid(
        (float(ladder.x_at(z)) + side * 46, float(ladder.centre_at(z)) - 6, z),
        (26 * scale, 9 * scale, 17 * scale), turn_deg=side * -15,
    ).fill(canvas, Tissue.MUSCLE, (Tissue.VISCERAL_FAT,), rough=0.06, key=24)  # fmt: skip


def _organs(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> None:
    """Paint bladder, and uterus or prostate, before the rectum's place."""
    floor = ladder.height(-4.5) - rng.uniform(0, 15)
    full = rng.uniform(0.4, 1.2)
    y = float(ladder.centre_at(ladder.height(-2.0))) - rng.uniform(75, 95) * traits.scale
    fat = (Tissue.VISCERAL_FAT,)
    height = 32 * full
    Column.ellipsoid(
        (rng.normal(0, 5), y, float(floor) + 0.7 * height),
        (38 * full, 24 + 8 * full, height),
        (0.0, 0.2),
    ).fill(canvas, Tissue.BLADDER, fat, rough=0.05, key=25)
    if traits.sex == "F":
        size = rng.uniform(0.75, 1.25)
        womb = Column.ellipsoid(
            (rng.normal(0, 8), y + 38, float(floor) + 1.1 * height + 14),
            (24 * size, 20 * size, 32 * size),
            (rng.normal(0, 0.15), rng.normal(0.0, 0.5)),
        )  # fmt: skip
        window = womb.window(canvas)
        distance = womb.distance(window, 0.06, 26)
        window.fill(distance < 1, Tissue.PELVIC_ORGAN, fat)
        window.fill(distance < 0.2, Tissue.FLUID, (Tissue.PELVIC_ORGAN,))
        return
    Column.ellipsoid((0.0, y + 12, float(floor) - 22), (24, 17, 18)).fill(
        canvas, Tissue.PELVIC_ORGAN, fat, rough=0.05, key=27
    )


def _side_wall(canvas: Canvas, ladder: Ladder, traits: Traits, side: float) -> None:
    """Paint ischium and obturator at the side of the small pelvis, and the floor's sling."""
    soft = (Tissue.VISCERAL_FAT, Tissue.MUSCLE, Tissue.MUSCLE_FAT)
    x = float(ladder.x_at(ladder.height(-4.0)))
    low = float(ladder.height(-3.2))
    back = float(ladder.centre_at(ladder.height(-2.0)))
    reach = traits.breadth
    knots = [
        (low - down, x + side * out * reach, back - ahead, half_x * reach, half_y)
        for down, out, ahead, half_x, half_y in (
            (0, 72, 30, 11, 10), (20, 68, 42, 15, 26), (45, 60, 50, 20, 34), (70, 46, 54, 25, 44),
            (200, 38, 60, 29, 60),
        )
    ]  # fmt: skip
    wall = Column.of(knots)
    window = wall.window(canvas)
    distance = wall.distance(window, 0.05, 28)
    window.fill(distance < 1, Tissue.MUSCLE, (Tissue.VISCERAL_FAT,))
    bone = Column.of(
        [(z, one + side * 17 * reach, y, 11.0, half * 0.7) for z, one, y, _, half in knots]
    )
    window = bone.window(canvas)
    distance = bone.distance(window, 0.04, 29)
    window.fill(distance < 1, Tissue.CORTICAL_BONE, soft)
    window.fill(distance < 0.84, Tissue.ILIAC_MARROW, (Tissue.CORTICAL_BONE,))
