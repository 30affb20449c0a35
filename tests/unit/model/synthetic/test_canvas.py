"""Where the canvas lies and what a window paints."""

import numpy as np
import pytest

from model.synthetic.canvas import Canvas
from model.synthetic.frame import Frame
from model.synthetic.tissue import Tissue


@pytest.fixture
def canvas() -> Canvas:
    rng = np.random.default_rng(0)
    return Canvas.blank((-30, -40, -50), (30, 40, 50), (1.2, 0.8, 0.8), rng)


def test_affine_runs_right_to_left_head_to_feet_front_to_back(canvas: Canvas) -> None:
    assert canvas.affine[0, 0] > 0
    assert canvas.affine[2, 1] < 0
    assert canvas.affine[1, 2] > 0
    found = canvas.label_map().at([canvas.lower_mm, canvas.upper_mm, [500.0, 0.0, 0.0]])
    assert list(found) == [0, 0, 0]


def test_turned_window_paints_a_ball_where_it_should(canvas: Canvas) -> None:
    frame = Frame.turned((4.0, -6.0, 8.0), 30.0, 12.0, -7.0)
    window = canvas.window(frame, (-9, -9, -9), (9, 9, 9))
    window.fill(window.u**2 + window.v**2 + window.w**2 < 64, Tissue.MARROW)
    index = np.argwhere(canvas.labels == Tissue.MARROW)
    place = index @ canvas.affine[:3, :3].T + canvas.affine[:3, 3]
    np.testing.assert_allclose(place.mean(axis=0), (4.0, -6.0, 8.0), atol=0.1)
    volume_mm3 = len(index) * 1.2 * 0.8 * 0.8
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * 512, rel=0.03)


def test_fill_respects_what_it_may_replace(canvas: Canvas) -> None:
    window = canvas.box((-5, -5, -5), (5, 5, 5))
    window.fill(window.u < 0, Tissue.CSF)
    window.fill(np.ones(window.labels.shape, bool), Tissue.CORD, (Tissue.CSF,))
    assert set(np.unique(window.labels)) == {Tissue.AIR, Tissue.CORD}
