"""The sacrum and the coccyx: fused bodies, wings, canal, foramina and the S1/S2 disc."""

from typing import Final

import numpy as np

from model.synthetic import arch, tube
from model.synthetic.canal import sacral_canal
from model.synthetic.canvas import Canvas
from model.synthetic.frame import Frame
from model.synthetic.segment import SIDES, Facet
from model.synthetic.solid import Bar, Field, plane
from model.synthetic.spine import SacralSegment, Spine
from model.synthetic.tissue import Tissue
from model.synthetic.traits import LUMBARISED, Traits

_SHELL_MM: Final = 0.8
_WINGS: Final = (  # reach, half height, half depth near and far, mm
    (47.0, 14.5, 16.5, 11.0, 11.0),
    (37.0, 12.5, 12.5, 8.5, 9.5),
    (26.0, 10.0, 9.0, 6.5, 6.0),
    (20.0, 8.5, 7.0, 5.0, 4.5),
    (14.0, 7.0, 5.0, 4.5, 3.5),
)
_HOLE_MM: Final = (4.8, 4.2, 3.7, 3.2)
_HOLE_ASIDE_MM: Final = (17.5, 15.0, 12.5, 10.5)


def paint(canvas: Canvas, spine: Spine, joints: tuple[Facet, Facet], traits: Traits) -> None:
    """Paint the sacrum with its canal left open (see `canal.paint_fat`)."""
    parts = spine.sacrum
    base = parts[1].frame
    field = Field.open(canvas, base, (-58.0, -58.0, -112.0), (58.0, 48.0, 72.0))
    _bodies(field, parts)
    for index, part in enumerate(parts[:5]):
        _wings(field, part, index)
        _roof(field, part, index)
    _lateral_mass(field, parts)
    first = parts[0]
    for side, joint in zip(SIDES, joints, strict=True):
        root = _seen(base, first.frame, (side * 21.0, first.half_depth + 8.0, first.height / 2 - 8))
        arch.add_superior(field, base, root, joint, traits)
    _flatten_top(field, first)
    for index, part in enumerate(parts[:5]):
        _canal(field, part, index)
    for index in range(4):
        for side in SIDES:
            _holes(field, parts[index], index, side, traits)
    window = field.window
    near = np.abs(field.value) < 4
    field.value[near] += (0.5 * window.rough(window.noise.MEDIUM_MM, 40))[near]
    window.fill(field.value < 0, Tissue.CORTICAL_BONE)
    window.fill(field.value < -_SHELL_MM, Tissue.MARROW_SACRUM)
    _endplate(canvas, first, traits)
    _discs(canvas, parts, traits)


def paint_hole_fat(canvas: Canvas, spine: Spine, traits: Traits) -> None:
    """Fill the ventral foramina with fat; to be painted before the bone."""
    for index in range(3):
        for side in SIDES:
            for bar in _hole_bars(spine.sacrum[index], index, side, traits)[:2]:
                wider = Bar(
                    bar.start,
                    bar.end,
                    (bar.upright[0] + 1, bar.upright[1] + 1),
                    (bar.broad[0] + 1, bar.broad[1] + 1),
                )
                window = canvas.window(spine.sacrum[index].frame, *wider.box())
                bowl = window.v < -0.6 * spine.sacrum[index].half_depth  # in front the fat is there
                bowl &= window.labels == Tissue.VISCERAL_FAT
                window.fill((wider.distance(window) < 0) & ~bowl, Tissue.FORAMINAL_FAT)


def hole_middle(part: SacralSegment, index: int, side: int) -> tuple[float, float, float]:
    """Give the middle of a ventral foramen below a segment, in the segment's frame."""
    return side * _HOLE_ASIDE_MM[index], 0.5 * part.half_depth, -0.5 * part.height


def paint_roots(canvas: Canvas, spine: Spine, traits: Traits) -> None:
    """Paint the sacral roots from the canal through the ventral foramina."""
    over = (Tissue.FORAMINAL_FAT, Tissue.EPIDURAL_FAT)
    for index in range(3):
        part = spine.sacrum[index]
        wide, deep = sacral_canal(part, index)
        for side in SIDES:
            middle = np.array(hole_middle(part, index, side))
            local = np.array(
                [
                    (side * wide * 0.55, part.half_depth + deep, 0.5 * part.height + 4),
                    (side * wide * 0.75, part.half_depth + deep * 0.8, 0.0),
                    middle + np.array([0.0, 1.0, 1.5]),
                    middle + np.array([side * 8.0, -0.9 * part.half_depth - 3.0, -4.0]),
                ]
            )
            radius = (1.7, 1.5, 1.2)[index]
            line = np.column_stack([part.frame.to_patient(local), np.full((4, 2), radius)])
            tube.paint(canvas, tube.smooth_line(line, 4.0), Tissue.NERVE_ROOT, over)


