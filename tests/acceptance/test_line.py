"""The whole line as a hospital sees it: storescu in, Structured Report in Orthanc out."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from model.phantom import write_case
from tests.black_box import BlackBox
from tests.peers import Orthanc

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("storescu") is None, reason="needs Debian package dcmtk"),
]

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
REAL = SHARED / "data" / "real-dev"
CHECK_SR = SHARED / "tools" / "sr-rig" / "check_sr.py"


def pacs(orthanc: Orthanc) -> list[dict[str, Any]]:
    return [
        {
            "name": "orthanc",
            "ae_title": orthanc.ae_title,
            "host": "127.0.0.1",
            "port": orthanc.dicom_port,
        }
    ]


def series_uid(folder: Path) -> str:
    return str(dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).SeriesInstanceUID)


def reports_about(orthanc: Orthanc, uid: str) -> list[Dataset]:
    """Fetch the SRs in the PACS whose evidence names a series."""
    return [
        ds
        for ds in map(dcmread, map(BytesIO, orthanc.files()))
        if ds.Modality == "SR"
        and uid
        in {
            series.SeriesInstanceUID
            for study in ds.get("CurrentRequestedProcedureEvidenceSequence", [])
            for series in study.ReferencedSeriesSequence
        }
    ]


@pytest.fixture(scope="module")
def box(black_box: Callable[..., BlackBox], orthanc: Orthanc) -> BlackBox:
    """One node for all tests of this module; each test sends series of its own."""
    silent = {**pacs(orthanc)[0], "name": "silent", "shadow": True}
    return black_box(
        destinations=[*pacs(orthanc), silent],
        worker={"lease_s": 8, "heartbeat_s": 1, "poll_s": 0.2, "retry_delay_s": 0.2},
        log={"level": "debug"},
    )


def send_phantom(box: BlackBox, folder: Path, seed: int) -> str:
    """Send a phantom with storescu; give its SeriesInstanceUID."""
    write_case(folder, seed=seed)
    box.send(folder / "dicom")
    return series_uid(folder / "dicom")


def send_until_it_runs(box: BlackBox, folder: Path, seed: int) -> str:
    """Send a phantom and wait until its job has just started; give its SeriesInstanceUID."""
    write_case(folder, seed=seed)
    before = box.logged("job started")
    box.send(folder / "dicom")
    box.wait(lambda: box.logged("job started") > before, "a job starts", poll_s=0.02)
    return series_uid(folder / "dicom")


def test_a_phantom_series_becomes_a_report_in_the_pacs(
    box: BlackBox, orthanc: Orthanc, tmp_path: Path
) -> None:
    uid = send_phantom(box, tmp_path, seed=11)
    (job,) = box.wait_jobs(uid)
    assert job["state"] == "succeeded", job["error"]
    # the shadow destination gets nothing
    assert box.wait_deliveries(job["id"]) == {"orthanc": "stored", "silent": "shadow"}
    shown = box.series(uid)
    assert shown["state"] == "accepted"
    assert shown["history"][0]["kind"] == "received"
    (report,) = reports_about(orthanc, uid)
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34"
    # sending the same series again makes no second job and no second report
    box.send(tmp_path / "dicom")
    again = box.series(uid)
    assert (again["revision"], len(again["jobs"])) == (shown["revision"], 1)


def test_a_worker_killed_in_the_middle_of_a_job_costs_nothing(
    box: BlackBox, orthanc: Orthanc, tmp_path: Path
) -> None:
    workers = box.workers()
    uid = send_until_it_runs(box, tmp_path, seed=12)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    (job,) = box.wait_jobs(uid)
    assert job["state"] == "succeeded", job["error"]
    assert job["attempts"] == 2
    box.wait_deliveries(job["id"])
    history = [event["kind"] for event in box.ask("jobs", "show", str(job["id"]))["history"]]
    assert history.count("claimed") == 2
    assert len(reports_about(orthanc, uid)) == 1


def test_a_node_killed_with_everything_it_runs_finishes_after_a_restart(
    box: BlackBox, orthanc: Orthanc, tmp_path: Path
) -> None:
    uid = send_until_it_runs(box, tmp_path, seed=13)
    box.kill()
    box.start()
    (job,) = box.wait_jobs(uid)
    assert job["state"] == "succeeded", job["error"]
    box.wait_deliveries(job["id"])
    assert len(reports_about(orthanc, uid)) == 1


def test_a_node_told_to_stop_finishes_its_job_first(box: BlackBox, tmp_path: Path) -> None:
    uid = send_until_it_runs(box, tmp_path, seed=17)
    box.stop()
    box.start()
    (job,) = box.wait_jobs(uid)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)


def test_a_late_image_makes_a_new_report(box: BlackBox, orthanc: Orthanc, tmp_path: Path) -> None:
    write_case(tmp_path, seed=14)
    last = max((tmp_path / "dicom").glob("*.dcm"))
    late = tmp_path / "late"
    late.mkdir()
    last.rename(late / last.name)
    box.send(tmp_path / "dicom")
    uid = series_uid(late)
    box.wait_jobs(uid)
    box.send(late)
    jobs = box.wait_jobs(uid, 2)
    assert jobs[0]["series_revision"] > jobs[1]["series_revision"]
    assert box.wait_deliveries(jobs[0]["id"])["orthanc"] == "stored"
    assert "reopened" in [event["kind"] for event in box.series(uid)["history"]]
    assert len(reports_about(orthanc, uid)) == 2


def test_no_patient_name_is_ever_logged(box: BlackBox, tmp_path: Path) -> None:
    write_case(tmp_path, seed=16)
    for path in (tmp_path / "dicom").glob("*.dcm"):
        ds = dcmread(path)
        ds.PatientName, ds.PatientID, ds.AccessionNumber = "Planted^Person", "PLANTED-1", "PLNT7"
        ds.save_as(path)
    box.send(tmp_path / "dicom")
    (job,) = box.wait_jobs(series_uid(tmp_path / "dicom"))
    box.wait_deliveries(job["id"])
    written = box.log.read_text()
    assert "job succeeded" in written
    assert not [word for word in ("Planted", "PLANTED-1", "PLNT7") if word in written]


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real-dev series beside the project")
def test_every_real_series_becomes_one_acceptable_report(
    box: BlackBox, orthanc: Orthanc, tmp_path: Path
) -> None:
    cases = sorted(path.parent for path in REAL.glob("*/truth.json"))
    for case in cases:
        box.send(case / "dicom")
    refused = {}
    for case in cases:
        (job,) = box.wait_jobs(series_uid(case / "dicom"))
        assert job["state"] == "succeeded", job["error"]
        box.wait_deliveries(job["id"])
        (report,) = reports_about(orthanc, series_uid(case / "dicom"))
        located = box.ask("jobs", "show", str(job["id"]))["report"]["located"]
        path = tmp_path / f"{case.name}.dcm"
        report.save_as(path, enforce_file_format=True)
        verdict = subprocess.run(
            [sys.executable, str(CHECK_SR), str(case / "dicom"), str(path)]
            + ["--points", str(located)]
            + (["--ohif"] if located else []),
            capture_output=True,
            text=True,
            check=False,
        )
        if verdict.returncode:
            refused[case.name] = [x for x in verdict.stdout.splitlines() if x.startswith("FAIL")]
    assert refused == {}
