"""Bowel: loops with a wall, in the cavity, never in place of another organ."""

import numpy as np
import pytest
from scipy import ndimage

from model.affine import to_patient
from model.synthetic import bowel, trunk
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits

LADDER = Ladder.of(toy_spine())
GUT = (Tissue.BOWEL_WALL, Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS)


def _painted(seed: int) -> tuple[Canvas, Canvas]:
    canvas = toy_canvas((2.4, 1.6, 1.6))
    traits = toy_traits(seed)
    rng = np.random.default_rng(seed)
    surfaces = trunk.outline(canvas, LADDER, traits, rng)
    trunk.fill(canvas, surfaces, LADDER, rng)
    before = Canvas(canvas.labels.copy(), canvas.affine, canvas.noise)
    bowel.paint(canvas, LADDER, surfaces, traits, rng)
    return before, canvas


@pytest.mark.parametrize("seed", [1, 2])
def test_only_visceral_fat_becomes_bowel(seed: int) -> None:
    before, after = _painted(seed)
    changed = before.labels != after.labels
    assert set(np.unique(before.labels[changed])) == {Tissue.VISCERAL_FAT}
    assert set(np.unique(after.labels[changed])) <= {*GUT, Tissue.VESSEL}


def test_content_is_wrapped_in_wall() -> None:
    labels = _painted(1)[1].labels
    hollow = np.isin(labels, (Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS))
    rim = ndimage.binary_dilation(hollow) & (labels == Tissue.VISCERAL_FAT)
    assert rim.sum() < 0.02 * hollow.sum()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loops_fill_some_of_the_cavity_and_keep_off_the_lumbar_bodies(seed: int) -> None:
    canvas = _painted(seed)[1]
    gut = np.isin(canvas.labels, GUT)
    assert 0.05 < gut.sum() / np.sum(gut | (canvas.labels == Tissue.VISCERAL_FAT)) < 0.7
    points = to_patient(canvas.affine, np.argwhere(gut))
    lumbar = points[(points[:, 2] > LADDER.height(1.5)) & (np.abs(points[:, 0]) < 25)]
    assert np.all(lumbar[:, 1] < LADDER.front_at(lumbar[:, 2]) - 8)


def test_gas_stands_in_front_of_fluid() -> None:
    labels = _painted(3)[1].labels
    gas, fluid = (labels == one for one in (Tissue.BOWEL_GAS, Tissue.BOWEL_CONTENT))
    before = np.count_nonzero(gas[..., :-1] & fluid[..., 1:])
    behind = np.count_nonzero(fluid[..., :-1] & gas[..., 1:])
    assert before > 1.5 * behind  # not 0: loops lie upon each other
