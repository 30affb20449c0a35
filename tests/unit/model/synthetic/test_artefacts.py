import numpy as np
import pytest

from model.synthetic import artefacts
from model.synthetic.artefacts import Flaws


@pytest.fixture
def square() -> np.ndarray:
    image = np.zeros((2, 64, 64), np.float32)
    image[:, 20:40, 25:45] = 1
    return image


def test_nothing_wrong_changes_nothing(square: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    same = artefacts.through_k_space(rng, square, Flaws(1), noise=0, pixels=(64, 64))
    np.testing.assert_allclose(same, square, atol=1e-5)


def test_interpolation_keeps_index_0_in_place(square: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    finer = artefacts.through_k_space(rng, square, Flaws(1), noise=0, pixels=(128, 96))
    np.testing.assert_allclose(finer[:, ::2, ::3], square[:, :, ::2], atol=0.06)


def test_truncation_rings(square: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    flaws = Flaws(1, kept=(0.6, 1.0))
    ringing = artefacts.through_k_space(rng, square, flaws, noise=0, pixels=(64, 64))
    assert ringing.max() > 1.02
    assert ringing[0, 10:18, 30].max() > 0.01
    assert ringing[0, 30, 5:20].max() < 1e-4


def test_ghosts_run_along_the_phase(square: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    flaws = Flaws(2, ghost=0.1, ghosts=3)
    made = artefacts.through_k_space(rng, square, flaws, noise=0, pixels=(64, 64))
    assert made[0, 30, :20].max() > 0.01
    assert made[0, :15].max() < 1e-3


def test_air_has_rayleigh_noise() -> None:
    noisy = artefacts.rician(np.random.default_rng(1), np.zeros((4, 60, 60), np.float32), 2.0)
    assert noisy.min() >= 0
    assert noisy.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.03)


def test_noise_of_k_space_has_the_stated_deviation() -> None:
    bright = np.full((3, 64, 64), 100, np.float32)
    made = artefacts.through_k_space(
        np.random.default_rng(2), bright, Flaws(1), noise=3.0, pixels=(64, 64)
    )
    assert made.std() == pytest.approx(3.0, rel=0.06)


def test_fat_moves_by_the_stated_pixels(square: np.ndarray) -> None:
    moved = artefacts.shifted(square, -1.5, 2)
    columns = np.arange(64)
    before, after = ((one[0].sum(0) * columns).sum() / one[0].sum() for one in (square, moved))
    assert after - before == pytest.approx(-1.5, abs=1e-4)
    assert artefacts.fat_shift(1.5, 217.2) == pytest.approx(1.0, abs=0.01)


def test_metal_burns_a_void() -> None:
    image = np.ones((15, 80, 80), np.float32)
    affine = np.diag([4.4, 2.0, 2.0, 1.0])
    artefacts.metal(np.random.default_rng(3), image, affine, np.array([[30.0, 80.0, 80.0]]))
    assert image.min() < 0.05
    assert image.max() > 1.05
    assert image[0, 0, 0] == 1
