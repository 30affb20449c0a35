"""An index checked again: what changed on the disk or was edited by hand."""

import shutil
from pathlib import Path

import pytest

from model.index import Index, Shares, build, cases, check


@pytest.fixture
def index(data: Path) -> Index:
    return build(data, shares=Shares(0.5)).index


def edited(index: Index, number: int, **changes: object) -> Index:
    entries = list(index.entries)
    entries[number] = entries[number].model_copy(update=changes)
    return index.model_copy(update={"entries": tuple(entries)})


def test_a_built_index_is_right(index: Index) -> None:
    read: list[str] = []
    assert check(index, read.append) == []
    assert read == list("abcdef")


def test_cases_carry_their_patient(index: Index) -> None:
    first, *_, last = cases(index.entries)
    assert first.name == "a"
    assert first.patient == last.patient == index.entries[0].patient


def test_a_patient_moved_by_hand_is_told(index: Index) -> None:
    other = "train" if index.entries[0].part == "test" else "test"
    (wrong,) = check(edited(index, 0, part=other))
    assert "is in two parts" in wrong
    assert "a/dicom" in wrong
    assert "f/dicom" in wrong


def test_a_patient_renamed_by_hand_is_told(index: Index) -> None:
    (wrong,) = check(edited(index, 0, patient="somebody", part=index.entries[5].part))
    assert "a/dicom holds images of patient" in wrong


def test_names_and_series_twice_are_told(index: Index) -> None:
    wrong = check(edited(index, 1, name="a", images=index.entries[0].images))
    assert any("two entries are called a" in one for one in wrong)
    assert any("the index expects" in one for one in wrong)
    same = {"series_instance_uid": index.entries[0].series_instance_uid}
    assert any("is there twice" in one for one in check(edited(index, 1, **same)))


def test_a_lost_folder_is_told(index: Index, data: Path) -> None:
    shutil.rmtree(data / "b" / "dicom")
    (wrong,) = check(index)
    assert "b/dicom: holds no images" in wrong
    (data / "c" / "truth.json").unlink()
    assert any("c/truth.json" in one for one in check(index))
