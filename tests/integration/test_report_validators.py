"""Reports before judges that know nothing of this project: dciodvfy, dsrdump, highdicom."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from highdicom import sr

from model.labels import LABELS
from node.report import build
from tests import report_series as made

PACKAGES = {"dciodvfy": "dicom3tools", "dsrdump": "dcmtk"}
EXPECTED = re.compile(r"Unrecognized defined term = <99FORAMINA>|needed to build DICOMDIR")
"""dciodvfy knows no local coding scheme, and a source without PatientID makes no DICOMDIR."""
REPORTS = {
    "full": (made.prediction(), {}),
    "partly": (made.with_marks(L1_left="no clear maximum", L4_right="no clear maximum"), {}),
    "abstained": (made.abstained("levels in doubt"), {}),
    "on images only": (made.prediction(), {"FrameOfReferenceUID": None}),
    "without thickness": (made.prediction(), {"SliceThickness": None}),
    "without type 2": (made.prediction(), {"PatientID": None, "StudyID": None, "StudyDate": None}),
    "latin name": (made.prediction(), {"PatientName": "Müller^Jörg"}),
}


@pytest.fixture(scope="module", params=REPORTS)
def report(request, tmp_path_factory) -> Path:
    prediction, attributes = REPORTS[request.param]
    path = tmp_path_factory.mktemp("report") / "report.dcm"
    path.write_bytes(build(prediction, made.series(**attributes), made.context()).data)
    return path


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is missing: apt-get install {PACKAGES[str(command[0])]}")
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def test_dciodvfy_finds_no_error(report):
    done = run("dciodvfy", "-new", report)
    said = (done.stdout + done.stderr).splitlines()

    assert any("Comprehensive3DSR" in line for line in said)  # it knew what to check
    assert [line for line in said if line.startswith("Error")] == []
    assert [line for line in said if line.startswith("Warning") and not EXPECTED.search(line)] == []


def test_dsrdump_reads_the_document(report):
    done = run("dsrdump", report)

    assert done.returncode == 0
    assert done.stderr == ""
    assert "Comprehensive 3D SR Document" in done.stdout
    assert "Qualitative Evaluations" in done.stdout


def test_highdicom_finds_the_groups_again(tmp_path):
    path = tmp_path / "report.dcm"
    path.write_bytes(build(made.prediction(), made.series(), made.context()).data)
    content = sr.srread(path).content

    flat = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues.POINT)
    deep = content.get_planar_roi_measurement_groups(graphic_type=sr.GraphicTypeValues3D.POINT)

    assert len(flat) == len(deep) == len(LABELS)
    assert [group.tracking_uid for group in flat] == [group.tracking_uid for group in deep]


def test_highdicom_reads_a_report_without_measurements(tmp_path):
    path = tmp_path / "report.dcm"
    answer = made.abstained("levels in doubt")
    path.write_bytes(build(answer, made.series(), made.context()).data)

    assert sr.srread(path).content.get_planar_roi_measurement_groups() == []
