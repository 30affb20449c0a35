"""Tubes along curved lines: dural sac, cord, nerve roots, vessels of the bone."""

import itertools
from collections.abc import Collection

import numpy as np
from scipy.interpolate import CubicSpline

from model.affine import FloatArray
from model.synthetic.canvas import PATIENT, Canvas
from model.synthetic.solid import Bar
from model.synthetic.tissue import Tissue

_LEFT = (1.0, 0.0, 0.0)


def smooth_line(points_mm: FloatArray, step_mm: float) -> FloatArray:
    """Lay a cubic spline through (n, d) points and sample it about every `step_mm`.

    The first three columns are a place; further columns (radii) are carried along.
    """
    length = np.concatenate(
        [[0.0], np.cumsum(np.linalg.norm(np.diff(points_mm[:, :3], axis=0), axis=1))]
    )
    count = max(2, int(np.ceil(length[-1] / step_mm)) + 1)
    at = np.linspace(0.0, length[-1], count)
    return np.asarray(CubicSpline(length, points_mm)(at))


def paint(
    canvas: Canvas,
    line_mm: FloatArray,
    tissue: Tissue,
    over: Collection[Tissue] | None,
) -> None:
    """Paint a tube with elliptical section.

    Args:
        canvas: to paint on.
        line_mm: (n, 5): x, y, z, half width (left-right), half depth across it; LPS mm.
        tissue: of the tube.
        over: tissues that it may replace; None for all.
    """
    for first, last in itertools.pairwise(line_mm):
        start, end = first[:3].tolist(), last[:3].tolist()
        if np.allclose(start, end):
            continue
        bar = Bar(tuple(start), tuple(end), (first[3], last[3]), (first[4], last[4]), _LEFT)
        window = canvas.window(PATIENT, *bar.box())
        if window.labels.size == 0:
            continue
        window.fill(bar.distance(window) < 0, tissue, over)
