"""Ranges and frequencies of what varies."""

import numpy as np
import pytest

from model.synthetic.traits import LEVELS_ABOVE, NO_TRANSITION, Traits

PEOPLE = [Traits.sample(np.random.default_rng(seed)) for seed in range(600)]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("lordosis_deg", 20.0, 70.0),
        ("scoliosis_mm", -30.0, 30.0),
        ("disc_height", 0.2, 1.1),
        ("slip_mm", -6.0, 10.0),
        ("narrowing", 0, 3),
        ("modic", 0, 2),
        ("wedge", 0.0, 0.5),
    ],
)
def test_ranges(name: str, least: float, most: float) -> None:
    values = np.array([getattr(one, name) for one in PEOPLE])
    assert values.min() >= least
    assert values.max() <= most
    assert np.ptp(values) > 0.5 * (most - least)


def test_frequencies() -> None:
    counts = np.array([one.lumbar_count for one in PEOPLE])
    assert np.mean(counts == 5) == pytest.approx(0.85, abs=0.05)
    assert np.mean(counts == 4) == pytest.approx(0.05, abs=0.03)
    transitional = np.mean([one.transitional != NO_TRANSITION for one in PEOPLE])
    assert transitional == pytest.approx(0.10, abs=0.04)
    grades = np.bincount(np.array([one.narrowing[:5] for one in PEOPLE]).ravel(), minlength=4)
    assert np.all(np.diff(grades) < 0)
    assert grades[3] > 0


def test_per_level_tuples_reach_the_same_height() -> None:
    for name in ("disc_height", "slip_mm", "narrowing", "modic", "tilt_deg", "uneven_mm"):
        assert len(getattr(PEOPLE[0], name)) == LEVELS_ABOVE
