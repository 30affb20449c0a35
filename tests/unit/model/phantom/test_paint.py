"""Painting: soft edges where the surface is."""

import numpy as np
import pytest

from model.phantom.paint import Grid, Outline, Part, paint

GRID_MM = 0.5


def painted(part: Part) -> np.ndarray:
    affine = np.diag([4.0, 0.0, 0.0, 1.0])
    affine[:3, 1] = (0, 0, -GRID_MM)
    affine[:3, 2] = (0, GRID_MM, 0)
    affine[:3, 3] = (-4.0, -20.0, 20.0)
    outline = Outline(np.array([-100.0, 100.0]), np.array([0.0, 0.0]), muscle=0.3, scale=1.0)
    return paint(Grid(affine, (3, 81, 81), 3.0), outline, (part,))


def test_an_ellipse_has_its_area_and_brightness() -> None:
    part = Part(np.array([0.0, 5.0, 2.0]), np.eye(3), (20.0, 6.0, 9.0), 0.9, boxy=False)
    middle = painted(part)[1]
    assert middle[36, 50] == pytest.approx(0.9)
    area_mm2 = float(((middle - 0.3) / 0.6)[:, 10:].clip(0, 1).sum()) * GRID_MM**2
    assert area_mm2 == pytest.approx(np.pi * 6 * 9, rel=0.06)


def test_a_rim_surrounds_a_box() -> None:
    part = Part(np.array([0.0, 5.0, 2.0]), np.eye(3), (20.0, 8.0, 8.0), 0.6, rim=0.1)
    row = painted(part)[1][36]
    assert row[50] == pytest.approx(0.6)
    assert row[50 - 15] == pytest.approx(0.1, abs=0.12)
    assert row[50 - 20] == pytest.approx(0.3)


def test_a_part_beside_the_slices_leaves_them_alone() -> None:
    far = Part(np.array([60.0, 5.0, 2.0]), np.eye(3), (5.0, 8.0, 8.0), 0.9)
    empty = Part(np.array([0.0, 900.0, 2.0]), np.eye(3), (5.0, 8.0, 8.0), 0.9)
    np.testing.assert_array_equal(painted(far), painted(empty))
