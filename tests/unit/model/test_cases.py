"""Cases from folders: what is read, and what is refused with which sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pydicom
import pytest

from model.annotation import Annotation, Mark, write
from model.cases import Case, case_folders, read_annotated, read_case
from model.phantom.drawing import Phantom


def test_reads_images_points_and_marks(case_folder: Path, drawn: Phantom) -> None:
    case = read_case(case_folder)
    assert case.name == "one"
    assert case.points == drawn.points
    assert {name: tuple(marks) for name, marks in case.marks.items()} == drawn.marks
    assert case.volume.pixels.shape == drawn.pixels.shape


def test_finds_cases_in_a_folder_and_in_itself(case_folder: Path) -> None:
    assert case_folders(case_folder.parent) == [case_folder]
    assert case_folders(case_folder) == [case_folder]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no case; expected CASE/truth\.json"):
        case_folders(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "levels"}, "kind is 'levels'; expected 'points'"),
        ({"points": {}}, "expected 'points'"),
        ({"points": {"L6-left": [1, 2, 3]}}, "'L6-left'"),
        ({"points": {"L4-left": [1, 2]}}, r"\[1, 2\]; expected a label of .* and three mm"),
    ],
)
def test_a_wrong_truth_is_refused(
    case_folder: Path, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    path = tmp_path / "case" / "truth.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=sentence):
        read_case(tmp_path / "case")


def test_a_case_knows_its_patient_and_series(case_folder: Path) -> None:
    case = read_case(case_folder)
    assert len(case.patient) == 16
    assert "PHANTOM" not in case.patient
    assert case.series_instance_uid.startswith("2.25.")


def annotated(case: Case, **changes: Any) -> Annotation:
    """Annotate a phantom as its truth has it, each mark with its slice."""
    marks = {
        label: tuple(
            Mark(
                point_mm=point,
                sop_instance_uid=case.volume.sop_instance_uids[
                    round(case.volume.to_index([point])[0][0])
                ],
            )
            for point in some
        )
        for label, some in case.marks.items()
    }
    usual = {
        "series_instance_uid": case.series_instance_uid,
        "frame_of_reference_uid": case.volume.frame_of_reference_uid,
        "marks": marks,
    }
    return Annotation.model_validate({**usual, **changes})


def test_an_annotation_gives_marks_and_their_middles(case_folder: Path, tmp_path: Path) -> None:
    truth = read_case(case_folder)
    write(annotated(truth), tmp_path / "anna.json")
    case = read_annotated(case_folder / "dicom", tmp_path / "anna.json", "x")
    assert case.name == "x"
    assert case.marks == truth.marks
    first = truth.marks["L1-left"]
    assert case.points["L1-left"][2] == pytest.approx(sum(point[2] for point in first) / len(first))


def off_by_a_slice(case: Case) -> dict[str, Any]:
    usual = annotated(case).marks
    first = usual["L1-left"][0]
    x, y, z = first.point_mm
    step_mm = case.volume.spacing_mm[0]
    return {"marks": usual | {"L1-left": (first.model_copy(
        update={"point_mm": (x - 2 * step_mm, y, z)}
    ),)}}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"series_instance_uid": "1.2.3"}, r"annotates series 1\.2\.3; expected the series of"),
        ({"frame_of_reference_uid": "1.2.3"}, r"Frame of Reference 1\.2\.3; expected that of"),
        (
            {"marks": {"L1-left": (Mark(point_mm=(0, 0, 0), sop_instance_uid="1.2.3"),)}},
            r"L1-left names slice 1\.2\.3, which is not among",
        ),
        (
            {"marks": {"L1-left": (Mark(point_mm=(0, 0, 9000)),)}},
            r"L1-left at 0\.0, 0\.0, 9000\.0 mm lies outside the images: slice .*, row .*, column",
        ),
        (off_by_a_slice, r"a mark of L1-left .* lies \d\.\d slices off the slice that it names"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused(
    case_folder: Path, tmp_path: Path, change: Any, sentence: str
) -> None:
    truth = read_case(case_folder)
    changes = change(truth) if callable(change) else change
    write(annotated(truth, **changes), tmp_path / "anna.json")
    with pytest.raises(ValueError, match=rf"anna\.json: .*{sentence}"):
        read_annotated(case_folder / "dicom", tmp_path / "anna.json", "x")


def test_left_and_right_exchanged_are_refused(case_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    path = tmp_path / "case" / "truth.json"
    truth = json.loads(path.read_text())
    for part in ("points", "marks"):
        truth[part] = {
            name.replace("left", "?").replace("right", "left").replace("?", "right"): value
            for name, value in truth[part].items()
        }
    path.write_text(json.dumps(truth))
    with pytest.raises(ValueError, match=r"truth\.json: L1-right is .*not to the right of"):
        read_case(tmp_path / "case")


def test_other_files_beside_the_images_are_passed_over_or_named(
    case_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    (tmp_path / "case" / "dicom" / "anna.json").write_text("{}")
    (tmp_path / "case" / "dicom" / "DICOMDIR").write_bytes(b"x")
    read_case(tmp_path / "case")
    (tmp_path / "case" / "dicom" / "zz").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"case/dicom/zz: no DICOM file: .*of one series and nothing"
    ):
        read_case(tmp_path / "case")


def test_pixels_that_were_cut_off_are_told_with_the_file(case_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    path = tmp_path / "case" / "dicom" / "003.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"003\.dcm: .*bytes"):
        read_case(tmp_path / "case")


def test_two_patients_in_one_series_are_told(case_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    path = tmp_path / "case" / "dicom" / "003.dcm"
    other = pydicom.dcmread(path)
    other.PatientID = "somebody else"
    other.save_as(path)
    with pytest.raises(ValueError, match=r"003\.dcm: has another PatientID than 001\.dcm"):
        read_case(tmp_path / "case")
