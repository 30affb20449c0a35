import numpy as np
import pytest

from model.synthetic import stack, texture
from model.synthetic.texture import Pattern

SHAPE = (12, 120, 130)
AFFINE = stack.affine(np.zeros(3), np.eye(3), SHAPE, (4.4, 2.0, 2.0))
SPACING = (1.2, 0.8, 0.8)


def plane(pattern: Pattern, slice_: float, size: int = 150) -> np.ndarray:
    rows, columns = np.indices((size, size), dtype=np.float32).reshape(2, -1)
    place = np.stack([np.full_like(rows, slice_), rows, columns])
    return pattern.read(place).reshape(size, size)


def test_smooth_fields_are_smooth_and_of_unit_variance() -> None:
    found = [texture.smooth(np.random.default_rng(s), AFFINE, SHAPE, (30, 90)) for s in range(6)]
    assert np.std(found) == pytest.approx(1.0, abs=0.25)
    assert np.abs(np.diff(found[0], axis=1)).max() < 1.0
    assert found[0].shape == SHAPE


def test_grain_has_about_unit_variance_and_is_weaker_in_coarse_pixels() -> None:
    fine, coarse = (Pattern.grain(np.random.default_rng(1), SPACING, mm) for mm in (0.5, 3.0))
    assert plane(fine, 10).std() == pytest.approx(1.0, abs=0.15)
    assert plane(coarse, 10).std() < 0.9 * plane(fine, 10).std()


@pytest.mark.parametrize("seed", range(4))
def test_grain_of_neighbouring_slices_is_alike_and_of_distant_ones_is_not(seed: int) -> None:
    grain = Pattern.grain(np.random.default_rng(seed), SPACING, 0.8)
    here, near, far = (plane(grain, slice_).ravel() for slice_ in (10, 11.5, 30))
    assert np.corrcoef(here, near)[0, 1] > 0.5
    assert abs(np.corrcoef(here, far)[0, 1]) < 0.2


def test_streaks_are_bright_lines_along_the_body() -> None:
    found = plane(Pattern.streaks(np.random.default_rng(1), SPACING, 0.8), 10)
    assert found.min() >= 0
    assert np.median(found) < 0.2 < found.max()
    assert np.abs(np.diff(found, axis=0)).mean() < 0.6 * np.abs(np.diff(found, axis=1)).mean()


def test_patterns_go_on_outside_the_map() -> None:
    grain = Pattern.grain(np.random.default_rng(1), SPACING, 0.8)
    found = grain.read(np.full((3, 4), -300, dtype=np.float32))
    assert np.isfinite(found).all()
