"""Our results beside the thesis's: every preset has its row, and the rows stand together."""

from typing import Any

import pytest

from model import published
from model.labels import LEVELS
from model.networks import PRESETS
from model.published import beside


def _report(name: str, **every: Any) -> dict[str, Any]:
    group = {
        "recall": 0.5, "recall_interval": [0.4, 0.6], "recall_by_patient": [0.3, 0.7],
        "mean_yz_mm": 3.25, "missed": 7, **every,
    }  # fmt: skip
    return {"bundle": {"name": name}, "groups": dict.fromkeys(("all", *LEVELS), group)}


def test_every_preset_of_the_thesis_has_its_row() -> None:
    assert set(beside.VARIANTS) == set(PRESETS)
    assert sorted(beside.VARIANTS.values()) == sorted(published.results())


def test_ours_stands_above_the_published_row() -> None:
    page = beside.markdown([_report("multinet-lower-resolution-60k")])
    lines = page.splitlines()
    (first, *_) = (at for at, line in enumerate(lines) if "60k" in line)
    assert lines[first] == (
        "| multinet-lower-resolution-60k | ours | 50.0% [30.0%, 70.0%] "
        "| 50.0 | 50.0 | 50.0 | 50.0 | 50.0 |"
    )
    assert lines[first + 1] == "| | thesis | 97.5 | 98.0 | 98.5 | 97.5 | 98.0 | 95.5 |"
    assert "| | thesis | 1.97 | 1.87 | 1.72 | 1.99 | 1.83 | 2.43 |" in lines
    assert "| | thesis | 0 | 0 | 0 | 0 | 0 | 0 |" in lines


def test_a_level_that_nobody_found_has_no_distance() -> None:
    page = beside.markdown([_report("multinet-base", mean_yz_mm=None)])
    assert "| multinet-base | ours | - | - | - | - | - | - |" in page
    assert "| | thesis | 2.36 | - | - | - | 2.18 | 2.54 |" in page


def test_one_patient_has_no_interval_by_patient() -> None:
    page = beside.markdown([_report("multinet-base", recall_by_patient=None)])
    assert "50.0% [40.0%, 60.0%]" in page


def test_a_run_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'mine' is no network of the thesis"):
        beside.markdown([_report("mine")])
