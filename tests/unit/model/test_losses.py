"""The Dice losses against plain NumPy."""

import numpy as np
import pytest

pytestmark = pytest.mark.xdist_group("tensorflow")

RNG = np.random.default_rng(0)
TARGET = (RNG.random((2, 1, 9, 9, 5)) > 0.7).astype(np.float32)
PROBABILITY = RNG.random((2, 1, 9, 9, 5)).astype(np.float32)


def dice(target: np.ndarray, probability: np.ndarray) -> float:
    return float(2 * (target * probability).sum() / (target.sum() + probability.sum()))


def test_fuzzy_dice_is_over_everything_together() -> None:
    from model.losses import fuzzy_dice

    expected = 1 - dice(TARGET, PROBABILITY)
    assert float(fuzzy_dice(TARGET, PROBABILITY)) == pytest.approx(expected, abs=1e-5)


def test_normalised_dice_weighs_the_channels_as_table_7_5() -> None:
    from model.losses import normalised_dice

    weights = np.array([1.00, 0.91, 0.73, 0.56, 0.51])
    each = np.array([dice(TARGET[..., c], PROBABILITY[..., c]) for c in range(5)])
    expected = 1 - (weights * each).sum() / weights.sum()
    assert float(normalised_dice(TARGET, PROBABILITY)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", ["dice", "normalised-dice"])
def test_losses_are_zero_when_right_and_one_when_wrong(name: str) -> None:
    from model.losses import LOSSES

    assert float(LOSSES[name](TARGET, TARGET)) == pytest.approx(0, abs=1e-5)
    assert float(LOSSES[name](TARGET, 1 - TARGET)) == pytest.approx(1, abs=1e-5)


def test_an_empty_channel_with_an_empty_answer_is_right() -> None:
    from model.losses import dice_per_channel

    empty = np.zeros_like(TARGET)
    np.testing.assert_allclose(dice_per_channel(empty, empty), np.ones(5))


def test_a_missed_channel_costs_its_own_weight() -> None:
    from model.losses import normalised_dice

    missed = TARGET.copy()
    missed[..., 0] = 0
    expected = 1.00 / (1.00 + 0.91 + 0.73 + 0.56 + 0.51)
    assert float(normalised_dice(TARGET, missed)) == pytest.approx(expected, abs=1e-5)
