"""Where the foramina to cut out come from: a truth, an annotation, a prediction, a report."""

import json
from pathlib import Path

import pytest
from pydicom import dcmread

from model import commands
from model.annotation.record import Annotation, Mark, write
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.volume import Volume
from tests import foreign_reports


@pytest.fixture
def images(case_folder: Path) -> Path:
    """Give the folder of the phantom's images."""
    return case_folder / "dicom"


def uid_of(images: Path) -> str:
    return str(dcmread(next(images.iterdir())).SeriesInstanceUID)


def prediction(volume: Volume, swapped: bool = False) -> Prediction:
    """Answer with L1 on both sides, in impossible order when swapped; the rest is missed."""
    slices, rows, columns = volume.pixels.shape
    ends = (2, slices - 3) if swapped else (slices - 3, 2)
    points = {}
    for label, place in zip(("L1-left", "L1-right"), ends, strict=True):
        x, y, z = volume.to_patient([(place, rows / 4, columns / 2)])[0]
        points[label] = Landmark(label, (float(x), float(y), float(z)), 0.8)
    marks = tuple(points.get(label, Landmark(label, reason="not seen")) for label in LABELS)
    return Prediction(marks, "b", "1", "0")


def test_of_a_truth(case_folder: Path, images: Path) -> None:
    volume, targets = commands.crop_targets(images, points=case_folder / "truth.json")
    truth = json.loads((case_folder / "truth.json").read_text())["points"]
    assert {target.label: list(target.point_mm or ()) for target in targets} == truth
    assert volume.pixels.ndim == 3


def test_of_an_annotation(images: Path, tmp_path: Path) -> None:
    volume, _ = commands.crop_targets(images, points=images.parent / "truth.json")
    slices, rows, columns = volume.pixels.shape
    x, y, z = (float(v) for v in volume.to_patient([(slices - 3, rows / 2, columns / 2)])[0])
    path = tmp_path / "annotation.json"
    marks = {"L3-left": (Mark(point_mm=(x, y, z)),)}
    write(Annotation(series_instance_uid=uid_of(images), marks=marks), path)
    _, targets = commands.crop_targets(images, points=path)
    assert [target.label for target in targets if target.point_mm] == ["L3-left"]
    assert targets[0].reason == "annotation.json has no point for it"


@pytest.mark.parametrize("swapped", [False, True])
def test_of_a_prediction_without_what_cannot_be(
    images: Path, tmp_path: Path, swapped: bool
) -> None:
    volume, _ = commands.crop_targets(images, points=images.parent / "truth.json")
    path = tmp_path / "prediction.json"
    path.write_text(json.dumps(prediction(volume, swapped).to_json()))
    _, targets = commands.crop_targets(images, points=path)
    assert [target.label for target in targets] == list(LABELS)
    assert targets[2].reason == "not seen"
    if swapped:
        assert targets[0].point_mm is None
        assert "not to the left of the L1/L2 right foramen" in str(targets[0].reason)
    else:
        assert targets[0].confidence == 0.8


def report(path: Path, volume: Volume, series: str, instance: str) -> Path:
    """Write an SR that marks one foramen of a series in the patient."""
    slices, rows, columns = volume.pixels.shape
    point = volume.to_patient([(slices - 3, rows / 2, columns / 2)])[0].tolist()
    where = foreign_reports.scoord3d(point, frame=volume.frame_of_reference_uid)
    on_image = foreign_reports.scoord([columns / 2 + 0.5, rows / 2 + 0.5], instance)
    group = foreign_reports.group(*foreign_reports.tracking("L4/L5 left foramen"), on_image, where)
    content = foreign_reports.measurements(group)
    return foreign_reports.document(path, content, evidence=((series, (instance,)),))


def test_of_a_report(images: Path, tmp_path: Path) -> None:
    volume, _ = commands.crop_targets(images, points=images.parent / "truth.json")
    path = report(tmp_path / "sr.dcm", volume, uid_of(images), volume.sop_instance_uids[-3])
    _, targets = commands.crop_targets(images, points=path)
    (found,) = [target for target in targets if target.point_mm]
    assert found.label == "L4-left"
    slices, rows, columns = volume.pixels.shape
    expected = (slices - 3, rows / 2, columns / 2)
    assert volume.to_index([found.point_mm])[0] == pytest.approx(expected, abs=1e-3)


def test_of_a_report_of_another_series_is_refused(images: Path, tmp_path: Path) -> None:
    volume, _ = commands.crop_targets(images, points=images.parent / "truth.json")
    path = report(tmp_path / "sr.dcm", volume, "1.2.3.50", "1.2.3.1")
    with pytest.raises(ValueError, match=r"marks series 1\.2\.3\.50; expected that of"):
        commands.crop_targets(images, points=path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '{"landmarks": []}', "expected a prediction as `foramina model predict --json`"),
        ("a.json", '{"kind": "levels"}', "kind is 'levels'; expected 'points'"),
        ("a.dcm", "no SR", "expected a DICOM SR"),
    ],
)
def test_what_holds_no_points_is_refused(
    images: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        commands.crop_targets(images, points=path)


def test_images_that_make_no_volume_are_refused_before_a_network_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no images"):
        commands.crop_targets(tmp_path)
