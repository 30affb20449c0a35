"""Solids by axial ellipses: size, place, turn, and what lies outside the canvas."""

import numpy as np
import pytest

from model.affine import to_patient
from model.synthetic.column import Column, wander
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas

VOXEL_ML = 3.0 * 2.0 * 2.0


@pytest.mark.parametrize("turn_deg", [0.0, 35.0])
def test_an_ellipsoid_has_its_volume_and_its_centre(turn_deg: float) -> None:
    canvas = toy_canvas()
    Column.ellipsoid((10.0, -40.0, 80.0), (20, 30, 40), turn_deg=turn_deg).fill(
        canvas, Tissue.LIVER
    )
    index = np.argwhere(canvas.labels == Tissue.LIVER)
    assert len(index) * VOXEL_ML == pytest.approx(4 / 3 * np.pi * 20 * 30 * 40, rel=0.04)
    assert np.allclose(to_patient(canvas.affine, index).mean(axis=0), (10, -40, 80), atol=0.5)


def test_a_turn_moves_the_left_end_backwards() -> None:
    canvas = toy_canvas()
    Column.ellipsoid((0.0, 0.0, 80.0), (40, 8, 40), turn_deg=30).fill(canvas, Tissue.LIVER)
    x, y, _ = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.LIVER)).T
    assert y[x > 25].mean() > 10 > -10 > y[x < -25].mean()


def test_knots_are_sorted_and_interpolated() -> None:
    canvas = toy_canvas()
    Column.of([(100, 0, 0, 20, 20), (0, 0, -60, 20, 20)]).fill(canvas, Tissue.AORTA)
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.AORTA))
    middle = points[np.abs(points[:, 2] - 50) < 3]
    assert middle[:, 1].mean() == pytest.approx(-30, abs=1.5)


def test_only_the_given_tissues_are_painted_over() -> None:
    canvas = toy_canvas()
    canvas.labels[:, :, :100] = Tissue.VISCERAL_FAT
    Column.ellipsoid((0, 0, 50), (50, 150, 50)).fill(canvas, Tissue.LIVER, (Tissue.VISCERAL_FAT,))
    assert not np.any(canvas.labels[:, :, 100:])
    assert np.any(canvas.labels[:, :, :100] == Tissue.LIVER)


def test_a_column_outside_the_canvas_paints_nothing() -> None:
    canvas = toy_canvas()
    Column.ellipsoid((900.0, 0.0, 0.0), (10, 10, 10)).fill(canvas, Tissue.LIVER, rough=0.1)
    assert not canvas.labels.any()


def test_a_wandering_course_is_smooth_and_of_the_given_size() -> None:
    rng = np.random.default_rng(5)
    courses = np.array([wander(rng, 60, 4.0) for _ in range(200)])
    assert 2.5 < courses.std() < 5.0
    assert np.abs(np.diff(courses, axis=1)).max() < 4.0
