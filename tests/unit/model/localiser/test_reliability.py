"""Reliability and risk, worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from model.localiser import reliability
from model.localiser.calibration import Outcomes
from model.localiser.certainty import CertaintySpec, Logistic

SAID = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.1])
RIGHT = np.array([True] * 6 + [False, True, False, False])
LOGISTIC = Logistic(("a",), (0.0,), (1.0,), (1.0,), 0.0)
SPEC = CertaintySpec(LOGISTIC, 0.65, LOGISTIC, 0.45, "calibrated on numbers")


@pytest.fixture
def seen() -> Outcomes:
    ordinary = np.array([True] * 5 + [False] * 4 + [True])
    return Outcomes(SAID, RIGHT, ordinary, SAID, RIGHT)


def test_the_most_certain_are_wrong_less_often() -> None:
    wrong = {row["coverage"]: row["wrong"] for row in reliability.risk(SAID, RIGHT)}
    assert (wrong[1.0]["count"], wrong[1.0]["of"]) == (3, 10)
    assert (wrong[0.8]["count"], wrong[0.8]["of"]) == (1, 8)
    assert wrong[0.5]["share"] == 0.0


def test_bins_hold_equal_parts() -> None:
    low, high = reliability.bins(SAID, RIGHT, 2)
    assert low["said"] == pytest.approx(0.46)
    assert (low["right"]["count"], low["right"]["of"]) == (2, 5)
    assert high["right"]["share"] == 1.0


def test_the_report_tells_what_the_thresholds_do(seen: Outcomes, tmp_path: Path) -> None:
    report = reliability.report(seen, SPEC)
    assert json.loads(json.dumps(report)) == report
    levels, point = report["levels"], report["point"]
    assert levels["answered"]["share"]["count"] == 6
    assert levels["answered"]["wrong"]["count"] == 0
    assert (levels["ordinary_abstained"]["count"], levels["ordinary_abstained"]["of"]) == (1, 6)
    assert point["answered"]["wrong"]["count"] == 1
    assert levels["brier"] == pytest.approx(float(np.mean((SAID - RIGHT) ** 2)), abs=1e-5)
    table = reliability.markdown(report, SPEC.calibrated_on)
    assert "Certainty calibrated on numbers." in table
    assert "Ordinary scans abstained from: 1 of 6" in table
    reliability.draw(report, tmp_path / "reliability.png")
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
