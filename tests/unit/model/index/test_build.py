"""An index built from folders: what it holds, and which sentence a broken data set gives."""

import json
import shutil
from pathlib import Path

import pydicom
import pytest

from model.annotation import Annotation, Mark, write
from model.index import Index, Shares, build, cases
from model.labels import LABELS
from tests.small_cases import AddCase, points

HALF = Shares(0.5)


def annotate(path: Path, series_instance_uid: str, annotator: str = "Anna") -> None:
    marks = {
        label: (Mark(point_mm=point, annotator=annotator),) for label, point in points().items()
    }
    write(Annotation(series_instance_uid=series_instance_uid, marks=marks), path)


def uid_of(folder: Path) -> str:
    return str(pydicom.dcmread(folder / "dicom" / "0.dcm").SeriesInstanceUID)


def parts(index: Index) -> dict[str, str]:
    return {entry.name: entry.part for entry in index.entries}


def test_cases_are_found_and_divided_by_patient(data: Path) -> None:
    built = build(data, shares=Shares(0.3, 0.2), seed=3)
    assert built.notes == ()
    found = parts(built.index)
    assert sorted(found) == list("abcdef")
    assert found["a"] == found["f"]
    assert set(found.values()) == {"train", "validation", "test"}
    assert all(
        len(entry.patient) == 16 and entry.patient not in "abcde" for entry in built.index.entries
    )
    assert build(data, shares=Shares(0.3, 0.2), seed=3) == built


def test_an_annotation_is_found_anywhere_by_its_series(
    tmp_path: Path, data: Path, add_case: AddCase
) -> None:
    folder = add_case("g", truth=False)
    add_case("h", truth=False)
    (data / "settings.json").write_text("{}")
    annotate(tmp_path / "marks" / "g.json", uid_of(folder))
    built = build(data, annotations=tmp_path / "marks", shares=HALF)
    (entry,) = (one for one in built.index.entries if one.name == "g")
    assert entry.annotation == tmp_path / "marks" / "g.json"
    (case,) = cases([entry])
    assert list(case.points) == list(LABELS)
    assert [note.split(",")[0] for note in built.notes] == [
        "1 folders of images have no annotation",
        "1 JSON files are no annotations",
    ]


def test_known_patients_keep_their_part(data: Path, add_case: AddCase) -> None:
    first = build(data, shares=HALF, seed=1).index
    add_case("g")
    second = build(data, shares=HALF, seed=7, previous=first).index
    assert parts(second).items() >= parts(first).items()


def test_folders_name_the_parts(tmp_path: Path, add_case: AddCase) -> None:
    add_case("train/a")
    add_case("test/b")
    assert parts(build(tmp_path / "data").index) == {"train/a": "train", "test/b": "test"}
    add_case("other/c")
    with pytest.raises(ValueError, match="other/c/dicom: lies in no folder that names a part"):
        build(tmp_path / "data")


def test_a_patient_in_both_parts_is_told(tmp_path: Path, add_case: AddCase) -> None:
    add_case("train/a", patient="7")
    add_case("test/b", patient="7")
    with pytest.raises(
        ValueError, match=r"is in two parts: .*test/b/dicom for test, .*train/a/dicom for train"
    ):
        build(tmp_path / "data")


def test_the_same_scan_under_two_names_is_told(tmp_path: Path, add_case: AddCase) -> None:
    add_case("train/a")
    add_case("test/b")
    for number in range(5):
        pixels = pydicom.dcmread(tmp_path / f"data/train/a/dicom/{number}.dcm").PixelData
        path = tmp_path / f"data/test/b/dicom/{number}.dcm"
        other = pydicom.dcmread(path)
        other.PixelData = pixels
        other.save_as(path)
    with pytest.raises(ValueError, match=r"the same pixels stand in .*\(for test and train\)"):
        build(tmp_path / "data")


def test_mixed_series_are_told_with_the_file(data: Path) -> None:
    shutil.copy(data / "b" / "dicom" / "2.dcm", data / "c" / "dicom" / "stray.dcm")
    with pytest.raises(ValueError, match=r"c/dicom/stray\.dcm: belongs to series .*0\.dcm beside"):
        build(data, shares=HALF)


