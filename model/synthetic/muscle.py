"""Muscles of the back and beside the spine: erector spinae with its fat, psoas, quadratus lumborum.

Sections after the trunk CT of TotalSegmentator's tests: psoas 36 by 42 mm and 41-45 mm beside the
midline at L3 to L4, 45 by 40 mm and 56 mm beside it at L5; erector spinae 45 to 48 mm thick and 60
mm wide at L3; quadratus lumborum 55-75 mm beside the midline, 30 mm behind the bodies' centres.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from model.affine import FloatArray
from model.synthetic import layers, strand
from model.synthetic.canvas import Canvas
from model.synthetic.column import Column, wander
from model.synthetic.ladder import Ladder
from model.synthetic.layers import Surfaces, smooth_sheet
from model.synthetic.noise import FloatGrid, Noise
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_STREAK_MM: Final = (1.7, 6.0, 0.6)  # how far fat keeps together: across, along, through
_TILE: Final = (64, 256, 64)
_LEAST_FAT: Final = 0.04  # every muscle shows some streaks

_PSOAS: Final = (  # level, mm beside the body's centre, mm behind it, half width, half depth
    (6.2, 26, 2, 2.0, 2.0), (5.5, 29, 4, 6.0, 7.5), (5.0, 32, 5, 9.0, 11.0),
    (4.0, 36, 6, 13.0, 16.0),
    (3.0, 42, 6, 17.0, 20.5), (2.0, 46, 3, 20.0, 22.0), (1.0, 53, -8, 21.5, 21.0),
    (0.0, 60, -32, 20.0, 21.0), (-1.5, 67, -66, 18.0, 24.0), (-4.0, 76, -104, 17.0, 20.0),
    (-7.0, 82, -112, 17.0, 20.0),
)  # fmt: skip
_QUADRATUS: Final = (
    (5.6, 52, 33, 5.0, 4.0), (5.0, 55, 33, 13.0, 6.0), (3.5, 58, 31, 17.0, 6.5),
    (2.0, 64, 29, 18.0, 7.0), (1.2, 70, 26, 17.0, 6.0), (0.8, 73, 24, 10.0, 4.0),
)  # fmt: skip


def paint(
    canvas: Canvas, ladder: Ladder, surfaces: Surfaces, traits: Traits, rng: np.random.Generator
) -> None:
    """Paint psoas and quadratus, then grow fat into the muscles of the back."""
    for side in (-1.0, 1.0):
        _beside(canvas, ladder, traits, side, rng)
    _infiltrate(canvas, ladder, surfaces, traits, rng)
    _planes(canvas, ladder, surfaces, rng)
    for side in (-1.0, 1.0):
        _between_processes(canvas, ladder, surfaces, side)


def _beside(
    canvas: Canvas, ladder: Ladder, traits: Traits, side: float, rng: np.random.Generator
) -> None:
    over = (Tissue.VISCERAL_FAT,)
    size = traits.muscle_scale * traits.breadth * rng.uniform(0.92, 1.08)
    psoas = _column(ladder, _PSOAS, rng, side=side, size=size, breadth=traits.breadth)
    psoas.fill(canvas, Tissue.PSOAS, over, rough=0.05, key=41)
    for _ in range(3 + int(40 * traits.muscle_fat)):
        fibre = _fibre(psoas, rng)
        strand.paint(canvas, fibre, rng.uniform(0.5, 1.1), Tissue.MUSCLE_FAT, Tissue.PSOAS)
    _column(ladder, _QUADRATUS, rng, side=side, size=size, breadth=traits.breadth).fill(
        canvas, Tissue.QUADRATUS, (*over, Tissue.MUSCLE), rough=0.06, key=44
    )


def _fibre(muscle: Column, rng: np.random.Generator) -> FloatArray:
    """Draw a stretch of a line that keeps its place in a muscle's section; gives (n, 3) mm."""
    low, high = muscle.knots[[0, -1], 0]
    middle = rng.uniform(low + 0.3 * (high - low), high)
    reach = rng.uniform(8.0, 45.0)
    z = np.arange(max(low, middle - reach), min(high, middle + reach), 0.7)
    x, y, half_x, half_y = (np.interp(z, muscle.knots[:, 0], one) for one in muscle.knots.T[1:])
    angle, share = rng.uniform(0, 2 * np.pi), 0.9 * np.sqrt(rng.random())
    turning = angle + wander(rng, len(z), 0.2)
    place = [x + share * half_x * np.cos(turning), y + share * half_y * np.sin(turning), z]
    return np.stack(place, axis=1)


def _column(
    ladder: Ladder, table: tuple[tuple[float, ...], ...], rng: np.random.Generator,
    *, side: float, size: float, breadth: float,
) -> Column:  # fmt: skip
    level, left, back, half_x, half_y = np.array(table)[::-1].T
    z = ladder.height(level)
    anchor = ladder.height(np.maximum(level, 0.0))  # below S1 it leaves the sacrum's curve
    sway = wander(rng, len(z), 1.0)
    x = ladder.x_at(z) + side * (left * breadth + (size - 1) * 0.7 * half_x)
    return Column.of(
        np.stack(
            [z, x, ladder.centre_at(anchor) + back + sway, half_x * size, half_y * size], axis=1
        )
    )


