"""The discs: annulus with its outer ligaments, nucleus, bulge towards the canal."""

import numpy as np

from model.synthetic.canvas import Canvas
from model.synthetic.segment import Segment
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_LIGAMENT_MM = 1.1


def paint(canvas: Canvas, segment: Segment, traits: Traits, aside: float) -> None:
    """Paint a disc generously; the bodies, painted after it, cut it to shape.

    Args:
        canvas: to paint on.
        segment: whose disc it is.
        traits: of the person.
        aside: direction of the bulge, -1 (right) .. 1 (left).
    """
    index = segment.index
    worn, bulge = traits.degeneration[index], traits.bulge_mm[index]
    wide, deep = segment.half_width - 0.5, segment.half_depth - 0.6
    high = segment.gap_mm / 2 + 5.0
    window = canvas.window(segment.frame, (-wide - 7, -deep - 7, -high), (wide + 7, deep + 7, high))
    if window.labels.size == 0:
        return
    angle = np.arctan2(window.u * np.float32(0.8), window.v) - 0.9 * aside
    push = np.float32(0.4 + 0.25 * bulge) + np.float32(bulge) * np.exp(-((angle / 0.75) ** 2))
    push = push + 0.35 * window.rough(window.noise.MEDIUM_MM, 60 + index)
    flat = np.where(window.v > 0, np.float32(3.0), np.float32(2.3))
    radius = (np.abs(window.u / wide) ** flat + np.abs(window.v / deep) ** flat) ** (1 / flat)
    side = (radius - 1) * np.float32(0.95 * deep) - push
    hollow = np.maximum(1 - radius * radius, 0) * 5.0
    over = np.abs(window.w) - (segment.gap_mm / 2 + 1.3) - hollow
    over = over + 0.9 * np.maximum(window.v, 0) / deep - 1.2 * np.maximum(-window.v, 0) / deep
    inside = (side < 0) & (over < 0)
    window.fill(inside, Tissue.LONGITUDINAL_LIGAMENT)
    window.fill(inside & (side < -_LIGAMENT_MM), Tissue.ANNULUS)
    core = radius + 0.05 * window.rough(window.noise.MEDIUM_MM, 80 + index)
    nucleus = Tissue.NUCLEUS if worn < 0.55 else Tissue.NUCLEUS_DEGENERATE
    window.fill(inside & (core < 0.72 - 0.1 * worn), nucleus, (Tissue.ANNULUS,))
    if worn < 0.45:  # the cleft of fibres that divides a healthy nucleus
        window.fill(inside & (core < 0.6) & (np.abs(window.w) < 0.5), Tissue.ANNULUS)