def test_a_missing_slice_is_told_with_the_folder(data: Path) -> None:
    (data / "c" / "dicom" / "2.dcm").unlink()
    with pytest.raises(ValueError, match=r"c: .*c/dicom: between slice 2 and slice 3 .*1 missing"):
        build(data, shares=HALF)


def test_a_missing_last_slice_is_told_by_the_marks_on_it(data: Path) -> None:
    far = points() | {"L1-left": [8.0, -35.0, 68.0]}
    (data / "c" / "truth.json").write_text(json.dumps({"kind": "points", "points": far}))
    build(data, shares=HALF)
    (data / "c" / "dicom" / "4.dcm").unlink()
    with pytest.raises(ValueError, match=r"c/truth\.json: L1-left .* outside .*: slice 4\.0 of 0"):
        build(data, shares=HALF)


def test_wrong_labels_are_told_with_the_file(data: Path) -> None:
    good = points()
    shifted = good | {"L2-left": good["L3-left"], "L3-left": good["L2-left"]}
    (data / "c" / "truth.json").write_text(json.dumps({"kind": "points", "points": shifted}))
    with pytest.raises(ValueError, match=r"c/truth\.json: L2-left is found in impossible order"):
        build(data, shares=HALF)


def test_every_fault_is_named_at_once(data: Path) -> None:
    (data / "a" / "truth.json").write_text("{")
    (data / "b" / "truth.json").write_text('{"kind": "points", "points": {"L9": [1, 2, 3]}}')
    (data / "c" / "dicom" / "2.dcm").write_bytes(b"DICM?")
    with pytest.raises(ValueError, match=r"a/truth\.json, line 1: .*expected JSON"):
        build(data, shares=HALF)
    shutil.rmtree(data / "a")
    with pytest.raises(ValueError, match="L9") as raised:
        build(data, shares=HALF)
    assert "c/dicom/2.dcm: no DICOM file" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 2


def test_an_annotation_without_images_is_told(tmp_path: Path, data: Path) -> None:
    annotate(data / "lost.json", "1.2.3.4")
    with pytest.raises(ValueError, match=r"lost\.json: annotates series 1\.2\.3\.4, of which"):
        build(data, shares=HALF)
    (data / "lost.json").unlink()
    shutil.rmtree(data / "c" / "dicom")
    with pytest.raises(ValueError, match=r"c/truth\.json: there are no DICOM images in"):
        build(data, shares=HALF)


def test_two_annotators_are_told_apart(data: Path, add_case: AddCase) -> None:
    folder = add_case("g", truth=False)
    annotate(folder / "anna.json", uid_of(folder), "Anna")
    annotate(folder / "bert.json", uid_of(folder), "Bert")
    with pytest.raises(ValueError, match=r"bert\.json: .*same series as .*anna.*\(Anna, Bert\)"):
        build(data, shares=HALF)
    built = build(data, shares=HALF, annotator="Bert")
    assert built.index.entries[-1].annotation.name == "bert.json"


def test_a_copied_series_is_told(data: Path, add_case: AddCase) -> None:
    folder = add_case("g", truth=False)
    annotate(data / "g.json", uid_of(folder))
    shutil.copytree(folder, data / "copy")
    with pytest.raises(ValueError, match=r"g\.json: the images of its series .* lie in 2 folders"):
        build(data, shares=HALF)


def test_removed_patient_numbers_are_told_and_studies_help(data: Path, add_case: AddCase) -> None:
    add_case("g", PatientID="")
    with pytest.raises(ValueError, match=r"g/dicom/0\.dcm: has no PatientID; .*by study"):
        build(data, shares=HALF)
    assert len(build(data, shares=HALF, patients="study").index.entries) == 7
    by_folder = build(data, shares=HALF, patients="folder").index
    assert {entry.patient for entry in by_folder.entries} == set("abcdefg")


def test_a_folder_without_annotations_is_told(tmp_path: Path, add_case: AddCase) -> None:
    add_case("a", truth=False)
    with pytest.raises(ValueError, match=r"none of the 1 series is annotated; .*imported first"):
        build(tmp_path / "data", shares=HALF)
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        build(tmp_path / "nowhere", shares=HALF)