def _seen(
    base: Frame, frame: Frame, local: tuple[float, float, float]
) -> tuple[float, float, float]:
    u, v, w = base.to_local(frame.to_patient(local))
    return float(u), float(v), float(w)


def _bodies(field: Field, parts: tuple[SacralSegment, ...]) -> None:
    base = field.frame
    for index, part in enumerate(parts):
        below = parts[index + 1] if index + 1 < len(parts) else part
        top = 1.12 if index == 0 else 1.0
        here = (part.half_width * top, part.half_depth * top)
        if index:
            over = parts[index - 1]
            here = (
                0.5 * (part.half_width + over.half_width),
                0.5 * (part.half_depth + over.half_depth),
            )
        there = (
            0.5 * (part.half_width + below.half_width),
            0.5 * (part.half_depth + below.half_depth),
        )
        extra = 9.0 if index == 0 else 0.0
        bar = Bar(
            _seen(base, part.frame, (0.0, 0.0, part.height / 2 + extra)),
            _seen(base, part.frame, (0.0, 0.0, -part.height / 2 + (1.0 if index > 4 else 0.0))),
            (here[1], there[1]),
            (here[0], there[0]),
            (0.0, 1.0, 0.0),
        )
        field.add(bar, 2.0 if index < 5 else 0.5)


def _wings(field: Field, part: SacralSegment, index: int) -> None:
    reach, near, far, deep, deep_far = _WINGS[index]
    wide = part.half_width / (22.0, 17.0, 14.0, 12.0, 10.0)[index]
    for side in SIDES:
        start = (side * 0.55 * part.half_width, 3.0, 0.0)
        end = (side * (reach - 9.0) * wide, 12.0 - 2.0 * index, -3.0 if index == 0 else 0.0)
        bar = Bar(
            _seen(field.frame, part.frame, start),
            _seen(field.frame, part.frame, end),
            (near, far),
            (deep, deep_far),
        )
        field.add(bar, 3.0)


def _lateral_mass(field: Field, parts: tuple[SacralSegment, ...]) -> None:
    """Join what fuses the wings of S1 to S4, and the crest behind the foramina."""
    for side in SIDES:
        wing = Bar(
            _seen(field.frame, parts[0].frame, (side * 31.0, 10.0, -4.0)),
            _seen(field.frame, parts[2].frame, (side * 21.0, 4.0, -4.0)),
            (9.5, 5.0),
            (12.0, 6.0),
            (0.0, 1.0, 0.0),
        )
        field.add(wing, 3.0)
        for index in range(3):
            ends = []
            for order in (index, index + 1):
                part = parts[order]
                wide, deep = sacral_canal(part, order)
                behind = part.half_depth + 1.15 * deep
                ends.append(_seen(field.frame, part.frame, (side * (wide + 5.0), behind, 0.0)))
            field.add(Bar(ends[0], ends[1], (7.0, 5.0), (6.0, 5.0), (0.0, 1.0, 0.0)), 2.0)


def _roof(field: Field, part: SacralSegment, index: int) -> None:
    """Join the fused laminae behind the canal and the median crest."""
    wide, deep = sacral_canal(part, index)
    back = part.half_depth + 2 * deep
    half = part.height / 2 + (0.5 if index else -1.0)
    drop = -3.0 if index == 0 else 0.0
    for side in SIDES:
        bar = Bar(
            _seen(field.frame, part.frame, (side * (wide + 2.0), part.half_depth + deep, drop)),
            _seen(field.frame, part.frame, (0.0, back + 2.0, drop - 1.0)),
            (half, half),
            (3.0, 2.4),
        )
        field.add(bar, 1.5)
    if index < 4:
        crest = Bar(
            _seen(field.frame, part.frame, (0.0, back + 2.0, drop)),
            _seen(field.frame, part.frame, (0.0, back + 12.0 - 2.0 * index, drop - 4.0)),
            (half * 0.85, half * 0.6),
            (4.2, 3.6),
        )
        field.add(crest, 1.5)


def _flatten_top(field: Field, first: SacralSegment) -> None:
    """Cut the body of S1 flat at its upper endplate, but leave the articular processes."""
    wide, deep = first.half_width * 1.25, first.half_depth
    top = _seen(field.frame, first.frame, (0.0, 0.0, first.height / 2))
    up = first.frame.axes[2] @ field.frame.axes.T
    front = _seen(field.frame, first.frame, (0.0, deep + 4.0, 0.0))
    back = first.frame.axes[1] @ field.frame.axes.T
    place, part = field.part((-wide - 30, -60.0, 0.0), (wide + 30, 48.0, 72.0))
    above = -plane(place, top, up)
    ahead = plane(place, front, back)
    field.carve(part, np.maximum(above, ahead), 2.5)


