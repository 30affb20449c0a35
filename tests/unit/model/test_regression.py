"""The regression of Table 7.2, against data with known weights."""

import numpy as np
import pytest

from model.regression import fit, markdown

TITLES = {"patch": "PatchSize", "rate": "LearningRate", "depth": "Blocks"}


def trials(count: int = 60) -> tuple[list[dict[str, float]], list[float]]:
    """Draw networks whose Dice grows with the patch, falls with the rate, ignores the depth."""
    rng = np.random.default_rng(3)
    patch, rate = rng.choice([33, 97, 481], count), rng.choice([0.001, 0.01], count)
    depth = rng.choice([2, 3, 4], count)
    points = 50 + 12 * (patch - patch.mean()) / patch.std() - 3 * (rate - rate.mean()) / rate.std()
    dice = (points + rng.normal(0, 2, count)) / 100
    names = ("patch", "rate", "depth")
    rows = [
        dict(zip(names, map(float, row), strict=True))
        for row in zip(patch, rate, depth, strict=True)
    ]
    return rows, [float(value) for value in dice]


def test_finds_weights_and_what_matters() -> None:
    fitted = fit(*trials())
    weights = {one.name: one for one in fitted.weights}
    assert weights["patch"].weight == pytest.approx(12, abs=1)
    assert weights["rate"].weight == pytest.approx(-3, abs=1)
    assert weights["depth"].weight == pytest.approx(0, abs=1)
    assert (weights["patch"].p_value or 1) < 1e-6
    assert (weights["depth"].p_value or 0) > 0.05
    assert fitted.weights[0].name == "patch"  # the least p-value first
    assert fitted.mean_dice == pytest.approx(50, abs=1)
    assert 0.8 < fitted.r_squared < 1.0
    low, high = weights["rate"].interval or (0, 0)
    assert low < -3 < high


def test_is_the_normal_equation() -> None:
    rows, dice = trials()
    values = np.array([list(row.values()) for row in rows])
    design = np.c_[np.ones(len(dice)), (values - values.mean(0)) / values.std(0)]
    expected = np.linalg.lstsq(design, 100 * np.array(dice), rcond=None)[0]
    weights = {one.name: one.weight for one in fit(rows, dice).weights}
    assert [weights[name] for name in rows[0]] == pytest.approx(expected[1:].tolist())


def test_what_was_not_varied_has_no_weight() -> None:
    rows, dice = trials()
    fitted = fit([{**row, "depth": 2.0} for row in rows], dice)
    assert fitted.weights[-1].name == "depth"
    assert fitted.weights[-1].weight is None
    assert "| Blocks | not varied | |" in markdown(fitted, TITLES)


def test_table_as_in_the_thesis() -> None:
    text = markdown(fit(*trials()), TITLES)
    assert "60 networks, mean Dice" in text
    assert "| name | weight | p-value |" in text
    assert "| PatchSize | +1" in text


def test_too_few_networks_are_told() -> None:
    rows, dice = trials(4)
    with pytest.raises(ValueError, match=r"4 finished networks; a regression on 3 .* at least 5"):
        fit(rows, dice)
    with pytest.raises(ValueError, match="0 networks and 0 Dice values"):
        fit([], [])


def test_hyper_parameters_that_vary_together_are_told() -> None:
    rows, dice = trials()
    with pytest.raises(ValueError, match="vary only together"):
        fit([{**row, "twin": 2 * row["patch"]} for row in rows], dice)
