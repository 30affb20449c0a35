"""The pelvis beside and before the sacrum."""

import numpy as np
import pytest

from model.affine import to_patient
from model.synthetic import pelvis, trunk
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits

LADDER = Ladder.of(toy_spine())


def _painted(seed: int, sex: str = "F") -> Canvas:
    canvas = toy_canvas()
    traits = toy_traits(seed, sex=sex)
    rng = np.random.default_rng(seed)
    surfaces = trunk.outline(canvas, LADDER, traits, rng)
    trunk.fill(canvas, surfaces, LADDER, rng)
    pelvis.paint(canvas, LADDER, traits, rng)
    return canvas


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_wing_stands_on_each_side_of_the_sacrum(seed: int) -> None:
    canvas = _painted(seed)
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.ILIAC_MARROW))
    points = points[points[:, 2] > LADDER.height(-2.2)]
    assert np.all(np.abs(points[:, 0]) > 35)
    assert min(np.sum(points[:, 0] > 0), np.sum(points[:, 0] < 0)) > 300
    assert points[:, 2].max() < LADDER.height(2.2)


def test_marrow_is_wrapped_in_cortex() -> None:
    labels = _painted(1).labels
    marrow = labels == Tissue.ILIAC_MARROW
    soft = np.isin(labels, (Tissue.VISCERAL_FAT, Tissue.MUSCLE))
    bare = (marrow[:, :, 1:] & soft[:, :, :-1]).sum() + (marrow[:, :, :-1] & soft[:, :, 1:]).sum()
    assert bare < 0.05 * marrow.sum()


@pytest.mark.parametrize("sex", ["F", "M"])
def test_the_bladder_lies_in_front_of_the_sacrum(sex: str) -> None:
    canvas = _painted(2, sex)
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.BLADDER))
    assert len(points) > 200
    assert points[:, 1].mean() < LADDER.front_at(LADDER.height(-2.0)) - 30
    assert points[:, 2].max() < LADDER.height(1.0)
