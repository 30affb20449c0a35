"""What the networks see: the place of every pixel is known, through resampling and mirrors."""

import numpy as np
import pytest

from model.affine import to_index
from model.labels import Side
from model.localiser.inputs import crop, standardise, whole
from model.localiser.spec import FineSpec
from model.preprocess import Prepared, orient

SPEC = FineSpec()


def bead(point_mm: np.ndarray, *, head_first: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Give a stack with one soft bright bead, oblique, and rows to the feet or to the head."""
    affine = np.eye(4)
    affine[:3, 0] = (4.0, 0.3, 0.2)
    affine[:3, 1] = np.array([0.0, 0.05, -1.0]) * 0.7 * (1 if head_first else -1)
    affine[:3, 2] = (-0.05, 0.7, 0.03)
    affine[:3, 3] = point_mm - affine[:3, :3] @ np.array([5.0, 190.3, 160.8])
    grid = np.stack(np.meshgrid(*map(np.arange, (13, 400, 320)), indexing="ij"), -1)
    apart = (grid - np.array([5.0, 190.3, 160.8])) * np.array([6.0, 0.7, 0.7])
    pixels = np.exp(-0.5 * (apart**2).sum(-1) / 3.0**2).astype(np.float32)
    return pixels, affine


def brightest_mm(prepared: Prepared) -> np.ndarray:
    weight = np.clip(prepared.pixels - prepared.pixels.min() - 1.0, 0, None)
    index = np.stack(np.meshgrid(*map(np.arange, weight.shape), indexing="ij"), -1)
    mean = (index * weight[..., None]).sum((0, 1, 2)) / weight.sum()
    return prepared.to_patient(mean)[0]


@pytest.mark.parametrize("head_first", [True, False])
def test_the_whole_keeps_its_place(head_first: bool) -> None:
    point = np.array([12.0, -30.0, 45.0])
    low = whole(*bead(point, head_first=head_first), 2.8, 16)
    assert low.pixels.shape[1] % 16 == 0
    assert low.pixels.shape[2] % 16 == 0
    np.testing.assert_allclose(brightest_mm(low), point, atol=0.2)
    np.testing.assert_allclose(np.linalg.norm(low.affine[:3, 1:3], axis=0), 2.8, rtol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("head_first", [True, False])
def test_a_crop_leads_back_to_the_patient(side: Side, head_first: bool) -> None:
    point = np.array([-20.0, 14.0, 5.0])
    prepared = orient(Prepared(*bead(point, head_first=head_first)))
    cut = crop(prepared, point + np.array([3.0, 4.0, -6.0]), side, SPEC)
    assert cut.pixels.shape == SPEC.shape
    np.testing.assert_allclose(brightest_mm(cut), point, atol=0.25)
    assert (cut.affine[0, 0] > 0) == (side == "left")


def test_a_right_crop_is_the_mirror_of_a_left_one() -> None:
    point = np.array([-20.0, 14.0, 5.0])
    prepared = orient(Prepared(*bead(point)))
    left, right = (crop(prepared, point, side, SPEC).pixels for side in ("left", "right"))
    np.testing.assert_array_equal(left, right[::-1])


def test_outside_the_series_stands_zero() -> None:
    point = np.array([0.0, 0.0, 0.0])
    pixels, affine = bead(point)
    noise = np.random.default_rng(0).normal(5, 1, pixels.shape).astype(np.float32)
    prepared = orient(Prepared(noise, affine))
    first = prepared.to_patient((0, 200, 160))[0]
    cut = crop(prepared, first, "left", SPEC)
    assert not cut.pixels[:2].any()
    assert cut.pixels[2:].any()


def test_fine_pixels_do_not_alias_into_coarse_ones() -> None:
    stripes = np.tile(np.arange(400) % 2, (9, 400, 1)).astype(np.float32)
    stripes[:, :200] += 2
    affine = np.diag([4.0, 1, 1, 1])
    affine[:3, :3] = np.array([[4.0, 0, 0], [0, 0, 0.6], [0, -0.6, 0]])
    low = whole(stripes, affine, 2.8, 1)
    upper = low.pixels[4, 5:30, 5:-5]
    assert upper.std() < 0.05 * abs(low.pixels[4, 10, 10] - low.pixels[4, -10, 10])


def test_standardise_stands_outliers_blanks_and_numbers_that_are_none() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(100, 10, (5, 40, 40)).astype(np.float32)
    values[0, 0, :3] = (1e9, np.nan, -np.inf)
    standard = standardise(values)
    assert np.isfinite(standard).all()
    assert standard.std() == pytest.approx(1, abs=0.05)
    assert not standardise(np.full((3, 4, 4), 7.0)).any()


def test_the_affine_of_a_crop_has_its_pixel_size() -> None:
    prepared = orient(Prepared(*bead(np.zeros(3))))
    cut = crop(prepared, np.zeros(3), "left", SPEC)
    np.testing.assert_allclose(np.linalg.norm(cut.affine[:3, 1:3], axis=0), SPEC.pixel_mm)
    np.testing.assert_allclose(
        to_index(cut.affine, np.zeros(3))[0], (2, 23.5, 23.5), atol=(0.5, 1e-6, 1e-6)[0]
    )
