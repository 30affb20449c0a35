import numpy as np
import pytest

from model.synthetic import stack, texture

SHAPE = (12, 120, 130)
AFFINE = stack.affine(np.zeros(3), np.eye(3), SHAPE, (4.4, 2.0, 2.0))


def test_smooth_fields_are_smooth_and_of_unit_variance() -> None:
    found = [texture.smooth(np.random.default_rng(s), AFFINE, SHAPE, (30, 90)) for s in range(6)]
    assert np.std(found) == pytest.approx(1.0, abs=0.25)
    assert np.abs(np.diff(found[0], axis=1)).max() < 1.0
    assert found[0].shape == SHAPE


def test_grain_has_unit_variance_and_differs_between_slices() -> None:
    found = texture.grain(np.random.default_rng(1), SHAPE, 0.8)
    assert found.std() == pytest.approx(1.0, abs=0.15)
    assert abs(np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1]) < 0.5


def test_streaks_are_bright_lines_along_the_body() -> None:
    found = texture.streaks(np.random.default_rng(1), SHAPE, 0.8)
    assert found.min() >= 0
    assert np.abs(np.diff(found, axis=1)).mean() < 0.5 * np.abs(np.diff(found, axis=2)).mean()


def test_slices_larger_than_a_tile_are_filled() -> None:
    found = texture.grain(np.random.default_rng(1), (2, 300, 520), 0.5)
    assert found.shape == (2, 300, 520)
    np.testing.assert_array_equal(found[:, 256:], found[:, :44])
