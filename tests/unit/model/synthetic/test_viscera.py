"""Organs of the upper abdomen: where they lie and that they stay there."""

import numpy as np
import pytest

from model.affine import FloatArray, to_patient
from model.synthetic import trunk, viscera
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits

LADDER = Ladder.of(toy_spine())


def _painted(seed: int) -> Canvas:
    canvas = toy_canvas()
    traits = toy_traits(seed)
    rng = np.random.default_rng(seed)
    surfaces = trunk.outline(canvas, LADDER, traits, rng)
    trunk.fill(canvas, surfaces, LADDER, rng)
    viscera.paint(canvas, LADDER, surfaces, traits, rng)
    viscera.paint_ribs(canvas, toy_spine())
    return canvas


def _points(canvas: Canvas, *tissues: Tissue) -> FloatArray:
    return to_patient(canvas.affine, np.argwhere(np.isin(canvas.labels, tissues)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_kidney_lies_on_each_side_between_t11_and_l4(seed: int) -> None:
    points = _points(_painted(seed), Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA)
    for side in (-1, 1):
        own = points[side * points[:, 0] > 0]
        assert 35 < np.abs(own[:, 0]).mean() < 75
        assert 3.0 < LADDER.level_at(own[:, 2].mean()) < 6.5
        assert np.abs(own[:, 0]).min() > 15


def test_the_medulla_is_inside_the_cortex() -> None:
    labels = _painted(1).labels
    medulla = labels == Tissue.KIDNEY_MEDULLA
    outside = (labels == Tissue.VISCERAL_FAT)[:, :-1] & medulla[:, 1:]
    assert outside.sum() < 0.12 * medulla.sum()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_liver_is_on_the_right_and_the_stomach_on_the_left(seed: int) -> None:
    canvas = _painted(seed)
    assert _points(canvas, Tissue.LIVER)[:, 0].mean() < -10
    high = _points(canvas, Tissue.STOMACH)
    assert high[high[:, 2] > LADDER.height(6.0)][:, 0].mean() > 10


def test_lung_is_only_above_the_lumbar_spine_and_behind_its_diaphragm() -> None:
    canvas = _painted(2)
    assert _points(canvas, Tissue.LUNG)[:, 2].min() > LADDER.height(4.0)
    lung = canvas.labels == Tissue.LUNG
    bare = (canvas.labels[:, :, :-1] == Tissue.VISCERAL_FAT) & lung[:, :, 1:]
    assert not bare.any()


def test_only_ribbed_vertebrae_carry_ribs() -> None:
    ribs = _points(_painted(1), Tissue.RIB)
    assert ribs[:, 2].min() > LADDER.height(4.0)
    for one in toy_spine().vertebrae:
        if one.ribs and one.number < 8:
            near = ribs[np.abs(ribs[:, 2] - one.frame.origin_mm[2]) < 14]
            assert near[:, 0].min() < -30 < 30 < near[:, 0].max()
