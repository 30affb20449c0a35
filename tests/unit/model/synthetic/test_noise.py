"""Smooth noise."""

import numpy as np
import pytest

from model.synthetic.canvas import Canvas


@pytest.fixture
def canvas() -> Canvas:
    rng = np.random.default_rng(0)
    return Canvas.blank((-30, -40, -50), (30, 40, 50), (1.2, 0.8, 0.8), rng)


def test_noise_is_standard_and_repeats_by_key(canvas: Canvas) -> None:
    window = canvas.box((-30, -40, -50), (30, 40, 50))
    bumps = window.rough(window.noise.MEDIUM_MM, 1)
    assert abs(float(bumps.mean())) < 0.2
    assert 0.7 < float(bumps.std()) < 1.3
    assert np.array_equal(bumps, window.rough(window.noise.MEDIUM_MM, 1))
    assert not np.array_equal(bumps, window.rough(window.noise.MEDIUM_MM, 2))
