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


@pytest.mark.parametrize("name", ["dice", "normalised-dice"])
@pytest.mark.parametrize("probability", [0.5, 1e-6, 0.0])
def test_a_batch_without_a_foramen_teaches_nothing(name: str, probability: float) -> None:
    """Else the network learns to answer nothing, and cannot learn anything after that."""
    import tensorflow as tf

    from model.losses import LOSSES

    empty = tf.zeros_like(TARGET)
    answer = tf.fill(empty.shape, probability)
    with tf.GradientTape() as tape:
        tape.watch(answer)
        loss = LOSSES[name](empty, answer)
    assert float(loss) == 1.0
    np.testing.assert_array_equal(tape.gradient(loss, answer), np.zeros_like(TARGET))


def test_a_channel_without_a_foramen_teaches_nothing() -> None:
    import tensorflow as tf

    from model.losses import normalised_dice

    target = TARGET.copy()
    target[..., 2] = 0
    answer = tf.constant(PROBABILITY)
    with tf.GradientTape() as tape:
        tape.watch(answer)
        loss = normalised_dice(target, answer)
    gradient = tape.gradient(loss, answer).numpy()
    assert not gradient[..., 2].any()
    assert gradient[..., 1].any()


def test_a_missed_channel_costs_its_own_weight() -> None:
    from model.losses import normalised_dice

    missed = TARGET.copy()
    missed[..., 0] = 0
    expected = 1.00 / (1.00 + 0.91 + 0.73 + 0.56 + 0.51)
    assert float(normalised_dice(TARGET, missed)) == pytest.approx(expected, abs=1e-5)


def test_the_normalised_dice_needs_five_levels() -> None:
    from model.losses import normalised_dice

    with pytest.raises(ValueError, match="received 1 channels: give SingleNet the loss 'dice'"):
        normalised_dice(TARGET[..., :1], PROBABILITY[..., :1])


def halves(mask: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> float:
    """Give foreground and background a half each, however few voxels either has."""
    return float(0.5 * inside[mask == 1].mean() + 0.5 * outside[mask == 0].mean())


def test_sigmoid_cross_entropy_gives_each_class_half_in_each_channel() -> None:
    from model.losses import sigmoid_cross_entropy

    expected = np.mean([
        halves(TARGET[..., c], -np.log(PROBABILITY[..., c]), -np.log1p(-PROBABILITY[..., c]))
        for c in range(5)
    ])  # fmt: skip
    assert float(sigmoid_cross_entropy(TARGET, PROBABILITY)) == pytest.approx(expected, rel=1e-4)


def test_softmax_cross_entropy_gives_the_background_half() -> None:
    from model.losses import softmax_cross_entropy

    levels = RNG.integers(-1, 5, size=TARGET.shape[:-1])  # -1 is background
    target = (levels[..., None] == np.arange(5)).astype(np.float32)
    exponentials = np.exp(RNG.normal(size=(*levels.shape, 6)))
    softmax = (exponentials / exponentials.sum(-1, keepdims=True)).astype(np.float32)
    right = np.take_along_axis(softmax, levels[..., None] + 1, -1)[..., 0]
    expected = halves((levels >= 0).astype(float), -np.log(right), -np.log(right))
    answer = float(softmax_cross_entropy(target, softmax[..., 1:]))
    assert answer == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["sigmoid-cross-entropy", "softmax-cross-entropy"])
def test_cross_entropy_is_finite_when_wholly_wrong_and_zero_when_right(name: str) -> None:
    from model.losses import LOSSES

    target = np.zeros((1, 1, 4, 4, 5), np.float32)
    target[0, 0, :2, :, 1] = 1
    assert float(LOSSES[name](target, target)) == pytest.approx(0, abs=1e-5)
    assert 2 < float(LOSSES[name](target, np.roll(target, 1, axis=-1))) < 20
    empty = np.zeros_like(target)
    assert float(LOSSES[name](empty, empty)) == pytest.approx(0, abs=1e-5)
