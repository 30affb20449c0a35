"""Landmarks are found or missed with a reason; predictions hold all ten."""

import json
from typing import Any

import pytest

from model.labels import LABELS
from model.landmark import Landmark, Prediction


def prediction(**changes: Any) -> Prediction:
    landmarks = tuple(
        Landmark(name, (1.0, 2.0, 3.0), 0.9)
        if name != "L3-right"
        else Landmark(name, reason="dark")
        for name in LABELS
    )
    return Prediction(**{"landmarks": landmarks, "bundle": "b", "bundle_version": "1",
                         "bundle_digest": "d", **changes})  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [
        {"label": "L9-left", "reason": "x"},
        {"label": "L1-left"},
        {"label": "L1-left", "point_mm": (0, 0, 0)},
        {"label": "L1-left", "point_mm": (0, 0, 0), "confidence": 0.5, "reason": "x"},
        {"label": "L1-left", "point_mm": (0, 0, 0), "confidence": 1.5},
    ],
)
def test_half_built_landmarks_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"L1-left|L9-left"):
        Landmark(**values)


def test_prediction_lists_found_and_missed() -> None:
    one = prediction()
    assert len(one.found) == 9
    assert [mark.reason for mark in one.missed] == ["dark"]


def test_prediction_survives_json() -> None:
    one = prediction(seconds={"network": 0.5})
    assert Prediction.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_prediction_wants_all_ten_in_order() -> None:
    with pytest.raises(ValueError, match="expected the ten landmarks"):
        prediction(landmarks=prediction().landmarks[::-1])


def test_an_abstained_prediction_has_no_points() -> None:
    with pytest.raises(ValueError, match="abstained"):
        prediction(abstained="levels in doubt")
