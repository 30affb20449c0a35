"""Preprocessing: each step by itself, against values worked out by hand, and switched off."""

import dataclasses

import numpy as np
import pytest

from model import preprocess
from model.cases import Case
from model.preprocess import Prepared, PreprocessSpec
from model.volume import Volume

OFF = PreprocessSpec(orient=False, norm_spacing_mm=None, standardise=False)


def sagittal(rows_mm: float = 0.5, columns_mm: float = 0.5) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, 0] = (4, 0, 0)
    affine[:3, 1] = (0, 0, -rows_mm)
    affine[:3, 2] = (0, columns_mm, 0)
    affine[:3, 3] = (-8, -50, 70)
    return affine


def volume_of(pixels: np.ndarray, affine: np.ndarray) -> Volume:
    return Volume(pixels.astype(np.float32), affine, "", ("1",) * len(pixels), "")


def test_with_every_step_off_nothing_changes() -> None:
    pixels = np.random.default_rng(0).uniform(0, 900, (3, 6, 8))
    prepared = preprocess.prepare(volume_of(pixels, sagittal()), OFF)
    np.testing.assert_array_equal(prepared.pixels, pixels.astype(np.float32))
    np.testing.assert_array_equal(prepared.affine, sagittal())


def test_resampling_halves_by_averaging_neighbours() -> None:
    pixels = np.array([[[0, 2, 4, 6], [8, 10, 12, 14]]], np.float32)
    halved = preprocess.resample(Prepared(pixels, sagittal()), 1.0)
    np.testing.assert_allclose(halved.pixels, [[[5, 9]]])
    np.testing.assert_allclose(np.linalg.norm(halved.affine[:3, :3], axis=0), [4, 1, 1])


def test_resampling_takes_the_size_from_the_scale_factor() -> None:
    """Thesis section 7.2: ScaleFactor = PixelSpacing / NormSpacing, times the original size."""
    pixels = np.zeros((3, 100, 60), np.float32)
    resampled = preprocess.resample(Prepared(pixels, sagittal(0.8, 1.0)), 1.4)
    assert resampled.pixels.shape == (3, round(100 * 0.8 / 1.4), round(60 / 1.4))


def test_resampling_keeps_every_structure_in_its_place() -> None:
    """A ramp in mm is linear, so bilinear interpolation must give it back exactly."""
    affine = sagittal(0.6, 0.9)
    rows, columns = np.mgrid[:50, :40]
    ramp = (3.0 * (70 - 0.6 * rows) + 2.0 * (-50 + 0.9 * columns))[None]
    resampled = preprocess.resample(Prepared(ramp.astype(np.float32), affine), 1.4)
    inner = np.array([(0, r, c) for r in range(1, 19) for c in range(1, 23)])
    mm = resampled.to_patient(inner)
    found = resampled.pixels[tuple(inner.T)]
    np.testing.assert_allclose(found, 3.0 * mm[:, 2] + 2.0 * mm[:, 1], rtol=1e-4)


@pytest.mark.parametrize("turn", ["none", "transposed", "feet up", "back first", "all"])
def test_orientation_is_brought_to_head_up_front_first(phantom_case: Case, turn: str) -> None:
    upright = Prepared(phantom_case.volume.pixels, phantom_case.volume.affine)
    pixels, affine = upright.pixels, upright.affine.copy()
    if turn in {"feet up", "all"}:
        affine[:3, 3] += (pixels.shape[1] - 1) * affine[:3, 1]
        affine[:3, 1] *= -1
        pixels = pixels[:, ::-1]
    if turn in {"back first", "all"}:
        affine[:3, 3] += (pixels.shape[2] - 1) * affine[:3, 2]
        affine[:3, 2] *= -1
        pixels = pixels[:, :, ::-1]
    if turn in {"transposed", "all"}:
        affine[:, [1, 2]] = affine[:, [2, 1]]
        pixels = pixels.transpose(0, 2, 1)
    oriented = preprocess.orient(Prepared(pixels, affine))
    np.testing.assert_array_equal(oriented.pixels, upright.pixels)
    np.testing.assert_allclose(oriented.affine, upright.affine, atol=1e-9)


def test_standardising_gives_zero_mean_and_unit_deviation() -> None:
    pixels = np.random.default_rng(0).uniform(100, 900, (4, 30, 30)).astype(np.float32)
    standard = preprocess.standardise(pixels)
    assert abs(standard.mean()) < 1e-5
    assert abs(standard.std() - 1) < 1e-5
    expected = (pixels[0, 0, 0] - pixels.mean()) / pixels.std()
    assert standard[0, 0, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 812.0, -3.5])
def test_a_constant_volume_becomes_zeros(value: float) -> None:
    assert not preprocess.standardise(np.full((3, 5, 5), value, np.float32)).any()


def test_values_that_are_not_numbers_do_not_spread() -> None:
    pixels = np.random.default_rng(0).uniform(0, 9, (3, 5, 5)).astype(np.float32)
    pixels[0, 0, :3] = (np.nan, np.inf, -np.inf)
    assert np.isfinite(preprocess.standardise(pixels)).all()


def test_a_known_point_stays_known_through_all_steps(phantom_case: Case) -> None:
    prepared = preprocess.prepare(phantom_case.volume, PreprocessSpec(norm_spacing_mm=1.4))
    for point in phantom_case.points.values():
        back = prepared.to_patient(prepared.to_index([point]))[0]
        np.testing.assert_allclose(back, point, atol=1e-6)
    index = prepared.to_index([phantom_case.points["L3-left"]])[0]
    original = phantom_case.volume.to_index([phantom_case.points["L3-left"]])[0]
    scale = phantom_case.volume.spacing_mm[1] / 1.4
    assert index[0] == pytest.approx(original[0])
    assert index[1] == pytest.approx((original[1] + 0.5) * scale - 0.5, abs=1e-6)


def test_the_specification_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PreprocessSpec().norm_spacing_mm = 1.0  # type: ignore[misc]
