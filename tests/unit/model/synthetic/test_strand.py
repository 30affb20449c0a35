"""Thin vessels: where they go, what they replace, and the canvas's edge."""

import numpy as np

from model.affine import to_patient
from model.synthetic import strand
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas


def test_a_strand_follows_its_points_with_its_radius() -> None:
    canvas = toy_canvas((1.0, 1.0, 1.0))
    canvas.labels[:] = Tissue.VISCERAL_FAT
    line = np.stack([np.zeros(100), np.zeros(100), np.linspace(0, 60, 100)], axis=1)
    strand.paint(canvas, line, 3.0, Tissue.VESSEL, Tissue.VISCERAL_FAT)
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.VESSEL))
    assert 2.0 < np.hypot(points[:, 0], points[:, 1]).max() < 4.3
    assert np.ptp(points[:, 2]) > 60


def test_only_one_tissue_is_replaced_and_the_edge_is_safe() -> None:
    canvas = toy_canvas()
    canvas.labels[:25] = Tissue.VISCERAL_FAT
    line = np.stack([np.linspace(-300, 300, 800)] + [np.zeros(800)] * 2, axis=1)
    strand.paint(canvas, line, 4.0, Tissue.VESSEL, Tissue.VISCERAL_FAT)
    assert np.any(canvas.labels[:25] == Tissue.VESSEL)
    assert not canvas.labels[25:].any()


def test_a_course_starts_at_its_start_and_heads_on() -> None:
    rng = np.random.default_rng(2)
    line = strand.course((1.0, 2.0, 3.0), (0, 0, -2.0), 40.0, 0.0, rng)
    assert np.allclose(line[0], (1, 2, 3))
    assert np.allclose(line[-1], (1, 2, 3 - 39.2))
