"""Models compared pair by pair: the exact binomial test, and the tables it stands in."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from model import metrics
from model.compare import (
    Comparison,
    compare,
    compare_folders,
    discordant_counts,
    exact_binomial,
    markdown,
    write_comparison,
)
from model.intervals import redraw
from model.labels import LABELS
from model.metrics import Distance

counts = st.integers(0, 60)


def report(hits: list[bool], scans: int = 2) -> dict[str, Any]:
    """Make a report of scans with ten foramina each, hit or missed in this order."""
    measured = [
        Distance(f"scan-{n // 10}", f"scan-{n // 10}", LABELS[n % 10], 1.0 if hit else None,
                 2.0 if hit else None, LABELS[n % 10][:2] if hit else None)
        for n, hit in enumerate(hits)
    ]  # fmt: skip
    assert len(hits) == 10 * scans
    redrawn = redraw([one.patient for one in measured], np.random.default_rng(0))
    groups = metrics.by_group(measured, redrawn)
    return {
        "bundle": {"name": "b", "version": "1"},
        "groups": {name: metrics.plain(group) for name, group in groups.items()},
        "foramina": [
            {"case": one.case, "patient": one.patient, "label": one.label, "truth_mm": [0, 0, 0],
             "within_5_mm": one.hit}
            for one in measured
        ],
    }  # fmt: skip


def three() -> Comparison:
    a = [True] * 18 + [False] * 2
    b = [True] * 12 + [False] * 7 + [True]
    return compare({"a": report(a), "b": report(b), "c": report(a)})


@pytest.mark.parametrize(
    ("only_a", "only_b", "printed"),
    [  # by hand: 9 and 11 is 2 * sum(C(20, k) for k in 0..9) / 2**20
        (9, 11, 0.82), (11, 9, 0.82), (0, 0, 1.0), (0, 1, 1.0), (10, 10, 1.0), (0, 5, 0.06),
    ],
)  # fmt: skip
def test_p_values_by_hand(only_a: int, only_b: int, printed: float) -> None:
    assert round(exact_binomial(only_a, only_b), 2) == printed


@settings(deadline=None)
@given(counts, counts)
def test_is_twice_the_smaller_tail_of_a_fair_coin(only_a: int, only_b: int) -> None:
    total = only_a + only_b
    tail = sum(math.comb(total, k) for k in range(min(only_a, only_b) + 1)) / 2**total
    assert exact_binomial(only_a, only_b) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)


@settings(deadline=None)
@given(counts, counts)
def test_is_scipys_and_symmetric(only_a: int, only_b: int) -> None:
    ours = exact_binomial(only_a, only_b)
    assert ours == pytest.approx(exact_binomial(only_b, only_a), rel=1e-12)
    if only_a + only_b:
        assert ours == binomtest(only_b, only_a + only_b).pvalue


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="counts -1 and 3"):
        exact_binomial(-1, 3)


def test_counts_behind_a_published_p_value() -> None:
    assert discordant_counts(-2, 0.82) == [(9, 11)]
    assert discordant_counts(2, 0.82) == [(11, 9)]
    assert discordant_counts(2, 0.1234, digits=4) == []


@settings(deadline=None)
@given(counts, counts)
def test_the_true_counts_are_among_those_behind_their_p_value(a: int, b: int) -> None:
    assert (a, b) in discordant_counts(a - b, round(exact_binomial(a, b), 2))


def test_pairs_hold_the_two_by_two_table() -> None:
    first, same, _ = three().pairs
    assert (first.a, first.b) == ("a", "b")
    assert (first.both, first.only_a, first.only_b, first.neither) == (12, 6, 1, 1)
    assert first.p_value == pytest.approx(0.125)  # 2 * (1 + 7) / 2**7
    assert first.difference == pytest.approx(0.25)
    # scan-0 differs by 0, scan-1 by 5 of 10: redrawn 0, 0.25 or 0.5
    assert first.difference_interval == pytest.approx((0.0, 0.5))
    assert (same.only_a, same.only_b, same.p_value) == (0, 0, 1.0)
    assert same.difference_interval is None


def test_p_values_are_corrected_for_their_number() -> None:
    assert [pair.p_holm for pair in three().pairs] == pytest.approx([0.375, 1.0, 0.375])


def test_models_on_different_test_sets_are_refused() -> None:
    a, b = report([True] * 20), report([True] * 20)
    b["foramina"][0]["truth_mm"] = [0, 0, 1]
    with pytest.raises(ValueError, match=r"1 foramina differ, for example L1-left of scan-0"):
        compare({"a": a, "b": b})
    with pytest.raises(ValueError, match="a and c were not measured on the same test set: 10 "):
        compare({"a": a, "c": report([True] * 30, scans=3)})
    with pytest.raises(ValueError, match="1 model given; expected at least two"):
        compare({"a": a})


def test_tables_have_a_row_per_model_and_per_pair() -> None:
    text = markdown(three())
    assert "3 models on 20 foramina of 2 patients" in text
    assert "| a | 90.0% [69.9%, 97.2%] | [80.0%, 100.0%] | 100.0% [51.0%, 100.0%] |" in text
    assert "| a | b | 6 | 1 | 0.12 | 0.38 | +25.0 [+0.0, +50.0] |" in text
    assert text.index("| a | c | 0 | 0 | 1.00") < text.index("| a | b | 6 | 1")  # as the thesis


def test_writes_json_markdown_and_pictures(tmp_path: Path) -> None:
    write_comparison(three(), tmp_path)
    data = json.loads((tmp_path / "comparison.json").read_text())
    assert [pair["p_value"] for pair in data["pairs"]] == pytest.approx([0.125, 1.0, 0.125])
    assert "(recall.png)" in (tmp_path / "comparison.md").read_text()
    for name in ("recall.png", "p-values.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_folders_are_called_by_their_names(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "evaluation.json").write_text(json.dumps(report([True] * 20)))
    paths = [tmp_path / "one", tmp_path / "two" / "evaluation.json"]
    comparison = compare_folders(paths, tmp_path / "out")
    assert [model.name for model in comparison.models] == ["one", "two"]
    assert (tmp_path / "out" / "comparison.md").is_file()
    with pytest.raises(ValueError, match="two evaluations are called 'one'"):
        compare_folders([tmp_path / "one", tmp_path / "one"])
