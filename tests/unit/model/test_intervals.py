"""Intervals: published Wilson values, and what redrawing patients must do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from model.intervals import redraw, wilson


@pytest.mark.parametrize(
    ("hits", "trials", "expected"),
    [  # values of Newcombe 1998 (Statistics in Medicine 17:857), method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_interval_as_published(
    hits: int, trials: int, expected: tuple[float, float]
) -> None:
    assert wilson(hits, trials) == pytest.approx(expected, abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_is_scipys_and_holds_the_share(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson(hits, trials)
    assert (low, high) == pytest.approx(
        tuple(binomtest(hits, trials).proportion_ci(0.95, method="wilson")), abs=1e-9
    )
    assert low - 1e-12 <= hits / trials <= high + 1e-12


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(hits: int, trials: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= hits"):
        wilson(hits, trials)


def test_independent_patients_give_the_textbook_interval() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    redrawn = redraw([str(n) for n in range(400)], np.random.default_rng(0))
    interval = redrawn.interval((str(n), float(value)) for n, value in enumerate(values))
    half = 1.96 * values.std(ddof=1) / 20
    assert interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_foramina_that_err_together_widen_the_interval() -> None:
    patients = [str(n) for n in range(40)]
    redrawn = redraw(patients, np.random.default_rng(0))
    together = [(who, float(int(who) % 10 > 0)) for who in patients for _ in range(10)]
    apart = [(who, float(mark > 0)) for who in patients for mark in range(10)]
    wide, none = redrawn.interval(together), redrawn.interval(apart)
    low, high = wilson(360, 400)
    assert wide is not None
    assert wide[1] - wide[0] > 2 * (high - low)
    assert none == pytest.approx((0.9, 0.9))  # every patient has the same share


def test_one_patient_or_one_value_gives_no_interval() -> None:
    redrawn = redraw(["a", "b"], np.random.default_rng(0))
    assert redrawn.interval([("a", 1.0), ("a", 2.0)]) is None
    assert redrawn.interval([("a", 1.0), ("b", 1.0)]) is None
    assert redrawn.interval([]) is None


def test_resamples_without_a_value_do_not_count() -> None:
    redrawn = redraw(list("abcdefghij"), np.random.default_rng(0))
    interval = redrawn.interval([("a", 1.0), ("b", 3.0)])
    assert interval == pytest.approx((1.0, 3.0))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(-9, 9)), min_size=1), st.integers(0))
def test_interval_lies_between_the_extremes_and_is_the_same_again(
    values: list[tuple[str, float]], seed: int
) -> None:
    first, again = (
        redraw("abcde", np.random.default_rng(seed), 200).interval(values) for _ in range(2)
    )
    assert first == again
    if first is not None:
        numbers = [value for _, value in values]
        assert min(numbers) - 1e-9 <= first[0] <= first[1] <= max(numbers) + 1e-9


def test_nobody_to_redraw_is_told() -> None:
    with pytest.raises(ValueError, match="no patient to redraw"):
        redraw([], np.random.default_rng(0))
