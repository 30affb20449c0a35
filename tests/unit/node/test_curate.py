"""What a filter set does to an archive: counts worked out by hand, files on disk."""

import csv
import json
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from node import config
from node import curate as curate_module
from node.curate import curate
from node.curation import Count, markdown, save
from node.errors import ForaminaError
from node.filters import FilterSet
from node.settings import Rule
from tests.series_headers import HANDLES, series

CONFIG = config.load(Path(__file__).parents[3] / "config.yaml")


def rules(*rules_: tuple[str, str, object]) -> FilterSet:
    made = [
        Rule(attribute=name, operator=operator, value=value) for name, operator, value in rules_
    ]
    return FilterSet("two", made, HANDLES)


TWO = rules(("Modality", "equals", "MR"), ("SliceThickness", "between", (3, 4)))


def store(folder: Path, headers: list[Dataset], uid: str, patient: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, header in enumerate(headers):
        header.SeriesInstanceUID, header.StudyInstanceUID = uid, f"{patient}.1"
        header.SOPInstanceUID, header.PatientID = f"{uid}.{number}", patient
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.save_as(folder / f"{uid}.{number}", enforce_file_format=True)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Store five series of three patients: two suitable, one CT, one thick, one thick CT."""
    folder = tmp_path / "archive"
    store(folder / "1", series(9), "1.1", "1")
    store(folder / "1", series(10), "1.2", "1")
    store(folder / "2", series(11, Modality="CT"), "1.3", "2")
    store(folder / "2", series(12, SliceThickness=6), "1.4", "2")
    store(folder / "3", series(13, SliceThickness=6, Modality="CT"), "1.5", "3")
    return folder


def test_every_rule_counts_what_falls_there_and_what_fails_it_at_all(archive: Path) -> None:
    found = curate(archive, TWO)
    assert found.everything == Count(instances=55, series=5, studies=3, patients=3)
    modality, thickness = found.stages
    assert (modality.rule, modality.series, modality.instances) == ("Modality: MR", 2, 24)
    assert modality.left == Count(31, 3, 2, 2)
    assert thickness.rule == "SliceThickness: between 3 and 4"
    assert (thickness.series, thickness.instances, thickness.failing_series) == (1, 12, 2)
    assert found.suitable == thickness.left == Count(19, 2, 1, 1)


def test_stray_files_and_copies_are_counted(archive: Path) -> None:
    (archive / "note.txt").write_text("x")
    (archive / "DICOMDIR").write_text("x")
    (archive / "copy").write_bytes((archive / "1" / "1.1.0").read_bytes())
    found = curate(archive, TWO)
    assert (found.files, found.no_dicom, found.copies) == (57, 1, 1)
    assert found.everything.instances == 55


def test_a_series_with_an_unreadable_file_is_judged_by_no_rule(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = curate_module.read_headers

    def read(paths: list[Path]) -> list[Dataset]:
        if "1.4.0" in paths[0].name:
            raise curate_module.SeriesUnusableError("stored file 1.4.0 cannot be read")
        return real(paths)

    monkeypatch.setattr(curate_module, "read_headers", read)
    found = curate(archive, TWO)
    assert found.unreadable == 1
    assert found.stages[1].failing_series == 1
    assert "| a file is damaged | 1 |" in markdown(found)


@pytest.mark.parametrize("name", ["thesis", "default"])
def test_the_shipped_sets_judge_as_the_node_does(archive: Path, name: str) -> None:
    filter_set = FilterSet(name, CONFIG.filter_sets[name], HANDLES)
    found = curate(archive, filter_set)
    accepted = {one.series_instance_uid for one in found.series if not one.failed}
    assert accepted == ({"1.1", "1.2", "1.4"} if name == "default" else {"1.1", "1.2"})
    by_uid = {one.series_instance_uid: one for one in found.series}
    assert by_uid["1.3"].reasons == filter_set.judge(series(11, Modality="CT")).reasons


def test_several_processes_give_the_same(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = curate(archive, TWO)
    monkeypatch.setattr(curate_module, "_FEW_FILES", 0)
    assert curate(archive, TWO) == alone


def test_progress_is_told(archive: Path) -> None:
    told: list[tuple[str, int, int]] = []
    curate(archive, TWO, lambda *step: told.append(step))
    assert told[0] == ("reading files", 1, 55)
    assert told[54:56] == [("reading files", 55, 55), ("judging series", 1, 5)]
    assert told[-1] == ("judging series", 5, 5)


def test_the_report_is_saved_and_hides_patients(archive: Path, tmp_path: Path) -> None:
    found = curate(archive, TWO)
    save(found, tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "curation.json").read_text())
    assert stored["suitable"]["series"] == 2
    assert stored["stages"][0]["left"]["patients"] == 2
    text = (tmp_path / "out" / "curation.md").read_text()
    assert "| Modality: MR | 2 | 24 | 2 | 31 | 3 | 2 | 2 |" in text
    assert "| **suitable** | | | | 19 | 2 | 1 | 1 |" in text
    with (tmp_path / "out" / "series.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["suitable"] for line in lines] == ["True", "True", "False", "False", "False"]
    assert lines[2]["reasons"] == "Modality is CT in 11 of 11 instances; expected MR"
    assert all(len(line["patient"]) == 16 for line in lines)


def test_a_folder_without_dicom_is_told(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("x")
    with pytest.raises(ForaminaError, match=r"holds no DICOM file \(1 other files\); expected"):
        curate(tmp_path, TWO)
