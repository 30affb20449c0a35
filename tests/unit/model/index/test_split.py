"""Parts by patient: properties that every division has."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.index import Shares
from model.index.split import divide, subset

PATIENTS = st.lists(st.sampled_from("abcdefghijklmnop"), min_size=8, max_size=60).filter(
    lambda some: len(set(some)) >= 3
)
SHARES = st.sampled_from([Shares(0.2, 0.1), Shares(0.2), Shares(0.0), Shares(0.4, 0.4)])


@given(PATIENTS, SHARES, st.integers(0, 99))
def test_every_patient_has_one_part_and_every_part_somebody(patients, shares, seed) -> None:
    parts = divide(patients, shares, np.random.default_rng(seed))
    assert set(parts) == set(patients)
    wanted = {"train"} | ({"test"} if shares.test else set())
    wanted |= {"validation"} if shares.validation else set()
    assert set(parts.values()) == wanted


@given(PATIENTS, st.integers(0, 99))
def test_the_test_set_has_its_share_up_to_one_patient(patients, seed) -> None:
    parts = divide(patients, Shares(0.25), np.random.default_rng(seed))
    held = sum(parts[patient] == "test" for patient in patients)
    assert held <= max(round(0.25 * len(patients)), 1) - 1 + max(Counter(patients).values())


@given(PATIENTS, st.integers(0, 99))
def test_one_seed_gives_one_division_in_any_order_of_the_series(patients, seed) -> None:
    one = divide(patients, Shares(0.2, 0.1), np.random.default_rng(seed))
    other = divide(patients[::-1], Shares(0.2, 0.1), np.random.default_rng(seed))
    assert one == other


def test_known_patients_keep_their_part_when_scans_are_added() -> None:
    before = divide(list("abcdefghij"), Shares(0.3), np.random.default_rng(1))
    after = divide(list("abcdefghijklmnopqrst"), Shares(0.3), np.random.default_rng(2), before)
    assert {patient: after[patient] for patient in before} == before
    assert Counter(after.values())["test"] == 6


def test_parts_that_are_kept_may_leave_nobody() -> None:
    kept = dict.fromkeys("abc", "train")
    with pytest.raises(ValueError, match="nobody is left for test"):
        divide(list("abc"), Shares(0.3), np.random.default_rng(0), kept)  # type: ignore[arg-type]


def test_too_few_patients_are_told() -> None:
    with pytest.raises(ValueError, match=r"the 3 series are of 1 patient.*at least 2.*by study"):
        divide(["a"] * 3, Shares(0.2), np.random.default_rng(0))


@pytest.mark.parametrize(("test", "validation"), [(1.0, 0.0), (0.6, 0.4), (-0.1, 0.0)])
def test_impossible_shares_are_told(test: float, validation: float) -> None:
    with pytest.raises(ValueError, match="nothing to train with"):
        Shares(test, validation)


def test_a_smaller_subset_lies_within_a_larger_one() -> None:
    entries = tuple(range(30))
    small = subset(entries, 5, np.random.default_rng(3))  # type: ignore[arg-type]
    large = subset(entries, 20, np.random.default_rng(3))  # type: ignore[arg-type]
    assert set(small) < set(large)
    assert len(set(large)) == 20
    with pytest.raises(ValueError, match="31 of 30 series"):
        subset(entries, 31, np.random.default_rng(3))  # type: ignore[arg-type]
