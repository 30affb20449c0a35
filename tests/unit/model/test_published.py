"""The thesis's printed results: copied without a slip, and its p-values reproduced from them."""

import pytest

from model import published
from model.labels import LEVELS


def test_every_network_and_every_pair_is_there() -> None:
    results = published.results()
    assert len(results) == 31
    assert len({one.network for one in results.values()}) == 2
    assert len(published.reproduced()) == 11 + 26 + 26  # Tables B.2, C.2, C.3


@pytest.mark.parametrize("key", list(published.results()), ids=" ".join)
def test_levels_add_up_to_all(key: tuple[str, str]) -> None:
    """A slip in copying a table would show: each level has 200 of the 1,000 foramina."""
    result = published.results()[key]
    assert sum(result.within_5_mm_percent[level] for level in LEVELS) / 5 == pytest.approx(
        result.within_5_mm_percent["all"], abs=0.051
    )
    assert sum(result.missed[level] for level in LEVELS) == result.missed["all"]
    found = {level: 200 - result.missed[level] for level in LEVELS}
    total = sum(found[level] * (result.mean_yz_mm[level] or 0.0) for level in LEVELS)
    assert total / sum(found.values()) == pytest.approx(result.mean_yz_mm["all"], abs=0.02)


def test_the_best_network_as_printed() -> None:
    best = published.results()["MultiNet", "Lower res. 60k"]
    assert (best.mean_yz_mm["all"], best.hits, best.missed["all"]) == (1.97, 975, 0)
    base = published.results()["MultiNet", "Base"]
    assert base.mean_yz_mm["L1"] is None


def test_every_published_p_value_follows_from_the_published_recalls() -> None:
    assert [one for one in published.reproduced() if not one.counts] == []


def test_lower_resolution_against_60k_steps_is_9_and_11() -> None:
    (one,) = (
        one for one in published.reproduced() if (one.a, one.b) == ("Lower res.", "Lower res. 60k")
    )
    assert (one.difference, one.counts) == (-2, ((9, 11),))
    assert one.ours == pytest.approx(0.8238, abs=5e-5)


def test_p_values_known_without_a_doubt_are_the_printed_ones() -> None:
    sure = [one for one in published.reproduced() if one.ours is not None]
    assert len(sure) == 26
    assert all(round(one.ours or 0.0, 2) == one.p_value for one in sure)


def test_table_has_a_row_per_pair() -> None:
    text = published.markdown()
    assert text.count("\n") == 65
    assert "| MultiNet | Lower res. | Lower res. 60k | -2 | 0.82 | 9 : 11 | 0.8238 |" in text
