"""The model card: everything a reader must know, and no scan's name."""

from typing import Any

from model.answers import Scan
from model.expected import Expected
from model.localiser import card
from model.metrics import Distance


def line(label: str, yz_mm: float | None, nearest: str | None, reason: str | None = None) -> Any:
    right = nearest == label[:2]
    return {"label": label, "yz_mm": yz_mm, "right_level": right, "reason": reason}


def test_failures_are_counted_and_nobody_is_named() -> None:
    report = {
        "scans": 2,
        "within_mm": 5.0,
        "cases": [{"case": "doe", "shifted": True}, {"case": "roe", "shifted": False}],
        "foramina": [
            line("L1-left", 33.0, "L2"),
            line("L2-left", 12.0, "L2"),
            line("L3-left", 6.0, "L3"),
            line("L4-left", 1.0, "L4"),
            line("L4-right", None, None, "its place is uncertain (probability 31 %, ...)"),
            line("L5-right", None, None, "its place is uncertain (probability 45 %, ...)"),
        ],
    }
    text = card.failures(report)
    assert "1 of 2 scans with their levels shifted" in text
    assert "1 of 4 points at another level (L1 1)" in text
    assert "2 points at the right level beyond 5 mm (L2 1, L3 1), 1 of them beyond 10 mm" in text
    assert "2 foramina without a point: its place is uncertain" in text
    assert "doe" not in text


def test_scans_without_anything_wrong_have_zeros() -> None:
    scan = Scan("one", Expected(), None, (Distance("one", "one", "L1-left", 1.0, 1.0, "L1"),), ())
    report = {
        "scans": 1, "within_mm": 5.0, "cases": [scan.to_json()],
        "foramina": [line("L1-left", 1.0, "L1")],
    }  # fmt: skip
    assert "0 of 1 points at another level.\n" in card.failures(report)
