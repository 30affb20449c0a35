"""A test set through a stand-in predictor: report and table."""

import json
from pathlib import Path

import pytest

from model import bundle
from model.bundle import ModelBundle
from model.cases import Case
from model.evaluate import evaluate, markdown
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.localise import LocaliseSpec
from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec
from model.volume import Volume


def stand_in(folder: Path) -> ModelBundle:
    return bundle.ModelBundle(
        "b", "1", folder, folder, NetworkSpec(), PreprocessSpec(), LocaliseSpec(), {}, "d", ""
    )


def test_reports_every_group_and_every_distance(phantom_case: Case, tmp_path: Path) -> None:
    def predict(volume: Volume) -> Prediction:
        landmarks = tuple(
            Landmark(name, reason="dark") if name == "L1-left"
            else Landmark(name, (x + 1, y + 3, z + 4), 0.8)
            for name, (x, y, z) in phantom_case.points.items()
        )  # fmt: skip
        return Prediction(landmarks, "b", "1", "d")

    done: list[str] = []
    report = evaluate(predict, [phantom_case], stand_in(tmp_path), done.append)
    assert done == ["phantom"]
    assert json.loads(json.dumps(report)) == report
    assert report["scans"] == 1
    assert [line["label"] for line in report["foramina"]] == list(LABELS)
    group = report["groups"]["all"]
    assert (group["foramina"], group["missed"], group["within_5_mm"]) == (10, 1, 9)
    assert (group["mean_yz_mm"], group["mean_x_mm"]) == (5.0, 1.0)
    assert report["groups"]["L1"]["recall"] == 0.5
    table = markdown(report)
    assert "| all | 10 | 1 | 5.00 | 1.00 | 90.0% [59.6%, 98.2%] |" in table
    assert "| L5 | 2 | 0 |" in table


def test_a_level_without_points_has_a_dash(phantom_case: Case, tmp_path: Path) -> None:
    def predict(volume: Volume) -> Prediction:
        return Prediction(tuple(Landmark(n, reason="dark") for n in LABELS), "b", "1", "d")

    report = evaluate(predict, [phantom_case], stand_in(tmp_path))
    assert "| L3 | 2 | 2 | - | - | 0.0%" in markdown(report)


def test_no_case_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no case to evaluate"):
        evaluate(lambda _: None, [], stand_in(tmp_path))  # type: ignore[arg-type, return-value]
