"""The trunk as a whole: complete, seeded, and as fat as its traits say."""

import functools

import numpy as np
import pytest

from model.synthetic import trunk
from model.synthetic.canvas import Canvas
from model.synthetic.labelmap import LabelArray
from model.synthetic.ladder import Ladder
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas, toy_spine, toy_traits


@functools.cache
def _painted(seed: int = 1, fat_mm: float = 20.0, trunk_depth_mm: float = 85.0) -> LabelArray:
    canvas = toy_canvas(seed=seed)
    traits = toy_traits(seed, fat_mm=fat_mm, belly_fat_mm=15.0, trunk_depth_mm=trunk_depth_mm)
    trunk.paint(canvas, toy_spine(), traits, np.random.default_rng(seed))
    return canvas.labels


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_voxel_between_the_skins_is_air(seed: int) -> None:
    inside = _painted(seed) != Tissue.AIR
    edges = np.diff(np.pad(inside, ((0, 0), (0, 0), (1, 1))).astype(np.int8), axis=2)
    assert np.all((edges == 1).sum(axis=2) == 1)


def test_the_body_begins_with_skin_and_then_fat() -> None:
    canvas = toy_canvas((6.0, 2.0, 0.8))
    traits = toy_traits(1, belly_fat_mm=15.0)
    trunk.paint(canvas, toy_spine(), traits, np.random.default_rng(1))
    first = np.argmax(canvas.labels != Tissue.AIR, axis=2)[:, :, None]
    assert np.mean(np.take_along_axis(canvas.labels, first, axis=2) == Tissue.SKIN) > 0.98
    deeper = np.take_along_axis(canvas.labels, first + 6, axis=2)
    assert np.mean(deeper == Tissue.SUBCUTANEOUS_FAT) > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    again = toy_canvas(seed=1)
    traits = toy_traits(1, fat_mm=20.0, belly_fat_mm=15.0, trunk_depth_mm=85.0)
    trunk.paint(again, toy_spine(), traits, np.random.default_rng(1))
    assert again.labels.tobytes() == _painted(1).tobytes()
    assert again.labels.tobytes() != _painted(2).tobytes()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_tissues_around_a_lumbar_spine_are_all_there(seed: int) -> None:
    expected = {
        Tissue.SKIN, Tissue.SUBCUTANEOUS_FAT, Tissue.FASCIA, Tissue.MUSCLE, Tissue.MUSCLE_FAT,
        Tissue.PSOAS, Tissue.QUADRATUS, Tissue.ABDOMINAL_WALL, Tissue.VISCERAL_FAT, Tissue.AORTA,
        Tissue.VENA_CAVA, Tissue.VESSEL, Tissue.BOWEL_WALL, Tissue.BOWEL_CONTENT, Tissue.LIVER,
        Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA, Tissue.ILIAC_MARROW, Tissue.LUNG,
        Tissue.DIAPHRAGM, Tissue.BLADDER, Tissue.STOMACH, Tissue.RIB,
    }  # fmt: skip
    assert expected <= set(np.unique(_painted(seed)))


def _back_fat_mm(labels: LabelArray, canvas: Canvas) -> float:
    """Measure the fat behind L4 and L5, from the skin inwards to the fascia."""
    z = canvas.axes_mm()[1]
    ladder = Ladder.of(toy_spine())
    rows = (z > ladder.height(1.0)) & (z < ladder.height(2.0))
    lines = labels[15:35, rows][:, :, ::-1].reshape(-1, labels.shape[2])
    fat = lines == Tissue.SUBCUTANEOUS_FAT
    muscle = np.isin(lines, (Tissue.MUSCLE, Tissue.MUSCLE_FAT)).argmax(axis=1)
    before = np.arange(lines.shape[1])[None, :] < muscle[:, None]
    return float((fat & before).sum(axis=1).mean() * 2.0)


@pytest.mark.parametrize("fat_mm", [10.0, 20.0, 50.0])
def test_the_fat_behind_the_lower_lumbar_spine_follows_the_trait(fat_mm: float) -> None:
    measured = _back_fat_mm(_painted(1, fat_mm), toy_canvas())
    assert measured == pytest.approx(fat_mm, rel=0.4)


def test_a_deeper_trunk_has_its_belly_further_in_front() -> None:
    slim, deep = (_painted(1, 20.0, depth) for depth in (50.0, 120.0))
    row = slim.shape[1] // 2
    gap = np.argmax(slim[20, row] > 0) - np.argmax(deep[20, row] > 0)
    assert gap * 2.0 == pytest.approx(70.0, abs=8.0)


def test_a_canvas_that_cuts_the_belly_off_is_filled_to_its_edge() -> None:
    rng = np.random.default_rng(4)
    canvas = Canvas.blank((-60, -60, -40), (60, 60, 200), (3.0, 3.0, 3.0), rng)
    trunk.paint(canvas, toy_spine(), toy_traits(4), rng)
    assert canvas.labels.all()
