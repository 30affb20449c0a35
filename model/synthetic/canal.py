"""The spinal canal: epidural fat, dural sac, cord with its conus, cauda equina."""

import numpy as np

from model.affine import FloatArray
from model.synthetic import tube
from model.synthetic.canvas import Canvas
from model.synthetic.segment import Segment
from model.synthetic.spine import SacralSegment, Spine
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

SOFT = frozenset(
    {
        Tissue.EPIDURAL_FAT,
        Tissue.FORAMINAL_FAT,
        Tissue.EPIDURAL_VEIN,
        Tissue.LIGAMENTUM_FLAVUM,
        Tissue.LONGITUDINAL_LIGAMENT,
    }
)
_LAMINA_MM = 1.2  # of fat between the sac and a lamina: elsewhere it is a triangle
_SACRAL_CANAL = ((15.0, 7.5), (11.5, 5.5), (8.0, 4.0), (5.5, 3.0), (3.5, 2.2))


def sacral_canal(part: SacralSegment, index: int) -> tuple[float, float]:
    """Give half width and half depth of the canal behind a sacral segment, mm."""
    scale = part.half_depth / (15.2, 12.2, 9.2, 7.2, 5.8)[index]
    wide, deep = _SACRAL_CANAL[index]
    return wide * scale, deep * scale


def paint_fat(canvas: Canvas, spine: Spine, segments: tuple[Segment, ...]) -> None:
    """Fill the canal with fat from the top to S5; the bones are painted over its edge."""
    points = []
    for index, part in reversed(list(enumerate(spine.sacrum[:5]))):
        wide, deep = sacral_canal(part, index)
        place = part.frame.to_patient([0.0, part.half_depth + deep, 0.0])
        points.append([*place, wide, deep + 1.0])
    for segment in segments:
        size = segment.upper.size
        deep = size.canal_depth / 2
        at_disc = segment.frame.to_patient([0.0, segment.half_depth + deep + 0.5, 0.0])
        points.append([*at_disc, size.canal_half_width + 1.5, deep + 2.2])
        at_body = segment.upper.frame.to_patient([0.0, size.half_depth + deep, 0.0])
        points.append([*at_body, size.canal_half_width + 1.0, deep + 1.2])
    tube.paint(canvas, tube.smooth_line(np.array(points), 7.0), Tissue.EPIDURAL_FAT, None)


def sac_line(spine: Spine, segments: tuple[Segment, ...], traits: Traits) -> FloatArray:
    """Give the sac's centre line with half width and half depth, from its end upward, (n, 5)."""
    wide = traits.scale * (0.4 + 0.6 * traits.canal_scale)
    points = []
    last = int(np.floor(traits.sac_end))
    share = traits.sac_end - last
    for index in range(min(last, 3), -1, -1):
        part = spine.sacrum[index]
        _, deep = sacral_canal(part, index)
        drop = share * part.height if index == last else part.height
        radius = 2.0 if index == last else (5.4, 4.2, 3.2, 2.4)[index]
        behind = part.half_depth + (1.15 if index else 1.1) * deep
        place = part.frame.to_patient([0.0, behind, part.height / 2 - drop])
        points.append([*place, radius * 1.3 * wide, radius * wide])
    rub = np.interp(np.arange(12), [0, 1, 2, 12], [3.6, 1.6, 1.0, 0.9])
    for segment in segments:
        index, size = segment.index, segment.upper.size
        deep = float(np.interp(index, [0, 1, 3, 6, 9], [6.0, 6.6, 6.9, 6.8, 6.2])) * wide
        broad = float(np.interp(index, [0, 1, 4, 6, 9], [9.4, 10.4, 10.0, 9.2, 8.2])) * wide
        pressed = 0.5 * traits.bulge_mm[index]
        squeeze = 0.16 * sum(facet.growth for facet in segment.facets)
        front = segment.half_depth + rub[index] + 0.6 * traits.bulge_mm[index]
        half = deep - pressed * 0.5 - squeeze * 2.0
        place = segment.frame.to_patient([0.0, front + half, 0.0])
        points.append([*place, broad * (1 - 0.5 * squeeze), half])
        front = size.half_depth + rub[index] - 1.3
        back = size.half_depth + size.canal_depth - _LAMINA_MM
        half = float(np.clip((back - front) / 2, 0.9 * deep, 1.08 * deep))
        place = segment.upper.frame.to_patient([0.0, front + half, -0.22 * size.height])
        points.append([*place, broad, half])
    return np.array(points)


def paint_sac(
    canvas: Canvas,
    spine: Spine,
    segments: tuple[Segment, ...],
    traits: Traits,
    rng: np.random.Generator,
) -> None:
    """Paint dura, CSF, cord and the roots of the cauda equina inside it."""
    knots = sac_line(spine, segments, traits)
    line = tube.smooth_line(knots, 5.0)
    dura = line + np.array([0, 0, 0, 0.55, 0.55])
    tube.paint(canvas, dura, Tissue.DURA, SOFT)
    tube.paint(canvas, line, Tissue.CSF, {*SOFT, Tissue.DURA})
    z = line[:, 2]
    tip_z = _height_of(spine, traits.conus_level)
    _paint_cauda(canvas, line[z < tip_z + 25], spine, tip_z, rng)
    cord = line[z > tip_z].copy()
    if len(cord) < 3:
        return
    above = cord[:, 2] - tip_z
    cord[:, 3] = np.interp(above, [0, 8, 25, 60, 120], [0.8, 2.4, 4.2, 4.9, 4.2])
    cord[:, 4] = np.interp(above, [0, 8, 25, 60, 120], [0.8, 1.9, 3.1, 3.9, 3.5])
    cord[:, 1] += np.interp(above, [0, 30, 100], [1.6, 0.4, -0.6])
    tube.paint(canvas, cord, Tissue.CORD, (Tissue.CSF, Tissue.CAUDA_EQUINA))


def _height_of(spine: Spine, number: float) -> float:
    """Give z of a (fractional) vertebra number's middle."""
    heights = [one.frame.origin_mm[2] for one in spine.vertebrae]
    return float(np.interp(number, np.arange(1, len(heights) + 1), heights))


def _paint_cauda(
    canvas: Canvas, line: FloatArray, spine: Spine, tip_z: float, rng: np.random.Generator
) -> None:
    """Paint the roots: from round the conus down, the upper ones outside, lying to the back."""
    exits = [one.frame.origin_mm[2] for one in spine.vertebrae[:5]]
    exits += [one.frame.origin_mm[2] for one in spine.sacrum[:3]]
    top_z = float(line[-1, 2])
    for order, exit_z in enumerate(sorted(exits, reverse=True)):
        for side in (1.0, -1.0):
            part = line[(line[:, 2] > exit_z) & (line[:, 2] < top_z)]
            if len(part) < 3:
                continue
            share = np.clip((top_z - part[:, 2]) / (top_z - exit_z), 0, 1)
            begin = 0.75 - 0.08 * order + rng.normal(0.0, 0.05)
            aside = side * part[:, 3] * np.clip(begin * 0.6 + 0.45 * share**2, 0.05, 0.86)
            behind = part[:, 4] * (0.15 + 0.5 * np.sin(np.pi * share) - 0.1 * share)
            wave = 0.5 * np.sin(6 * share + rng.uniform(0, 6))
            root = part.copy()
            root[:, 0] += aside + wave * 0.6
            root[:, 1] += behind + wave
            root[:, 3:] = 0.62 + 0.25 * rng.random()
            tube.paint(canvas, root, Tissue.CAUDA_EQUINA, (Tissue.CSF,))
