"""The phantom as DICOM: deterministic, valid, plainly synthetic, with its truth beside it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import MRImageStorage

from model import volume
from model.phantom import series, write_case
from model.phantom.drawing import Phantom


def test_truth_is_what_the_scoring_tool_reads(case_folder: Path, drawn: Phantom) -> None:
    truth = json.loads((case_folder / "truth.json").read_text())
    assert truth["kind"] == "points"
    assert truth["contrast"] == "T1"
    assert truth["points"]["L4-left"] == list(drawn.points["L4-left"])
    assert len(truth["points"]) == 10


def test_header_is_a_plausible_sagittal_t1(case_folder: Path) -> None:
    paths = sorted((case_folder / "dicom").glob("*.dcm"))
    headers = [dcmread(path, stop_before_pixels=True) for path in paths]
    first = headers[0]
    assert first.SOPClassUID == MRImageStorage
    assert first.PatientName == "Phantom^Three Zero Zero Zero Zero"
    assert (first.Modality, first.PatientPosition) == ("MR", "HFS")
    assert (first.RepetitionTime, first.EchoTime) == (560, 11)
    assert first.SpacingBetweenSlices >= first.SliceThickness
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)
    assert len({header.SeriesInstanceUID for header in headers}) == 1


def test_one_seed_gives_the_same_bytes(case_folder: Path, tmp_path: Path) -> None:
    paths = write_case(tmp_path, seed=30_000)
    for path in paths:
        assert path.read_bytes() == (case_folder / "dicom" / path.name).read_bytes()
    assert (tmp_path / "truth.json").read_text() == (case_folder / "truth.json").read_text()


def test_geometry_survives_the_decimal_strings(drawn: Phantom) -> None:
    made = volume.from_datasets(series.datasets(drawn))
    corner = [[0, 0, 0], [n - 1 for n in drawn.pixels.shape]]
    expected = (drawn.grid.affine @ [*corner[1], 1.0])[:3]
    assert abs(made.to_patient(corner)[1] - expected).max() < 0.01
    assert (made.pixels == drawn.pixels).all()


def test_attributes_can_be_changed_and_removed(drawn: Phantom) -> None:
    changed = series.datasets(drawn, {"PatientPosition": "FFS", "SpacingBetweenSlices": None})
    assert all(dataset.PatientPosition == "FFS" for dataset in changed)
    assert all("SpacingBetweenSlices" not in dataset for dataset in changed)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs Debian package dicom3tools")
def test_dciodvfy_is_content(case_folder: Path) -> None:
    for path in sorted((case_folder / "dicom").glob("*.dcm"))[::6]:
        run = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in run.stderr
        assert "Warning" not in run.stderr
        assert "MRImage" in run.stderr + run.stdout
