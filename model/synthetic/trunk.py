"""The trunk round the spine: its outline and layers, then every organ in them.

Sizes follow the trunk CT that TotalSegmentator ships for its tests (Apache-2.0; one person, 3 mm
voxels), as measured from it: front of a lumbar body to the back's skin 105 mm (L1) to 129 mm (L5),
to the belly's skin 123 to 144 mm, fat in the midline of the back 18 mm (L2) to 39 mm (L5), back of
the erector spinae 80 to 90 mm behind the bodies' centres.
"""

import numpy as np
from scipy import ndimage

from model.synthetic import bowel, layers, muscle, pelvis, vessel, viscera
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.layers import Sheet, Surfaces, smooth_sheet
from model.synthetic.spine import Spine
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_SKIN_MM = 2.0
_TAUT_MM = 26.0  # over this height the fascia spans hollows between the tips
_SUPPLE_MM = 8.0  # over this height skin has no folds
_BACK_FAT = (
    (-6.0, 1.4), (-3.0, 1.0), (-1.5, 1.0), (0.0, 1.35), (1.0, 1.15), (2.5, 0.65), (5.0, 0.6),
    (8.0, 0.5),
)  # fmt: skip
_BULGE = (
    (-6.0, 26.0), (-3.0, 16.0), (-1.0, 6.0), (0.0, 5.0), (1.5, 9.0), (3.0, 13.0), (5.0, 12.0),
    (8.0, 9.0),
)  # fmt: skip
_SHEATH = ((-3.0, 0.6), (0.0, 1.0), (2.0, 0.8), (5.0, 0.2))


def paint(canvas: Canvas, spine: Spine, traits: Traits, rng: np.random.Generator) -> None:
    """Fill a canvas with the whole trunk; the spine is painted over it afterwards.

    Args:
        canvas: all its labels are overwritten.
        spine: where the organs hang.
        traits: fat, depth of the belly, muscle and vessels are read from it.
        rng: for everything that is not a trait.
    """
    ladder = Ladder.of(spine)
    surfaces = outline(canvas, ladder, traits, rng)
    fill(canvas, surfaces, ladder, rng)
    viscera.paint(canvas, ladder, surfaces, traits, rng)
    muscle.paint(canvas, ladder, surfaces, traits, rng)
    vessel.paint(canvas, ladder, spine, traits, rng)
    pelvis.paint(canvas, ladder, traits, rng)
    bowel.paint(canvas, ladder, surfaces, traits, rng)
    viscera.paint_ribs(canvas, spine)
    _septa(canvas, surfaces, traits, rng)


def outline(canvas: Canvas, ladder: Ladder, traits: Traits, rng: np.random.Generator) -> Surfaces:
    """Draw the borders of the trunk's layers."""
    shape = canvas.labels.shape[:2]
    x, z, _ = canvas.axes_mm()
    level = ladder.level_at(z)
    across = np.abs(x[:, None] - ladder.x_at(z)[None, :])
    fascia, fat_back, skin_back = _back(ladder, z, across, traits, rng)
    wall_front = _belly(ladder, z, level, x, traits) + 2.5 * smooth_sheet(rng, shape, (2, 5))
    cavity_front = wall_front + _wall(x, traits)
    belly_fat = traits.belly_fat_mm * (0.85 + 0.25 * np.exp(-(((level - 1.5) / 2.5) ** 2)))
    belly_fat = np.maximum(2.0, belly_fat * (1 + 0.12 * smooth_sheet(rng, shape, (1, 6))))
    skin_front = wall_front - belly_fat + _navel(x, level, belly_fat, rng)
    centre = ladder.centre_at(z)[None, :]
    cavity_back = centre + _along(level, ((-5.0, 6.0), (-1.0, 6.0), (0.5, 24.0), (8.0, 24.0)))
    cavity_back = cavity_back + 1.2 * smooth_sheet(rng, shape, (4, 16))
    cavity_back = cavity_back + 7.0 * np.clip((across - 15) / 20, 0, 1) * (level > 0)
    return Surfaces(
        *(
            np.asarray(np.broadcast_to(one, shape), dtype=np.float32)
            for one in (
                skin_front, wall_front, cavity_front, np.minimum(cavity_back, fascia - 4.0),
                fascia, fat_back, skin_back,
            )
        )
    )  # fmt: skip


