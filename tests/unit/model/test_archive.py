"""Headers of a folder: planes, pseudonyms, and what is passed over."""

from pathlib import Path

import numpy as np
import pytest

from model.archive import files, images, pseudonym


@pytest.fixture
def folder(tmp_path: Path, make_stack) -> Path:
    for number, dataset in enumerate(make_stack(3, SeriesInstanceUID="1.2.3.50", PatientID="P1 ")):
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    return tmp_path


def test_images_are_read_and_other_files_passed_over(folder: Path) -> None:
    (folder / "note.txt").write_text("x")
    (folder / "junk").write_bytes(b"\x00" * 300)
    (folder / ".hidden").write_text("x")
    told: list[int] = []
    found = list(images(files(folder), told.append))
    assert [one.path.name for one in found] == ["0.dcm", "1.dcm", "2.dcm"]
    assert {one.series_instance_uid for one in found} == {"1.2.3.50"}
    assert told == [1, 2, 3, 4, 5]


def test_a_plane_maps_scoord_to_the_patient(folder: Path) -> None:
    """The centre of the first pixel is (0.5, 0.5) (PS3.3 section C.18.6.1.1)."""
    plane = next(images(files(folder))).plane
    assert plane is not None
    assert plane.to_patient(0.5, 0.5) == (-8.0, -50.0, 70.0)
    assert plane.to_patient(2.5, 4.5) == (-8.0, -48.5, 68.0)
    assert plane.distance_mm((-5.0, 3.0, 17.0)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("ImagePositionPatient", None), ("PixelSpacing", [1]), ("ImageOrientationPatient", "")],
)
def test_a_header_without_geometry_has_no_plane(
    tmp_path: Path, make_stack, keyword: str, value: object
) -> None:
    dataset = make_stack(3)[0]
    setattr(dataset, keyword, value)
    dataset.save_as(tmp_path / "0.dcm", enforce_file_format=True)
    (found,) = images(files(tmp_path))
    assert found.plane is None


def test_patients_are_hidden_and_told_apart(folder: Path) -> None:
    (first, *_) = images(files(folder))
    assert first.patient == pseudonym("P1")
    assert pseudonym("") == ""
    assert len({pseudonym("P1"), pseudonym("P2"), pseudonym("P1", "clinic")}) == 3
    assert np.all([digit in "0123456789abcdef" for digit in first.patient])
