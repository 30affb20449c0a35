"""Tubes along curved lines."""

import numpy as np
import pytest

from model.synthetic import tube
from model.synthetic.canvas import Canvas
from model.synthetic.tissue import Tissue


@pytest.fixture
def canvas() -> Canvas:
    rng = np.random.default_rng(0)
    return Canvas.blank((-30, -40, -50), (30, 40, 50), (1.2, 0.8, 0.8), rng)


def test_tube_follows_its_line(canvas: Canvas) -> None:
    knots = np.array([[0, 0, -30, 3, 3], [5, 5, 0, 3, 3], [0, 0, 30, 3, 3]], dtype=float)
    line = tube.smooth_line(knots, 4.0)
    tube.paint(canvas, line, Tissue.CSF, None)
    assert np.all(canvas.label_map().at(line[:, :3]) == Tissue.CSF)
