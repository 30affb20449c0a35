"""Layers between height fields: every voxel between the skins gets its tissue."""

import numpy as np

from model.synthetic import layers
from model.synthetic.tissue import Tissue
from tests.toy_trunk import toy_canvas


def test_each_layer_lies_between_its_borders() -> None:
    canvas = toy_canvas()
    shape = canvas.labels.shape[:2]
    borders = [np.full(shape, y, dtype=np.float32) for y in (-100.0, -50.0, 0.0)]
    layers.fill(canvas, borders, (Tissue.SUBCUTANEOUS_FAT, Tissue.MUSCLE))
    y = canvas.axes_mm()[2]
    line = canvas.labels[3, 40]
    assert set(line[(y >= -100) & (y < -50)]) == {Tissue.SUBCUTANEOUS_FAT}
    assert set(line[(y >= -50) & (y < 0)]) == {Tissue.MUSCLE}
    assert set(line[(y < -100) | (y >= 0)]) == {Tissue.AIR}


def test_a_border_in_front_of_the_one_before_leaves_no_gap() -> None:
    canvas = toy_canvas()
    shape = canvas.labels.shape[:2]
    borders = [np.full(shape, y, dtype=np.float32) for y in (-100.0, 20.0, -20.0, 60.0)]
    layers.fill(canvas, borders, (Tissue.SKIN, Tissue.FASCIA, Tissue.MUSCLE))
    y = canvas.axes_mm()[2]
    assert set(canvas.labels[0, 0, (y >= -100) & (y < 60)]) == {Tissue.SKIN, Tissue.MUSCLE}


def test_tissues_may_vary_over_the_sheet_and_borders_may_lie_outside() -> None:
    canvas = toy_canvas()
    shape = canvas.labels.shape[:2]
    borders = [np.full(shape, y, dtype=np.float32) for y in (-1e4, 1e4)]
    tissue = np.full(shape, Tissue.MUSCLE, dtype=np.uint8)
    tissue[5:] = Tissue.FASCIA
    layers.fill(canvas, borders, (tissue,))
    assert np.all(canvas.labels[:5] == Tissue.MUSCLE)
    assert np.all(canvas.labels[5:] == Tissue.FASCIA)


def test_a_sheet_replaces_one_tissue_only() -> None:
    canvas = toy_canvas()
    canvas.labels[:10] = Tissue.MUSCLE
    shape = canvas.labels.shape[:2]
    where = np.ones(shape, dtype=bool)
    layers.lay(
        canvas, np.zeros(shape, np.float32), where, tissue=Tissue.FASCIA, over=Tissue.MUSCLE,
        thickness=2,
    )  # fmt: skip
    assert np.all((canvas.labels[:10] == Tissue.FASCIA).sum(axis=2) == 2)
    assert not canvas.labels[10:].any()


def test_smooth_sheets_have_about_unit_variance_and_no_jumps() -> None:
    rng = np.random.default_rng(1)
    sheets = np.array([layers.smooth_sheet(rng, (60, 200), (4, 8)) for _ in range(40)])
    assert 0.6 < sheets.std() < 1.4
    assert np.abs(np.diff(sheets, axis=2)).max() < 0.5
