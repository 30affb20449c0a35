"""Implicit solids."""

import numpy as np
import pytest

from model.synthetic.canvas import Canvas
from model.synthetic.frame import Frame
from model.synthetic.solid import Bar, Field, intersect, unite


@pytest.fixture
def canvas() -> Canvas:
    rng = np.random.default_rng(0)
    return Canvas.blank((-30, -40, -50), (30, 40, 50), (1.2, 0.8, 0.8), rng)


def test_bar_is_zero_on_its_surface(canvas: Canvas) -> None:
    bar = Bar((0.0, 0.0, -10.0), (0.0, 0.0, 10.0), (4.0, 4.0), (2.0, 2.0), (0.0, 1.0, 0.0))
    window = canvas.box((-6, -6, -1), (6, 6, 1))
    value = bar.distance(window)
    assert np.all(value[np.abs(window.u) > 2.1] > 0)
    assert np.all(value[(np.abs(window.u) < 0.7) & (np.abs(window.v) < 3.5)] < 0)


def test_field_joins_parts_and_carves(canvas: Canvas) -> None:
    field = Field.open(canvas, Frame.turned(np.zeros(3), 5.0), (-20, -20, -20), (20, 20, 20))
    field.add(Bar((-10.0, 0.0, 0.0), (10.0, 0.0, 0.0), (4.0, 4.0), (4.0, 4.0)))
    full = np.count_nonzero(field.value < 0)
    place, part = field.part((-3, -20, -20), (3, 20, 20))
    field.carve(part, np.abs(place.u) - 3)
    assert 0 < np.count_nonzero(field.value < 0) < full


def test_unite_and_intersect_keep_the_sign() -> None:
    a, b = np.float32([-5, 5, 5]), np.float32([5, -5, 5])
    assert list(unite(a, b, 1.0) < 0) == [True, True, False]
    assert list(intersect(a, np.float32([-5, -5, -5])) < 0) == [True, False, False]
