"""Ligaments of the arches and the cartilage of the facet joints."""

from collections.abc import Sequence

import numpy as np

from model.affine import FloatArray
from model.synthetic import tube
from model.synthetic.arch import JOINT_MM
from model.synthetic.canvas import PATIENT, Canvas
from model.synthetic.segment import SIDES, Facet, Segment
from model.synthetic.solid import Bar, ellipsoid
from model.synthetic.spine import SacralSegment, Vertebra
from model.synthetic.tissue import Tissue


def paint_joint(canvas: Canvas, facet: Facet) -> None:
    """Paint a facet's cartilage, capsule and the fat behind it.

    The bones, painted later, leave the gap between.
    """
    reach = 8.5 + 2.0 * facet.growth
    window = canvas.window(facet.frame, (-10, -reach - 3, -reach - 5), (10, reach + 3, reach + 5))
    capsule = ellipsoid(window, (0.0, 0.0, 0.0), (5.5 + facet.growth, reach, reach + 1.5))
    pad = 1.3 * window.rough(window.noise.MEDIUM_MM, 160) < 1.3 - capsule
    window.fill(pad & (capsule < 3.0), Tissue.MUSCLE_FAT, (Tissue.MUSCLE,))
    window.fill(capsule < 0, Tissue.LIGAMENTUM_FLAVUM)
    slab = ellipsoid(window, (0.0, 0.0, 0.0), (JOINT_MM * 0.7, reach - 1.5, reach))
    window.fill(slab < 0, Tissue.CARTILAGE)
    if facet.growth > 0.6:
        window.fill(slab < -0.75, Tissue.FLUID)


def paint_flavum(canvas: Canvas, segment: Segment) -> None:
    """Paint the yellow ligament: two plates that meet in the midline behind the sac."""
    size = segment.upper.size
    back = segment.half_depth + size.canal_depth
    for side, facet in zip(SIDES, segment.facets, strict=True):
        joint = segment.frame.to_local(facet.frame.origin_mm)
        thick = 1.7 + 1.3 * facet.growth
        bar = Bar(
            (side * 1.0, back + 5.5, -10.5),
            (side * (abs(float(joint[0])) - 4.0), segment.half_depth + 9.0, -3.5),
            (10.5, 8.5),
            (thick, thick),
            (0.0, 0.2, 1.0),
        )
        window = canvas.window(segment.frame, *bar.box())
        value = bar.distance(window) + 0.3 * window.rough(
            window.noise.MEDIUM_MM, 90 + segment.index
        )
        window.fill(value < 0, Tissue.LIGAMENTUM_FLAVUM)


def paint_fat_triangle(canvas: Canvas, segment: Segment) -> None:
    """Paint the fat between sac and yellow ligaments; on a mid-sagittal cut it is a triangle."""
    back = segment.half_depth + segment.upper.size.canal_depth
    window = canvas.window(segment.frame, (-7, back - 6, -22), (7, back + 7, 3))
    behind = window.v - np.float32(back - 3.0)
    high = 9.5 - 0.75 * behind + 0.8 * window.rough(window.noise.MEDIUM_MM, 150 + segment.index)
    inside = (np.abs(window.w + 9.5) < high) & (behind > 0) & (behind < 7.5)
    window.fill(inside & (np.abs(window.u) < 6.5 - 0.55 * behind), Tissue.EPIDURAL_FAT)


def paint_interspinous(canvas: Canvas, segment: Segment) -> None:
    """Paint the ligament between two spinous processes, streaked with fat."""
    upper, lower = spinous_middle(segment.upper), spinous_middle(segment.lower)
    deep = 0.42 * segment.upper.size.spinous_length
    back = segment.frame.axes[1]
    bar = Bar(
        (float(upper[0]), float(upper[1]), float(upper[2])),
        (float(lower[0]), float(lower[1]), float(lower[2])),
        (deep, deep),
        (2.6, 2.6),
        (float(back[0]), float(back[1]), float(back[2])),
    )
    window = canvas.window(PATIENT, *bar.box())
    inside = bar.distance(window) < 0
    window.fill(inside, Tissue.INTERSPINOUS_LIGAMENT)
    fat = window.rough(window.noise.MEDIUM_MM, 130 + segment.index) > 0.35
    window.fill(inside & fat, Tissue.MUSCLE_FAT)


def spinous_middle(part: Vertebra | SacralSegment) -> FloatArray:
    """Give the middle of a spinous process (or of the sacral crest), LPS mm."""
    if isinstance(part, SacralSegment):
        return part.frame.to_patient([0.0, part.half_depth + 22.0, 0.0])
    size = part.size
    back = size.half_depth + size.canal_depth + 0.5 * size.spinous_length
    return part.frame.to_patient([0.0, back, -0.5 * size.height])


def paint_supraspinous(canvas: Canvas, parts: Sequence[Vertebra]) -> None:
    """Paint the ligament along the tips of the spinous processes, from L5 upward."""
    points = []
    for part in parts:
        size = part.size
        tip = size.half_depth + size.canal_depth + 0.96 * size.spinous_length
        drop = 0.55 if not part.ribs else 0.8
        points.append([*part.frame.to_patient([0.0, tip, -drop * size.height]), 2.6, 1.5])
    line = tube.smooth_line(np.array(points), 6.0)
    tube.paint(canvas, line, Tissue.SUPRASPINOUS_LIGAMENT, None)
