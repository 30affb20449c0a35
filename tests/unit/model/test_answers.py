"""What was answered: shifts, abstentions and risk, worked out by hand."""

import json

import numpy as np
import pytest

from model import answers
from model.answers import Scan
from model.expected import Expected
from model.intervals import Redrawn, redraw
from model.labels import LABELS, LEVELS, split
from model.metrics import Distance

SIX = Expected(lumbar_count=6)
UNCLEAR = Expected(numbered=False, lumbar_count=5)


def scan(
    name: str,
    wrong: int = 0,
    *,
    missed: int = 0,
    told: Expected | None = None,
    yz_mm: float = 1.0,
    confidence: float = 0.9,
    abstained: str | None = None,
) -> Scan:
    """Make a scan whose first points lie a level too low, and whose last are missed."""
    lines = []
    for number, label in enumerate(LABELS):
        if abstained or number >= len(LABELS) - missed:
            lines.append(Distance(name, name, label, reason="dark"))
            continue
        level = split(label)[0]
        near = (*LEVELS, "S1")[LEVELS.index(level) + 1] if number < wrong else level
        far = 30.0 if number < wrong else yz_mm
        lines.append(Distance(name, name, label, 1.0, far, near, confidence=confidence))
    return Scan(name, told or Expected(), abstained, tuple(lines), ())


def redrawn(*scans: Scan) -> Redrawn:
    return redraw([one.name for one in scans], np.random.default_rng(0))


def summed(*scans: Scan) -> dict:
    found = answers.summary(scans, redrawn(*scans))
    assert json.loads(json.dumps(found)) == found
    return found


@pytest.mark.parametrize(("wrong", "shifted"), [(0, False), (2, False), (3, True), (8, True)])
def test_three_points_at_other_levels_make_a_shift(wrong: int, shifted: bool) -> None:
    assert scan("a", wrong).shifted is shifted


def test_rates_are_among_the_answered() -> None:
    found = summed(scan("a", wrong=4), scan("b", missed=5), scan("c", abstained="levels unknown"))
    assert found["abstained"]["count"] == 1
    assert (found["shifted"]["count"], found["shifted"]["of"]) == (1, 2)
    assert (found["answered"]["count"], found["answered"]["of"]) == (15, 30)
    assert (found["wrong_level"]["count"], found["wrong_level"]["of"]) == (4, 15)
    assert (found["within_mm"]["2"]["count"], found["within_mm"]["2"]["of"]) == (11, 15)
    assert found["mean_yz_mm"] == pytest.approx((4 * 30 + 11) / 15, abs=1e-4)
    assert found["median_yz_mm"] == 1.0


def test_within_counts_by_distance() -> None:
    found = summed(scan("a", yz_mm=2.5), scan("b", yz_mm=4.0))["within_mm"]
    assert [found[limit]["share"] for limit in ("2", "3", "5")] == [0.0, 0.5, 1.0]


def test_ordinary_scans_are_counted_apart() -> None:
    scans = [
        scan("a"), scan("b", abstained="?"), scan("c", told=SIX, abstained="?"),
        scan("d", told=UNCLEAR),
    ]  # fmt: skip
    scopes = answers.by_scope(scans, redrawn(*scans))
    assert {name: one["scans"] for name, one in scopes.items()} == {
        "all": 4, "numbered": 3, "ordinary": 2,
    }  # fmt: skip
    assert scopes["ordinary"]["abstained"]["share"] == 0.5
    lines = answers.markdown(scopes)
    assert lines[0] == (
        "| of what was answered | all scans | levels can be told | "
        "of these, five lumbar vertebrae |"
    )
    assert any(line.startswith("| abstained | 2 of 4, 50.0%") for line in lines)


def test_the_least_confident_go_first() -> None:
    sure, unsure = scan("a", confidence=0.9), scan("b", wrong=10, confidence=0.2)
    risks = {row["coverage"]: row for row in summed(sure, unsure)["risk"]}
    assert risks[1.0]["wrong_level"] == 0.5
    assert risks[0.9]["wrong_level"] == pytest.approx(8 / 18, abs=1e-5)
    assert (risks[0.5]["wrong_level"], risks[0.5]["beyond_5_mm"]) == (0.0, 0.0)


def test_equal_confidences_promise_nothing() -> None:
    found = summed(scan("a", wrong=5))["risk"]
    assert {row["wrong_level"] for row in found} == {0.5}


def test_nothing_answered_has_no_rates() -> None:
    found = summed(scan("a", abstained="levels unknown"))
    assert found["mean_yz_mm"] is None
    assert found["wrong_level"]["share"] is None
    assert found["risk"][0]["wrong_level"] is None
    assert "| mean y-z mm | - |" in answers.markdown({"all": found})
