"""Muscles beside and behind the spine, and their fat."""

import numpy as np
import pytest

from model.affine import to_patient
from model.synthetic import muscle, trunk
from model.synthetic.canvas import Canvas
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits


def _painted(share: float, scale: float = 1.0) -> Canvas:
    canvas = toy_canvas()
    ladder = Ladder.of(toy_spine())
    traits = toy_traits(1, muscle_fat=share, muscle_scale=scale)
    rng = np.random.default_rng(1)
    surfaces = trunk.outline(canvas, ladder, traits, rng)
    trunk.fill(canvas, surfaces, ladder, rng)
    muscle.paint(canvas, ladder, surfaces, traits, rng)
    return canvas


def _fat_share(canvas: Canvas) -> float:
    ladder = Ladder.of(toy_spine())
    z = canvas.axes_mm()[1]
    back = canvas.labels[:, (z > ladder.height(0.0)) & (z < ladder.height(5.0))]
    fat, lean = (np.sum(back == one) for one in (Tissue.MUSCLE_FAT, Tissue.MUSCLE))
    return float(fat / (fat + lean))


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0.02, 0.15), (0.3, 0.15, 0.45), (0.6, 0.35, 0.8)]
)
def test_the_share_of_fat_follows_the_trait(share: float, least: float, most: float) -> None:
    assert least < _fat_share(_painted(share)) < most


def test_streaks_run_along_the_body() -> None:
    fat = _painted(0.2).labels == Tissue.MUSCLE_FAT
    along = np.sum(fat[:, 1:] & fat[:, :-1]) / fat.sum()
    through = np.sum(fat[:, :, 1:] & fat[:, :, :-1]) / fat.sum()
    assert along > 1.2 * through


def test_the_psoas_lies_on_both_sides_and_is_thickest_in_the_lower_lumbar_spine() -> None:
    canvas = _painted(0.1)
    ladder = Ladder.of(toy_spine())
    points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.PSOAS))
    level = ladder.level_at(points[:, 2])
    assert np.abs(points[:, 0]).min() > 15
    assert 0.8 < np.sum(points[:, 0] > 0) / np.sum(points[:, 0] < 0) < 1.25
    counts = np.histogram(level, [1.5, 2.5, 3.5, 4.5, 5.5])[0]
    assert np.all(np.diff(counts) < 0)


def test_strong_people_have_a_thicker_psoas() -> None:
    weak, strong = (np.sum(_painted(0.1, one).labels == Tissue.PSOAS) for one in (0.8, 1.2))
    assert strong > 1.5 * weak


def test_fat_in_the_psoas_runs_in_strands_that_grow_with_the_trait() -> None:
    lean, fatty = (_painted(share) for share in (0.0, 0.6))
    ladder = Ladder.of(toy_spine())
    counts = []
    for canvas in (lean, fatty):
        points = to_patient(canvas.affine, np.argwhere(canvas.labels == Tissue.MUSCLE_FAT))
        before = ladder.centre_at(points[:, 2]) + 10
        counts.append(int(np.sum((points[:, 1] < before) & (points[:, 2] > ladder.height(1.0)))))
    assert 0 < counts[0] < counts[1] / 3
