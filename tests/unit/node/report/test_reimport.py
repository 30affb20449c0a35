"""The node's own reports read as annotations: points, slices and labels come back."""

from pathlib import Path

import numpy as np
import pytest

from model import archive
from model.annotation.report import read_report
from model.labels import LABELS, segment, split
from node.identity import MANUFACTURER
from node.report import build
from tests import report_series as made


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.dcm"
    path.write_bytes(build(made.prediction(), made.series(), made.context()).data)
    return path


@pytest.fixture
def images(tmp_path: Path) -> dict[str, archive.Image]:
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(made.SLICES):
        (folder / f"{index}.dcm").write_bytes(made.encoded(made.image(index)))
    return {one.sop_instance_uid: one for one in archive.images(archive.files(folder))}


@pytest.mark.parametrize("at_hand", [True, False])
def test_every_point_comes_back_once_on_its_slice(report, images, at_hand: bool) -> None:
    imported = read_report(report, images if at_hand else {})
    (annotation,) = imported.annotations

    assert annotation.series_instance_uid == made.SERIES
    assert annotation.frame_of_reference_uid == made.FRAME
    assert list(annotation.marks) == list(LABELS)
    for label, marks in annotation.marks.items():
        (mark,) = marks
        index, row, column = made.pixel(label)
        assert mark.sop_instance_uid == f"{made.SERIES}.{index + 1}"
        assert np.allclose(mark.point_mm, made.world(index, row, column), atol=1e-3)


def test_every_text_is_understood_and_the_device_named(report, images) -> None:
    imported = read_report(report, images)

    assert {label for _, label in imported.wording} == set(LABELS)
    assert all(segment(split(label or "")[0]) in words for words, label in imported.wording)
    assert MANUFACTURER in imported.annotations[0].source
    assert "not by a person" in imported.annotations[0].source


def test_a_report_on_images_only_needs_them(tmp_path: Path, images) -> None:
    path = tmp_path / "report.dcm"
    headers = made.series(FrameOfReferenceUID=None)
    path.write_bytes(build(made.prediction(), headers, made.context()).data)

    assert len(read_report(path, images).annotations[0].marks) == len(LABELS)
    with pytest.raises(ValueError, match=r"report\.dcm: .* only, which is not at hand"):
        read_report(path, {})


def test_a_report_that_abstains_has_no_points(tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(build(made.abstained("in doubt"), made.series(), made.context()).data)
    with pytest.raises(ValueError, match="holds no points"):
        read_report(path, {})
