"""The great vessels: sides, width, fork, plaques."""

import numpy as np
import pytest
from scipy import ndimage

from model.affine import FloatArray, to_patient
from model.synthetic import vessel
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits

LADDER = Ladder.of(toy_spine())


def _painted(seed: int, calcified: float = 0.1) -> Canvas:
    canvas = toy_canvas()
    canvas.labels[:] = Tissue.VISCERAL_FAT
    traits = toy_traits(seed, calcified=calcified, scale=1.0, breadth=1.0)
    vessel.paint(canvas, LADDER, toy_spine(), traits, np.random.default_rng(seed))
    return canvas


def _points(canvas: Canvas, tissue: Tissue, level: float) -> FloatArray:
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == tissue))
    return points[np.abs(points[:, 2] - float(LADDER.height(level))) < 4]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_aorta_lies_left_of_the_vena_cava_before_the_bodies(seed: int) -> None:
    canvas = _painted(seed)
    aorta, cava = (_points(canvas, one, 3.0) for one in (Tissue.AORTA, Tissue.VENA_CAVA))
    assert aorta[:, 0].mean() > cava[:, 0].mean() + 10
    front = float(LADDER.front_at(LADDER.height(3.0)))
    assert aorta[:, 1].max() < front + 4
    assert aorta[:, 1].min() > front - 45


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_aorta_is_one_to_two_and_a_half_centimetres_wide(seed: int) -> None:
    assert 10 < np.ptp(_points(_painted(seed), Tissue.AORTA, 3.5)[:, 0]) + 3 < 26


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_forks_between_l4_and_the_sacrum(seed: int) -> None:
    canvas = _painted(seed)
    z = canvas.axes_mm()[1]
    counts = {}
    for level in (3.5, 0.2):
        row = int(np.argmin(np.abs(z - float(LADDER.height(level)))))
        counts[level] = ndimage.label(canvas.labels[:, row] == Tissue.AORTA)[1]
    assert counts == {3.5: 1, 0.2: 2}


def test_only_worn_arteries_have_plaques() -> None:
    assert not np.any(_painted(1, 0.2).labels == Tissue.CORTICAL_BONE)
    assert np.any(_painted(1, 0.95).labels == Tissue.CORTICAL_BONE)


def test_segmental_vessels_pass_beside_every_body() -> None:
    canvas = _painted(1)
    for one in toy_spine().vertebrae[:5]:
        x, _, z = one.frame.origin_mm
        points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.VESSEL))
        near = points[np.abs(points[:, 2] - z) < 9]
        assert near[:, 0].min() < x - 20 < x + 20 < near[:, 0].max()
