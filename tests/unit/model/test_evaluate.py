"""A test set through a stand-in predictor: report, page and pictures."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model import bundle
from model.bundle import ModelBundle
from model.cases import Case
from model.evaluate import evaluate, markdown, read_report, write_report
from model.expected import Expected
from model.labels import LABELS, split
from model.landmark import Landmark, Point, Prediction
from model.localise import LocaliseSpec
from model.networks.spec import NetworkSpec
from model.patch import PatchMethod
from model.preprocess import PreprocessSpec
from model.volume import Volume


def stand_in(folder: Path) -> ModelBundle:
    method = PatchMethod(NetworkSpec(), PreprocessSpec(), LocaliseSpec(), "network.weights.h5")
    return bundle.ModelBundle("b", "1", folder, method, {}, "d", "")


@pytest.fixture
def scan() -> Case:
    """Make a scan of ten known points; its pixels are looked at by nobody."""
    volume = Volume(np.zeros((3, 4, 4), np.float32), np.eye(4), "1.2", ("1.2.3",) * 3, "d")
    points = {
        label: (8.0 if split(label)[1] == "left" else -8.0, 0.0, 70.0 - 25.0 * (index // 2))
        for index, label in enumerate(LABELS)
    }
    return Case("phantom", volume, points, {})


def answering(points: dict[str, Point], dark: str = "L1-left") -> Callable[[Volume], Prediction]:
    """Make a predictor that is 1 mm off in x and 5 mm in y-z, and misses one foramen."""
    landmarks = tuple(
        Landmark(name, reason="dark") if name == dark
        else Landmark(name, (x + 1, y + 3, z + 4), 0.8)
        for name, (x, y, z) in points.items()
    )  # fmt: skip
    return lambda _: Prediction(landmarks, "b", "1", "d")


def test_reports_every_group_and_every_distance(scan: Case, tmp_path: Path) -> None:
    done: list[str] = []
    predict = answering(dict(scan.points))
    report = evaluate(predict, [scan], stand_in(tmp_path), done.append)
    assert done == ["phantom"]
    assert json.loads(json.dumps(report)) == report
    assert report["scans"] == 1
    first, second, *_ = report["foramina"]
    assert [line["label"] for line in report["foramina"]] == list(LABELS)
    assert (first["reason"], first["point_mm"], first["within_5_mm"]) == ("dark", None, False)
    assert (second["x_mm"], second["yz_mm"], second["nearest_level"]) == (1.0, 5.0, "L1")
    group = report["groups"]["all"]
    assert (group["foramina"], group["missed"], group["within_5_mm"]) == (10, 1, 9)
    assert (group["mean_yz_mm"], group["mean_x_mm"]) == (5.0, 1.0)
    assert report["groups"]["L1"]["recall"] == 0.5
    assert report["groups"]["left"]["recall"] == 0.8
    assert report["groups"]["L1-left"]["missed"] == 1
    table = markdown(report)
    assert "1 scan of 1 patient." in table
    assert "| labelled L1 | . | 1 | . | . | . | . | . | 1 |" in table
    assert "| all | 10 | 1 | 0 | 5.00 | 1.00 | 90.0% [59.6%, 98.2%] | - | 90.0%" in table
    assert "| every foramen within 5 mm | 0 of 1 | 0.0% [0.0%, 79.3%] |" in table
    assert "| foramina answered | 9 of 10, 90.0% [59.6%, 98.2%] |" in table


def test_what_is_expected_divides_the_scans(scan: Case, tmp_path: Path) -> None:
    expected = {"phantom": Expected(lumbar_count=6, outside=("L1-right",))}
    predict = answering(dict(scan.points))
    report = evaluate(predict, [scan], stand_in(tmp_path), expected=expected)
    assert set(report["answers"]) == {"all", "numbered"}
    assert report["answers"]["all"]["beyond"] == 1
    assert report["cases"] == [
        {"case": "phantom", "numbered": True, "lumbar_count": 6, "abstained": None,
         "shifted": False, "beyond": ["L1-right"]}
    ]  # fmt: skip


def test_scans_of_one_patient_are_redrawn_together(scan: Case, tmp_path: Path) -> None:
    scans = [
        dataclasses.replace(scan, name=f"scan-{number}", patient=f"patient-{number // 2}")
        for number in range(4)
    ]
    predict = answering(dict(scan.points))
    report = evaluate(predict, scans, stand_in(tmp_path))
    assert report["whole_scans"]["patients"] == 2
    # both patients have 18 hits of 20, so that redrawing them changes nothing
    assert report["groups"]["all"]["recall_by_patient"] == [0.9, 0.9]
    assert evaluate(predict, scans, stand_in(tmp_path)) == report


def test_a_level_without_points_has_a_dash(scan: Case, tmp_path: Path) -> None:
    def predict(volume: Volume) -> Prediction:
        landmarks = tuple(Landmark(name, reason="dark") for name in LABELS)
        return Prediction(landmarks, "b", "1", "d", abstained="levels in doubt")

    report = evaluate(predict, [scan], stand_in(tmp_path))
    assert "| L3 | 2 | 2 | 0 | - | - | 0.0%" in markdown(report)
    assert "| abstained | 1 of 1 |" in markdown(report)


def test_every_scan_is_shown_to_the_observer(scan: Case, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    evaluate(
        answering(dict(scan.points)), [scan], stand_in(tmp_path),
        observe=lambda case, prediction, lines: seen.append(
            (case.name, len(lines) - len(prediction.found))
        ),
    )  # fmt: skip
    assert seen == [("phantom", 1)]


def test_page_json_and_picture_are_written(scan: Case, tmp_path: Path) -> None:
    report = evaluate(answering(dict(scan.points)), [scan], stand_in(tmp_path))
    write_report(report, tmp_path / "out", "worst.png")
    assert read_report(tmp_path / "out") == report
    assert read_report(tmp_path / "out" / "evaluation.json") == report
    page = (tmp_path / "out" / "evaluation.md").read_text()
    assert page.startswith("# Evaluation of b 1\n")
    assert "| phantom | L1-left | - | - | missed: dark | - |" in page
    assert "](scatter.png)" in page
    assert "](worst.png)" in page
    assert (tmp_path / "out" / "scatter.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"evaluation.json cannot be read"):
        read_report(tmp_path)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"other.json is no evaluation; expected what"):
        read_report(tmp_path / "other.json")


def test_no_case_or_one_case_twice_is_told(scan: Case, tmp_path: Path) -> None:
    predict = answering(dict(scan.points))
    with pytest.raises(ValueError, match="no case to evaluate"):
        evaluate(predict, [], stand_in(tmp_path))
    with pytest.raises(ValueError, match="two cases are called 'phantom'"):
        evaluate(predict, [scan, scan], stand_in(tmp_path))
