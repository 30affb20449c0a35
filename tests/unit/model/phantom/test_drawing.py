"""The phantom: reproducible, varied within its ranges, with points where its foramina are."""

import numpy as np
import pytest

from model.affine import spacing_mm, to_index
from model.labels import LABELS
from model.order import impossible
from model.phantom import drawing
from model.phantom.drawing import Phantom

SEEDS = range(40, 44)


@pytest.fixture(scope="module")
def several() -> list[Phantom]:
    return [drawing.draw(seed) for seed in SEEDS]


def test_one_seed_gives_one_phantom(several: list[Phantom]) -> None:
    again = drawing.draw(SEEDS[0])
    np.testing.assert_array_equal(again.pixels, several[0].pixels)
    assert again.points == several[0].points
    assert several[1].points != several[0].points


def test_ten_points_in_possible_order_inside_the_image(several: list[Phantom]) -> None:
    for one in several:
        assert set(one.points) == set(LABELS)
        assert impossible(one.points) == {}
        index = to_index(one.grid.affine, list(one.points.values()))
        assert (index > -0.5).all()
        assert (index < np.array(one.pixels.shape) - 0.5).all()


def test_varies_within_the_ranges_of_real_protocols(several: list[Phantom]) -> None:
    for one in several:
        slice_mm, row_mm, column_mm = spacing_mm(one.grid.affine)
        assert 11 <= len(one.pixels) <= 19
        assert 3.3 <= slice_mm <= 4.8
        assert 0.5 <= row_mm <= 1.0
        assert row_mm == pytest.approx(column_mm)
        assert 248 <= one.pixels.shape[1] * row_mm <= 350
        assert one.grid.slice_thickness_mm <= slice_mm
    assert len({one.pixels.shape for one in several}) > 1


def test_slices_are_slightly_oblique_and_right_handed(several: list[Phantom]) -> None:
    for one in several:
        axes = one.grid.affine[:3, :3] / np.linalg.norm(one.grid.affine[:3, :3], axis=0)
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
        assert 0.99 < axes[0, 0] < 1.0


def test_a_foramen_is_bright_fat_with_a_dark_root(several: list[Phantom]) -> None:
    for one in several:
        bright = np.percentile(one.pixels[:, : one.pixels.shape[1] // 2], 60)
        for name in ("L1-left", "L3-right", "L4-left"):
            s, r, c = np.round(to_index(one.grid.affine, one.points[name])[0]).astype(int)
            step = round(3.0 / spacing_mm(one.grid.affine)[1])
            fat = np.median(one.pixels[s, r + step : r + 2 * step, c - 1 : c + 2])
            root = np.median(one.pixels[s, r - step : r - step + 2, c - 1 : c + 2])
            assert fat > bright, name
            assert fat > 1.3 * root, name


def test_left_and_right_are_as_far_apart_as_in_people(several: list[Phantom]) -> None:
    for one in several:
        gaps = [one.points[f"{n}-left"][0] - one.points[f"{n}-right"][0] for n in ("L1", "L5")]
        assert 24 < gaps[0] < 38
        assert gaps[1] > gaps[0]


def test_every_foramen_is_marked_on_its_slices(several: list[Phantom]) -> None:
    for one in several:
        for name, marks in one.marks.items():
            slices = to_index(one.grid.affine, marks)[:, 0]
            np.testing.assert_allclose(slices, np.round(slices), atol=1e-3)
            centre = to_index(one.grid.affine, one.points[name])[0, 0]
            assert 1 <= len(marks) <= 4
            assert np.abs(slices - centre).min() <= 0.5
