"""The neural foramen: its fat, the root with its ganglion, what narrows it, and where its point is.

The fat is painted before the bones, which give it its keyhole shape: pedicles above and below, body
and disc in front, pars and superior articular process behind. The true point is then measured in
the painted map, as a radiologist would click it: the middle of the opening.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.affine import FloatArray
from model.landmark import Point
from model.synthetic import arch, tube
from model.synthetic.canvas import Canvas, Mask, Window, among
from model.synthetic.frame import Frame
from model.synthetic.noise import FloatGrid
from model.synthetic.segment import SIDES, Segment, top_of
from model.synthetic.solid import Bar, unite
from model.synthetic.spine import Vertebra
from model.synthetic.tissue import FORAMEN, Tissue
from model.synthetic.traits import Traits

_TAIL_MM: Final = 1.35  # half width of the drop's lower end
_BELOW_DISC_MM: Final = 0.5  # how far the drop runs below the disc's edge
_BELOW_LOWEST_MM: Final = 3.5  # at L5/S1 no pedicle stops it
_AWAY: Final = (1.0, 2.0, 1.0)  # a point in the root moves along the drop rather than to its rim
_LATERAL: Final = frozenset({Tissue.MUSCLE, Tissue.MUSCLE_FAT, Tissue.PSOAS, Tissue.QUADRATUS})
_FAT = frozenset({Tissue.FORAMINAL_FAT, Tissue.EPIDURAL_FAT})
_OPEN = FORAMEN | {Tissue.EPIDURAL_FAT}


@dataclass(frozen=True, eq=False, slots=True)
class Foramen:
    """A neural foramen as a short oblique canal.

    Attributes:
        centre_mm: (3,) LPS mm, the truth point.
        axes: (3, 3), rows are unit vectors: outward along the canal, posterior, head; LPS.
        half_mm: (3,) half length along the canal, half depth, half height.
        grade: stenosis after Lee 2010, 0..3.
        name: for example "L4-left".
    """

    centre_mm: FloatArray
    axes: FloatArray
    half_mm: FloatArray
    grade: int
    name: str

    @property
    def point(self) -> Point:
        """Give the centre as a plain tuple."""
        x, y, z = (float(one) for one in self.centre_mm)
        return x, y, z


@dataclass(frozen=True, eq=False, slots=True)
class Passage:
    """Where a foramen lies by the bones that bound it, before it is painted.

    Attributes:
        frame: origin midway between the pedicles; axes of the motion segment.
        side: +1 left, -1 right.
        half_height: half the distance between the pedicles' near edges, mm.
        half_length: half the width of the pedicles that bound it, mm.
        segment: it belongs to.
        grade: stenosis, 0..3.
        half_depth: of the opening in its upper half, mm.
        tail_mm: how far behind (positive) the middle of the upper half the lower end lies.
    """

    frame: Frame
    side: int
    half_height: float
    half_length: float
    segment: Segment
    grade: int
    half_depth: float = 4.2
    tail_mm: float = 0.0


def passage(segment: Segment, side: int, traits: Traits) -> Passage:
    """Find a foramen between the pedicles of a segment (S1 offers its wing in place of one)."""
    upper = segment.upper
    size = upper.size
    above = arch.pedicle_middle(upper, side, traits)
    roof = upper.frame.to_patient((above[0], above[1] + 2, above[2] - size.pedicle_half_height))
    lower = segment.lower
    if isinstance(lower, Vertebra):
        below = arch.pedicle_middle(lower, side, traits)
        edge = below[2] + lower.size.pedicle_half_height
        floor = lower.frame.to_patient((below[0], below[1] + 2, edge))
    else:
        floor = top_of(lower).to_patient((side * 20.0, lower.half_depth + 5.0, -2.5))
    local = segment.frame.to_local(np.stack([roof, floor]))
    middle = local.mean(axis=0)
    middle[0] = side * size.foramen_centre
    grade = traits.narrowing[segment.index][0 if side > 0 else 1]
    return Passage(
        Frame(segment.frame.to_patient(middle), segment.frame.axes),
        side,
        float(local[0, 2] - local[1, 2]) / 2,
        size.pedicle_half_width,
        segment,
        grade,
    )


def paint_fat(canvas: Canvas, one: Passage) -> None:
    """Fill the passage with fat from the canal to beyond the pedicles.

    Beside the pedicles it only takes the place of muscle: lung, ribs and diaphragm stay.
    """
    high = one.half_height
    aside = one.side
    reach = 4.0 if one.segment.upper.ribs else 9.0
    bar = Bar(
        (-aside * 5.0, 0.5, 0.5),
        (aside * reach, -2.0, -1.0),
        (high + 6.0, 0.5 * high),
        (13.0, 4.5),
    )
    window = canvas.window(one.frame, *bar.box())
    value = bar.distance(window) + 0.8 * window.rough(window.noise.MEDIUM_MM, 7)
    within = window.u * aside < one.half_length
    window.fill((value < 0) & (within | among(window.labels, _LATERAL)), Tissue.FORAMINAL_FAT)


def settle(canvas: Canvas, one: Passage) -> Passage:
    """Move a passage to the middle of the fat that the bones have left open between the pedicles.

    The upper part decides how far back it lies, because there the root runs.
    """
    window, opened = _opening(canvas, one)
    if np.count_nonzero(opened) < 8:
        return one
    v, w = window.v[opened], window.w[opened]
    low, top = np.percentile(w, [3, 98])
    edge = one.frame.to_local(one.segment.frame.origin_mm)[2] - one.segment.gap_mm / 2
    past = _BELOW_DISC_MM if one.segment.index else _BELOW_LOWEST_MM
    bottom = min(max(low, edge - past), top - 8.0)
    half = float(top - bottom) / 2
    upper, lower = v[w > top - 0.8 * half], v[(w > bottom) & (w < bottom + 0.6 * half)]
    first, last = np.percentile(upper, [5, 95])
    depth = float(first + last) / 2
    tail = float(np.median(lower)) - depth if len(lower) else 0.0
    return replace(
        one,
        frame=one.frame.moved((0.0, depth, float(top + bottom) / 2)),
        half_height=half,
        half_depth=float(np.clip((last - first) / 2 + 0.8, 3.2, 5.0)),
        tail_mm=float(np.clip(tail, -3.5, 3.5)),
    )


def _drop(window: Window, one: Passage) -> FloatGrid:
    """Evaluate the drop: an oval under the upper pedicle, a tail along the disc, wider outside."""
    high, deep = one.half_height, one.half_depth
    tall = min(0.52 * high, 1.35 * deep)
    head = high - tall
    oval = np.sqrt((window.v / deep) ** 2 + ((window.w - head) / tall) ** 2).astype(np.float32)
    share = np.clip((head - window.w) / np.float32(head + high - _TAIL_MM), 0, 1)
    width = 0.8 * deep + (_TAIL_MM - 0.8 * deep) * np.sqrt(share)
    past = np.maximum(-window.w - np.float32(high - _TAIL_MM), 0)
    aside = window.v - np.float32(one.tail_mm) * share
    tail = np.where(window.w < head, np.sqrt(aside**2 + past**2) - width, 9.0)
    flare = np.maximum(np.abs(window.u) - np.float32(one.half_length), 0)
    return np.asarray(
        unite((oval - 1) * np.float32(deep), tail.astype(np.float32), 1.5) - 0.7 * flare,
        dtype=np.float32,
    )


def shape(canvas: Canvas, one: Passage) -> None:
    """Leave fat only within the drop: cortex caps it, ligament lines it, bone fills up the rest."""
    high = one.half_height
    long = one.half_length + 1.5
    window = canvas.window(one.frame, (-long, -14, -high - 9), (long, 11, high + 7))
    value = _drop(window, one) + 0.25 * window.rough(window.noise.MEDIUM_MM, 19)
    side = window.u * one.side
    around = (value > 0) & (side > -0.7 * one.half_length) & (side < long)
    around &= (window.w > -high - 8.5) & (window.v > -13.5) & (window.v < 9.5)
    disc = one.frame.to_local(one.segment.frame.origin_mm)[2]
    bone = (window.w > disc + one.segment.gap_mm / 2) & ((window.v < 0) | (window.w > high - 4.0))
    if one.segment.index:
        bone |= (window.w < disc - one.segment.gap_mm / 2) & (window.v < 2)
    pocket = {*_FAT, Tissue.VISCERAL_FAT}
    window.fill(around & bone & (value < 1.3), Tissue.CORTICAL_BONE, pocket)
    window.fill(around & bone, Tissue.MARROW, pocket)
    before = (window.v < 0) & (np.abs(window.w - disc) < one.segment.gap_mm / 2)
    window.fill(around & before & (value > 0.7), Tissue.ANNULUS, _FAT)
    window.fill(around, Tissue.LIGAMENTUM_FLAVUM, _FAT)


def _opening(canvas: Canvas, one: Passage) -> tuple[Window, Mask]:
    """Give the open voxels on the sagittal cut through a passage."""
    high = one.half_height
    slab = max(1.2, 0.75 * float(canvas.affine[0, 0]))
    window = canvas.window(one.frame, (-slab, -8.5, -high - 1.5), (slab, 8.5, high + 1.5))
    inside = (np.abs(window.u) < slab) & (np.abs(window.v) < 8.0) & (np.abs(window.w) < high + 1)
    return window, inside & among(window.labels, _OPEN)


def paint_root(canvas: Canvas, one: Passage, traits: Traits, rng: np.random.Generator) -> None:
    """Paint the root from the sac to beyond the foramen, with its ganglion high in the opening."""
    side, high = one.side, one.half_height
    size = one.segment.upper.size
    low = max(0.0, 1.0 - one.segment.index)  # L5's ganglion is the largest and lies lowest
    inner = size.foramen_centre - 8.0
    flat = 0.65 if one.grade == 3 else 1.0
    swell = (2.25 + 0.35 * low + float(rng.normal(0.0, 0.15))) * traits.scale
    broad = min(swell, one.half_depth - 1.4) * flat
    tall = min(1.5 * swell, 0.42 * high) * flat
    lift = high - 1.6 - tall + float(rng.normal(0.0, 0.3))
    depth = float(rng.normal(0.0, 0.35))
    body = np.array(
        [
            (-side * inner, depth + 1.0, lift + 13.0),
            (-side * 6.0, depth + 0.8, lift + 4.0),
            (0.0, depth, lift),
            (side * 7.0, depth - 2.0, lift - 4.5),
            (side * 16.0, depth - 6.0, lift - 15.0),
            (side * 22.0, depth - 8.0, lift - 25.0),
        ]
    )
    radius = np.array([1.2, 1.4, 1.8, 2.1, 2.2, 2.2]) * (1 + 0.2 * low)
    line = np.column_stack([one.frame.to_patient(body), radius, radius])
    over = {*_OPEN, Tissue.VISCERAL_FAT, Tissue.PSOAS, Tissue.MUSCLE_FAT}
    tube.paint(canvas, tube.smooth_line(line, 3.0), Tissue.NERVE_ROOT, over)
    bar = Bar(
        (-side * 2.5, depth + 0.2, lift + 0.8),
        (side * 3.5, depth - 0.6, lift - 1.2),
        (tall, 0.9 * tall),
        (broad, 0.95 * broad),
    )
    window = canvas.window(one.frame, *bar.box())
    value = bar.distance(window)
    window.fill(value < 0, Tissue.GANGLION, {*_OPEN, Tissue.NERVE_ROOT})


def paint_veins(canvas: Canvas, one: Passage, rng: np.random.Generator) -> None:
    """Paint two or three thin veins that pass below and before the ganglion."""
    for _ in range(int(rng.integers(2, 4))):
        v, w = float(rng.normal(-1.5, 2.0)), float(rng.uniform(-0.8, -0.25)) * one.half_height
        local = [(-one.side * 7.0, v, w + 1), (0.0, v, w), (one.side * 9.0, v - 1.5, w - 2)]
        line = np.column_stack([one.frame.to_patient(local), np.full((3, 2), 0.75)])
        tube.paint(
            canvas, tube.smooth_line(line, 4.0), Tissue.EPIDURAL_VEIN, (Tissue.FORAMINAL_FAT,)
        )


def narrow(canvas: Canvas, one: Passage) -> None:
    """Take fat from round the root by the grade (Lee 2010): 1 two sides, 2 all sides, 3 pressed."""
    if one.grade == 0:
        return
    high = one.half_height
    window = canvas.window(one.frame, (-8, -12, -high - 6), (8, 12, high + 6))
    rough = window.rough(window.noise.MEDIUM_MM, 17)
    scar = window.w < -0.45 * high + 0.8 * rough
    if one.grade >= 2:  # a few pockets of fat remain, in grade 2 a rim above the root
        scar |= rough > (-0.9 if one.grade == 2 else -1.7)
        scar &= (window.w < high - 1.8) | (one.grade == 3)
    window.fill(scar, Tissue.FORAMINAL_SCAR, (Tissue.FORAMINAL_FAT,))


def measure(canvas: Canvas, one: Passage, name: str) -> Foramen:
    """Find the middle of the painted opening on the sagittal cut through the passage.

    The middle is the centroid of fat and root between the pedicles; where a root or a vein lies
    there and fat is left, the point moves to the nearest fat.
    """
    high = one.half_height
    window, opened = _opening(canvas, one)
    opened &= _drop(window, one) < 0.8
    axes = np.stack([one.side * one.frame.axes[0], one.frame.axes[1], one.frame.axes[2]])
    if not opened.any():  # pressed shut: the bones alone say where it was
        half = np.array([one.half_length, 1.5, high])
        return Foramen(one.frame.origin_mm, axes, half, one.grade, name)
    place = np.stack([window.u[opened], window.v[opened], window.w[opened]], axis=1)
    spread = 2.0 * place.std(axis=0)
    half = np.array([one.half_length, max(1.5, float(spread[1])), max(3.0, float(spread[2]))])
    centre = one.frame.to_patient(place.mean(axis=0))
    fat = among(window.labels[opened], _FAT)
    strict = one.grade < 2 and bool(fat.any())
    wanted, allowed = (_FAT, fat) if strict else (_OPEN, np.ones_like(fat))
    if not among(canvas.label_map().at([centre]), wanted)[0]:
        away = np.linalg.norm((place[allowed] - place.mean(axis=0)) * _AWAY, axis=1)
        centre = one.frame.to_patient(place[allowed][np.argmin(away)])
    return Foramen(centre, axes, half, one.grade, name)


def both(segment: Segment, traits: Traits) -> tuple[Passage, Passage]:
    """Give the passages of a segment, left and right."""
    left, right = (passage(segment, side, traits) for side in SIDES)
    return left, right
