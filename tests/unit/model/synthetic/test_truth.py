"""What truth.json says: points in the image, names beyond it, and when to abstain."""

import json
from typing import Any

import pytest

from model.labels import LABELS
from model.synthetic.truth import truth
from tests.toy_scan import toy_scan, toy_subject


@pytest.fixture
def known() -> dict[str, Any]:
    return truth(toy_scan(), toy_subject(), "toy")


def test_has_what_scoring_and_training_read(known: dict[str, Any]) -> None:
    read = json.loads(json.dumps(known))
    assert (read["kind"], read["contrast"], read["expected"]) == ("points", "T1", "points")
    assert list(read["points"]) == list(LABELS)
    assert read["points"]["L4-left"] == [20.0, 8.0, -30.0]
    assert set(read["marks"]) == set(read["grades"]) == set(LABELS)
    assert (read["lumbar_count"], read["transitional"]) == (5, "none")
    assert read["traits"]["slip_mm"] == [0.5, 2.0]
    assert "counted upward from the sacrum" in read["convention"]


def test_points_beyond_the_image_are_named_only() -> None:
    scan = toy_scan()
    scan.points = {**scan.points, "L1-left": (20.0, 5.0, 600.0)}
    known = truth(scan, toy_subject(), "toy")
    assert known["outside"] == ["L1-left"]
    assert "L1-left" not in known["points"]
    assert set(known["marks"]) == set(known["points"])  # its outer end is imaged, its centre not
    assert set(known["decoys"]) == {"S1-left"}  # T12-left lies far above


def test_a_transitional_vertebra_asks_to_abstain() -> None:
    known = truth(toy_scan(), toy_subject("lumbarised S1"), "toy")
    assert known["expected"] == "abstain"
    assert "lumbarised S1" in known["expected_reason"]
    assert known["transitional"] == "lumbarised S1"
    assert len(known["points"]) == len(LABELS)
