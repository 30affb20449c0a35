"""Certainty: better evidence gives more of it, and thresholds keep the promised rate."""

import numpy as np
import pytest

from model.localiser.certainty import fit, threshold


def evidence(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(0, 1, (count, 3))
    right = rng.random(count) < 1 / (1 + np.exp(-(2.5 + 2.0 * rows[:, 0])))
    return rows, right


def test_the_probability_is_calibrated_on_new_cases() -> None:
    model = fit(("a", "b", "c"), *evidence(4000))
    rows, right = evidence(4000, seed=1)
    said = np.array([model.probability(row) for row in rows])
    for low, high in ((0.3, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.0)):
        inside = (said >= low) & (said < high)
        assert right[inside].mean() == pytest.approx(said[inside].mean(), abs=0.06)


def test_where_nothing_was_wrong_the_worst_evidence_is_doubted_most() -> None:
    rows, _ = evidence(50)
    model = fit(("a", "b", "c"), rows, np.ones(50, bool))
    said = [model.probability(row) for row in rows]
    assert min(said) < max(said)
    assert np.mean(said) > 0.8


def test_the_threshold_keeps_its_promise() -> None:
    rng = np.random.default_rng(3)
    said = rng.random(4000)
    right = rng.random(4000) < said
    least = threshold(said, right, most_wrong=0.1, least_kept=0.0)
    assert (~right[said >= least]).mean() <= 0.1
    assert (said >= least).mean() > 0.1
    assert threshold(said, right, most_wrong=0.1, least_kept=0.9) <= np.quantile(said, 0.11)
    assert threshold(said[:5], np.zeros(5, bool), most_wrong=0.1, least_kept=0.0) == 1.0