def _along(level: Sheet, knots: tuple[tuple[float, float], ...]) -> Sheet:
    """Interpolate a profile over levels; gives (1, row)."""
    place, value = np.array(knots).T
    return np.asarray(np.interp(level, place, value)[None, :], dtype=np.float32)


def _back(
    ladder: Ladder, z: Sheet, across: Sheet, traits: Traits, rng: np.random.Generator
) -> tuple[Sheet, Sheet, Sheet]:
    """Draw the front and back of the lumbodorsal fascia and the skin of the back."""
    shape = across.shape
    level = ladder.level_at(z)
    step_mm = abs(float(z[1] - z[0]))
    tip = _taut(ladder.tip_at(z), step_mm)
    bulge = traits.muscle_scale**2 * _along(level, _BULGE) * _mound(across)
    fascia = tip[None, :] + 2.0 + bulge + 1.2 * smooth_sheet(rng, shape, (3, 8))
    # Below S1 the buttocks carry the patient: they do not fall back with the sacrum.
    seat = np.sin(0.5 * np.pi * np.clip((0.4 - level) / 3.0, 0, 1))[None, :] ** 2
    rest = float(tip[(level > -1) & (level < 3)].max(initial=-np.inf))
    rest += 0.45 * max(0.0, float(tip[level < 7].max(initial=-np.inf)) - rest)  # the table is flat
    cheek = np.clip((across - 8) / 22, 0, 1)
    fascia = fascia + seat * cheek * np.maximum(0.0, rest - 14 - fascia)
    fat = traits.fat_mm * _along(level, _BACK_FAT) * (1 + 0.14 * smooth_sheet(rng, shape, (1, 7)))
    furrow = 0.35 * (fascia - fascia.min(axis=0))
    fat = np.maximum(1.5, fat - np.minimum(furrow, 0.4 * fat))  # fat fills the furrow
    fat_back = fascia + 1.4 + 0.9 * _along(level, _SHEATH)
    skin = fat_back + fat
    carried = rest + 0.75 * traits.fat_mm - 12 - 9 * np.exp(-((across / 8) ** 2))
    carried = carried + 3.5 * smooth_sheet(rng, shape, (2, 9))
    skin = skin + seat * np.maximum(0.0, carried - skin)
    return fascia, fat_back, ndimage.gaussian_filter1d(skin, _SUPPLE_MM / step_mm, axis=1)


def _taut(tip: Sheet, step_mm: float) -> Sheet:
    """Span the line over the spinous tips, which a fascia does not follow into every hollow."""
    taut = ndimage.gaussian_filter1d(tip, _TAUT_MM / step_mm, mode="nearest")
    taut = np.maximum(taut, 0.5 * (taut + tip))
    return np.asarray(ndimage.gaussian_filter1d(taut, 0.5 * _TAUT_MM / step_mm, mode="nearest"))


def _mound(across: Sheet) -> Sheet:
    """Give the section of the erector spinae: rising beside the furrow, falling to the flank."""
    rise = np.sin(np.pi / 2 * np.clip(across / 32, 0, 1)) ** 1.5
    return np.asarray(rise - (np.clip(across - 35, 0, 60) / 62) ** 2)


def _belly(ladder: Ladder, z: Sheet, level: Sheet, x: Sheet, traits: Traits) -> Sheet:
    """Give the front of the abdominal wall: furthest at the navel, curving back to the flanks."""
    front = float(ladder.front_at(ladder.height(3.0)))
    depth = traits.trunk_depth_mm + 10 * traits.scale + 10 * traits.muscle_scale
    profile = _along(level, ((-5.0, -0.22), (-2.0, -0.06), (1.5, 0.0), (4.0, -0.05), (9.0, -0.2)))
    lean = 0.45 * (ladder.centre_at(z) - ladder.centre_at(ladder.height(3.0)))
    front = front + lean * np.clip((level - 1.0) / 2.0, 0, 1)
    return np.asarray(front - depth * (1 + profile) + x[:, None] ** 2 / 420, dtype=np.float32)