def _canal(field: Field, part: SacralSegment, index: int) -> None:
    wide, deep = sacral_canal(part, index)
    half = part.height / 2
    below = sacral_canal(part, min(index + 1, 4))
    bar = Bar(
        _seen(field.frame, part.frame, (0.0, part.half_depth + deep + 0.3, half + 3.0)),
        _seen(field.frame, part.frame, (0.0, part.half_depth + 0.9 * deep, -half)),
        (deep, 0.5 * (deep + min(deep, below[1]))),
        (wide, 0.5 * (wide + min(wide, below[0]))),
        (0.0, 1.0, 0.0),
    )
    place, cut = field.part(*bar.box(2.0))
    field.carve(cut, bar.distance(place), 1.0)


def _hole_bars(part: SacralSegment, index: int, side: int, traits: Traits) -> tuple[Bar, ...]:
    """Give the foramina below a segment, in its frame: ventral (two stretches), dorsal."""
    radius = _HOLE_MM[index] * traits.scale
    if index == 0 and traits.transitional == LUMBARISED:
        radius *= 1.35
    wide, deep = sacral_canal(part, index)
    u, v, w = hole_middle(part, index, side)
    inner = (side * (wide - 4.5), part.half_depth + 0.8 * deep, w + 4.0)
    ventral = Bar(inner, (u, v, w), (radius, radius), (radius * 0.8, radius))
    mouth = Bar(
        (u, v, w),
        (u + side * 9.0, -part.half_depth - 4.0, w - 3.0),
        (radius, radius * 1.1),
        (radius, radius * 0.9),
    )
    dorsal = Bar(
        (side * (wide - 3.0), part.half_depth + deep, w + 2.0),
        (u + side * 2.0, part.half_depth + 2 * deep + 0.5, w),
        (2.2, 2.0),
        (2.0, 2.0),
    )
    return ventral, mouth, dorsal


def _holes(field: Field, part: SacralSegment, index: int, side: int, traits: Traits) -> None:
    for bar in _hole_bars(part, index, side, traits):
        moved = Bar(
            _seen(field.frame, part.frame, bar.start),
            _seen(field.frame, part.frame, bar.end),
            bar.upright,
            bar.broad,
        )
        place, cut = field.part(*moved.box(2.0))
        field.carve(cut, moved.distance(place), 1.0)


def _endplate(canvas: Canvas, first: SacralSegment, traits: Traits) -> None:
    high = first.height / 2
    wide, deep = first.half_width * 1.1, first.half_depth * 1.1
    window = canvas.window(first.frame, (-wide, -deep, high - 10), (wide, deep, high + 1))
    bone = window.labels == Tissue.MARROW_SACRUM
    depth = high - window.w
    if traits.modic[0]:
        band = bone & (depth < 7 + 2.5 * window.rough(window.noise.MEDIUM_MM, 12))
        window.fill(band, Tissue.MODIC_1 if traits.modic[0] == 1 else Tissue.MODIC_2)
    window.fill((window.labels != Tissue.CORTICAL_BONE) & bone & (depth < 1.2), Tissue.ENDPLATE)


def _discs(canvas: Canvas, parts: tuple[SacralSegment, ...], traits: Traits) -> None:
    """Paint the rudimentary disc of S1/S2 (well formed in a lumbarised S1) and lines below it."""
    whole = traits.transitional == LUMBARISED
    thickness = (3.2 if whole else 1.5, 0.8, 0.6)
    spread = (0.95 if whole else 0.75, 0.6, 0.5)
    for index in range(3):
        part, below = parts[index], parts[index + 1]
        wide = 0.5 * (part.half_width + below.half_width) * spread[index]
        deep = 0.5 * (part.half_depth + below.half_depth) * spread[index]
        frame = part.frame.moved((0.0, 0.0, -part.height / 2))
        window = canvas.window(frame, (-wide, -deep, -6), (wide, deep, 6))
        radius = np.sqrt((window.u / wide) ** 2 + (window.v / deep) ** 2)
        bumps = 0.4 * window.rough(window.noise.MEDIUM_MM, 45)
        half = thickness[index] * (1 - 0.35 * radius) + bumps
        disc = (radius < 1) & (np.abs(window.w) < half)
        rim = (radius < 1.05) & (np.abs(window.w) < half + 0.9)
        bone = (Tissue.MARROW_SACRUM, Tissue.CORTICAL_BONE)
        window.fill(rim, Tissue.ENDPLATE, bone)
        window.fill(disc, Tissue.NUCLEUS_DEGENERATE, (*bone, Tissue.ENDPLATE))
