import numpy as np
import pytest

from model.labels import LABELS
from model.synthetic.augmentation import Augmentation, intensities, swapped

OFF = dict.fromkeys(("gamma", "inversion", "random_convolution", "low_resolution", "flip"), 0.0)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 800, (5, 40, 40)).astype(np.float32)


def test_off_changes_nothing(pixels: np.ndarray) -> None:
    same = intensities(np.random.default_rng(1), pixels, Augmentation.none())
    np.testing.assert_allclose(same, pixels, rtol=1e-5)


@pytest.mark.parametrize("name", ["gamma", "inversion", "random_convolution", "low_resolution"])
def test_each_change_changes_and_stays_an_image(pixels: np.ndarray, name: str) -> None:
    changed = intensities(np.random.default_rng(1), pixels, Augmentation(**(OFF | {name: 1.0})))
    assert changed.shape == pixels.shape
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()
    assert changed.min() >= 0
    assert not np.allclose(changed, pixels, rtol=0.01)


def test_inversion_turns_the_order_around(pixels: np.ndarray) -> None:
    inverted = intensities(
        np.random.default_rng(1), pixels, Augmentation(**(OFF | {"inversion": 1.0}))
    )
    assert np.corrcoef(inverted.ravel(), pixels.ravel())[0, 1] < -0.99


def test_swapping_twice_gives_the_name_back() -> None:
    assert {swapped(name) for name in LABELS} == set(LABELS)
    assert all(swapped(swapped(name)) == name != swapped(name) for name in LABELS)
    assert swapped("L3-body") == "L3-body"