def _wall(x: Sheet, traits: Traits) -> Sheet:
    """Give the thickness of the wall: two rectus muscles with the linea alba between them."""
    offset = np.abs(x)[:, None]
    rectus = np.clip((offset - 6) / 8, 0, 1) * np.clip((78 - offset) / 20, 0.4, 1)
    return np.asarray(2.0 + 8.0 * traits.muscle_scale * rectus, dtype=np.float32)


def _navel(x: Sheet, level: Sheet, fat: Sheet, rng: np.random.Generator) -> Sheet:
    """Dent the skin where the navel is, about the height of L4."""
    height = rng.uniform(1.4, 2.4)
    distance = (x[:, None] / 11) ** 2 + ((level[None, :] - height) / 0.28) ** 2
    return np.asarray(0.5 * fat * np.exp(-distance), dtype=np.float32)


def fill(canvas: Canvas, surfaces: Surfaces, ladder: Ladder, rng: np.random.Generator) -> None:
    """Fill the canvas between the borders; below the coccyx fat fills the cleft in the midline."""
    x, z, _ = canvas.axes_mm()
    across = np.abs(x[:, None] - ladder.x_at(z)[None, :])
    opening_mm = 20 * np.clip((-2.7 - ladder.level_at(z)) / 2.6, 0, 1)[None, :]  # a soft edge
    cleft = across < opening_mm * (1 + 0.25 * smooth_sheet(rng, across.shape, (9, 12)))
    wall = np.where(np.abs(x) < 5, Tissue.FASCIA, Tissue.ABDOMINAL_WALL)[:, None]
    thin = _SKIN_MM * np.clip(1 + 0.15 * smooth_sheet(rng, across.shape, (2, 6)), 0.6, 1.4)
    layers.fill(
        canvas,
        (
            surfaces.skin_front, surfaces.skin_front + thin, surfaces.wall_front,
            surfaces.cavity_front, surfaces.cavity_back, surfaces.fascia, surfaces.fat_back,
            surfaces.skin_back, surfaces.skin_back + thin,
        ),
        (
            Tissue.SKIN, Tissue.SUBCUTANEOUS_FAT, np.broadcast_to(wall, across.shape),
            Tissue.VISCERAL_FAT, np.where(cleft, Tissue.SUBCUTANEOUS_FAT, Tissue.MUSCLE),
            np.where(cleft, Tissue.SUBCUTANEOUS_FAT, Tissue.FASCIA), Tissue.SUBCUTANEOUS_FAT,
            Tissue.SKIN,
        ),
    )  # fmt: skip


def _septa(canvas: Canvas, surfaces: Surfaces, traits: Traits, rng: np.random.Generator) -> None:
    """Cross the fat of the back with broken membranes: two along the skin, more at a slant."""
    shape = surfaces.fascia.shape
    thickness = surfaces.skin_back - surfaces.fat_back
    for base in (0.35, 0.6, 0.8)[: 1 + int(traits.fat_mm > 14) + int(traits.fat_mm > 25)]:
        share = (
            base
            + 0.09 * smooth_sheet(rng, shape, (5, 9))
            + 0.03 * smooth_sheet(rng, shape, (12, 30))
        )
        there = smooth_sheet(rng, shape, (6, 12)) > rng.uniform(0.2, 1.0)
        layers.lay(
            canvas, surfaces.fat_back + share * thickness, there, tissue=Tissue.FASCIA,
            over=Tissue.SUBCUTANEOUS_FAT,
        )  # fmt: skip
    rows = np.arange(shape[1])[None, :]
    for _ in range(min(3, int(traits.fat_mm / 15))):  # slanting, as saw-teeth of a wavy height
        period = rng.uniform(40, 120)
        phase = rows / period + 0.9 * smooth_sheet(rng, shape, (4, 7)) + rng.random()
        there = smooth_sheet(rng, shape, (10, 14)) > 0.9
        layers.lay(
            canvas, surfaces.fat_back + (phase % 1.0) * thickness, there, tissue=Tissue.FASCIA,
            over=Tissue.SUBCUTANEOUS_FAT,
        )  # fmt: skip