def _infiltrate(
    canvas: Canvas, ladder: Ladder, surfaces: Surfaces, traits: Traits, rng: np.random.Generator
) -> None:
    """Replace muscle by fat where oblique streaky noise is above the share's threshold.

    Fibres run from the spinous processes down, out and forward, so the noise is sheared that way.
    """
    x, z, y = canvas.axes_mm()
    step = [abs(float(line[1] - line[0])) for line in (x, z, y)]
    tile = _streaks(step, rng)
    level = ladder.level_at(z).astype(np.float32)
    first = max(0, int(layers.columns(canvas, surfaces.cavity_back).min()) - 1)
    last = int(layers.columns(canvas, surfaces.fascia).max())
    rows = np.arange(len(z))
    slope = rng.uniform(0.1, 0.26) + wander(rng, len(z), 0.12, stiffness=0.3)
    slant = np.rint(np.cumsum(slope) * step[1] / step[2]).astype(np.intp)
    patch = 0.8 * smooth_sheet(rng, surfaces.fascia.shape, (9, 14))
    along = (rows + int(rng.integers(256)))[:, None] & (_TILE[1] - 1)
    for index, place in enumerate(x):
        muscle = canvas.labels[index, :, first:last]
        back = y[None, first:last]
        deep = (surfaces.fascia[index, :, None] - back) / np.maximum(
            8.0, surfaces.fascia[index] - surfaces.cavity_back[index]
        )[:, None]
        across = abs(float(place) - ladder.x_at(z))
        score = _threshold(level, across, traits.muscle_fat)[:, None] - patch[index][:, None]
        shift = int(abs(place) * 0.35 / step[2])
        through = (np.arange(first, last)[None, :] + slant[:, None] + shift) & (_TILE[2] - 1)
        fat = tile[index & (_TILE[0] - 1)][along, through] > score + 0.9 * (0.5 - deep)
        fat &= muscle == Tissue.MUSCLE
        muscle[fat] = Tissue.MUSCLE_FAT


def _threshold(
    level: npt.NDArray[np.float32], across: npt.NDArray[np.float64], share: float
) -> npt.NDArray[np.float32]:
    """Give the value above which unit noise is fat: lowest beside the lower spinous processes."""
    low = np.interp(level, [-2.0, 0.0, 1.0, 2.0, 3.5, 6.0], [1.5, 1.5, 1.2, 0.7, 0.35, 0.15])
    middle = 1.2 - 0.6 * np.clip((across - 10) / 40, 0, 1)
    local = np.clip((_LEAST_FAT + share) * low * middle, 0.01, 0.9)
    return np.asarray(special.ndtri(1 - local), dtype=np.float32)


def _streaks(step_mm: list[float], rng: np.random.Generator) -> FloatGrid:
    """Draw a periodic tile of unit noise, long along the fibres."""
    white = rng.standard_normal(_TILE, dtype=np.float32)
    sigma = [length / step for length, step in zip(_STREAK_MM, step_mm, strict=True)]
    tile = ndimage.gaussian_filter(white, sigma, mode="wrap", truncate=2.5)
    return np.asarray(tile / tile.std(), dtype=np.float32)


def _planes(canvas: Canvas, ladder: Ladder, surfaces: Surfaces, rng: np.random.Generator) -> None:
    """Lay the planes of fat between multifidus and longissimus, and tendon under the fascia."""
    x, z, _ = canvas.axes_mm()
    shape = surfaces.fascia.shape
    across = np.abs(x[:, None] - ladder.x_at(z)[None, :])
    level = ladder.level_at(z)[None, :]
    cleft = 14 + 4 * np.clip(3 - level, 0, 3) + 2.0 * smooth_sheet(rng, shape, (8, 4))
    depth = 4.0 + 2.2 * (across - cleft)
    there = (depth > 2) & (surfaces.fascia - depth > surfaces.cavity_back)
    layers.lay(
        canvas,
        surfaces.fascia - depth,
        there,
        tissue=Tissue.MUSCLE_FAT,
        over=Tissue.MUSCLE,
        thickness=2,
    )
    under = (level < 2.5) & (smooth_sheet(rng, shape, (4, 12)) > -0.4 + 0.4 * level)
    layers.lay(
        canvas,
        surfaces.fascia - 1.8,
        under,
        tissue=Tissue.MUSCLE_FAT,
        over=Tissue.MUSCLE,
        thickness=2,
    )
    for _ in range(2):  # tendons of the aponeurosis: dark strands along the fibres
        below = 9 + 7 * rng.random() + 2.5 * smooth_sheet(rng, shape, (8, 5))
        there = smooth_sheet(rng, shape, (10, 6)) > 0.3
        layers.lay(canvas, surfaces.fascia - below, there, tissue=Tissue.FASCIA, over=Tissue.MUSCLE)


def _between_processes(canvas: Canvas, ladder: Ladder, surfaces: Surfaces, side: float) -> None:
    """Paint strands of muscle into the fat between the transverse processes."""
    top, bottom = float(ladder.height(6.0)), float(ladder.height(0.6))
    back = surfaces.cavity_back
    window = canvas.box(
        (min(side * 28, side * 52), float(back.min()) - 14, bottom),
        (max(side * 28, side * 52), float(back.max()), top),
    )
    begin, end = window.start, np.add(window.start, window.labels.shape)
    border = surfaces.cavity_back[begin[0] : end[0], begin[1] : end[1], None]
    strands = 0.7 * window.rough(Noise.MEDIUM_MM, 45) + 0.7 * window.rough(Noise.FINE_MM, 46)
    inside = (window.v > border - 12) & (strands > 0.35)
    window.fill(inside, Tissue.MUSCLE, (Tissue.VISCERAL_FAT,))
