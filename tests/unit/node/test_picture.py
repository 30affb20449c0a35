"""The picture shows what was sent: points read from the SR, on the images it names."""

from pathlib import Path

import pytest
from PIL import Image
from pydicom import dcmread

from model.labels import LABELS, spoken
from model.landmark import Landmark, Prediction
from model.phantom import write_case
from model.volume import load
from node import picture
from node.headers import read_headers
from node.report import ReportContext, build


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path, Prediction]:
    from datetime import UTC, datetime

    folder = tmp_path_factory.mktemp("picture")
    write_case(folder, seed=41)
    images = sorted((folder / "dicom").glob("*.dcm"))
    scan = load(images)
    slices, rows, columns = scan.pixels.shape
    points = [
        scan.to_patient(
            [(slices - 3 if "left" in label else 2, rows * (n // 2 + 2) / 9, columns / 2)]
        )
        for n, label in enumerate(LABELS)
    ]
    landmarks = [
        Landmark(label, point_mm=tuple(map(float, point[0])), confidence=0.5)
        for label, point in zip(LABELS, points, strict=True)
    ]
    landmarks[3] = Landmark(LABELS[3], reason="not found")
    prediction = Prediction(tuple(landmarks), "stand-in", "1", "0" * 64)
    context = ReportContext(scan.content_digest, "c" * 64, datetime(2026, 1, 1, tzinfo=UTC), "0")
    report = folder / "sr.dcm"
    report.write_bytes(build(prediction, read_headers(images), context).data)
    return images, report, prediction


def test_marks_are_the_points_of_the_report(
    sent: tuple[list[Path], Path, Prediction],
) -> None:
    images, report, prediction = sent
    found = {mark.text: mark for mark in picture.marks(dcmread(report))}
    assert set(found) == {spoken(mark.label) for mark in prediction.found}
    uids = {dcmread(path).SOPInstanceUID for path in images}
    assert {mark.sop_instance_uid for mark in found.values()} <= uids


def test_a_picture_is_drawn(sent: tuple[list[Path], Path, Prediction], tmp_path: Path) -> None:
    images, report, _ = sent
    assert picture.draw(images, report, tmp_path / "out" / "markers.png") == 9
    with Image.open(tmp_path / "out" / "markers.png") as drawn:
        yellow = [colour for _, colour in drawn.convert("RGB").getcolors(1 << 24) or []]
    assert any(red > 200 and green > 150 and blue < 80 for red, green, blue in yellow)
