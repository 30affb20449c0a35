"""Nothing that a node logs names a patient: on success, rejection, failure, refusal and errors.

Here one node lives through all of that. The logs of all other nodes of the suite are read too,
after each test: `tests.secrecy`.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pynetdicom import AE

from model.phantom import series as phantom_series
from model.phantom import write_case
from model.phantom.drawing import draw
from tests import factories, objects, secrecy
from tests.black_box import BlackBox
from tests.kill.scans import Scan
from tests.kill.traffic import corrected
from tests.peers import free_port

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("storescu") is None, reason="needs Debian package dcmtk"),
]

PLANTED = {
    "PatientName": "Plantedname^Plantedgiven",
    "PatientID": "PLANTEDPID",
    "PatientBirthDate": "19010203",
    "AccessionNumber": "PLANTEDACC",
    "OtherPatientIDs": "PLANTEDOTHER",
    "PatientAddress": "Plantedstreet 1",
    "ReferringPhysicianName": "Planteddoctor",
    "PatientComments": "plantedcomment",
}


def series(folder: Path, name: str, change: Callable[[Dataset], None] = lambda _ds: None) -> Path:
    """Write a phantom series of a patient of its own with planted identifiers."""
    case = folder / name
    write_case(case, seed=21)
    study, uid = (generate_uid(entropy_srcs=[name, what]) for what in ("study", "series"))
    for path in (case / "dicom").glob("*.dcm"):
        ds = dcmread(path)
        for keyword, value in PLANTED.items():
            setattr(ds, keyword, value)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = study, uid
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(ds.SOPInstanceUID)])
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        change(ds)
        ds.save_as(path)
    return case / "dicom"


def phantom() -> list[Dataset]:
    return list(phantom_series.datasets(draw(1)))


def corrected_scan() -> Dataset:
    return corrected(Scan(1, whole=True).instances()[0])


def as_t2(ds: Dataset) -> None:
    ds.SeriesDescription, ds.ProtocolName = "T2 TSE SAG", "T2 TSE SAG"
    ds.RepetitionTime, ds.EchoTime = "3500", "102"


def cut_short(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[: len(ds.PixelData) // 2]


def uid_of(folder: Path) -> str:
    return str(dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).SeriesInstanceUID)


def refused(box: BlackBox, folder: Path) -> list[int]:
    """Send what cannot be kept, as it is; the statuses."""
    ae = AE("SCANNER")
    ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
    association = ae.associate("127.0.0.1", box.port)
    original = dcmread(next(folder.glob("*.dcm")))

    def without_series(ds: Dataset) -> None:
        del ds.SeriesInstanceUID

    def with_a_malformed_uid(ds: Dataset) -> None:
        ds.StudyInstanceUID = "Plantedname"

    statuses = []
    for spoil in (without_series, with_a_malformed_uid):
        ds = dcmread(str(original.filename))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        spoil(ds)
        path = folder.parent / "spoilt.dcm"
        ds.save_as(path)
        statuses.append(int(association.send_c_store(path).Status))
    association.release()
    return statuses


def test_the_log_of_a_node_names_no_patient(
    black_box: Callable[..., BlackBox], tmp_path: Path
) -> None:
    nobody = {"name": "gone", "ae_title": "GONE", "host": "127.0.0.1", "port": free_port()}
    box = black_box(log={"level": "debug", "format": "json"}, destinations=[nobody])
    good, rejected = series(tmp_path, "good"), series(tmp_path, "rejected", as_t2)
    failing = series(tmp_path, "failing", cut_short)
    for folder in (good, rejected, failing):
        box.send(folder)
    assert refused(box, good) == [0xC000, 0xC000]
    other = dcmread(next(good.glob("*.dcm")))
    other.PatientName = "Plantedother^Name"  # the same instance with other content
    other.save_as(tmp_path / "good" / "dicom" / "other.dcm")
    box.wait_jobs(uid_of(good))
    box.wait_jobs(uid_of(failing))
    box.wait(lambda: box.series(uid_of(rejected))["state"] == "rejected", "T2 is rejected")
    box.send(good)
    box.wait(lambda: box.logged("not stored"), "a delivery fails")
    with sqlite3.connect(box.folder / "var" / "foramina.sqlite") as database:
        database.execute("ALTER TABLE series RENAME TO away")
    box.send(series(tmp_path, "late"))
    box.wait(lambda: box.logged("OperationalError") or box.logged("no such table"), "an error")
    with sqlite3.connect(box.folder / "var" / "foramina.sqlite") as database:
        database.execute("ALTER TABLE away RENAME TO series")
    box.stop()
    written = box.log.read_text()
    assert "instance refused" in written
    assert secrecy.naming(written) == []


@pytest.mark.parametrize(
    "made",
    [factories.make_dataset, objects.image, Scan(1, whole=True).instances, phantom, corrected_scan],
)
def test_every_patient_of_the_suite_would_be_seen(
    made: Callable[[], Dataset | list[Dataset]],
) -> None:
    found = made()
    ds = found[0] if isinstance(found, list) else found
    assert secrecy.naming(f"stored for {ds.PatientName}")
    assert secrecy.naming(f"patient_id={ds.PatientID!r}")
    if "PatientBirthDate" in ds:
        assert secrecy.naming(json.dumps({"event": "x", "born": ds.PatientBirthDate}))


@pytest.mark.parametrize("value", PLANTED.values())
def test_everything_planted_would_be_seen(value: str) -> None:
    assert secrecy.naming(f"2026-01-02 [info] stored [node.scp] found={value}")


@pytest.mark.parametrize(
    "line",
    [
        "series accepted series_instance_uid=2.25.19700101.1",
        "model loaded bundle=phantom-1 version=1.0.0",
        "worker started pid=2820 worker=vm:2802:c69522d1b5c0",
    ],
)
def test_what_names_nobody_is_let_through(line: str) -> None:
    assert secrecy.naming(line) == []


def test_a_watched_log_is_read_once_and_to_its_last_whole_line(tmp_path: Path) -> None:
    watch, log = secrecy.Watch(), tmp_path / "node.log"
    watch.add(log)
    assert watch.naming() == []
    log.write_text("ready\nseries of Doe^Ja")
    assert watch.naming() == []
    with log.open("a") as file:
        file.write("ne rejected\nnext\n")
    assert watch.naming() == [f"{log}: series of Doe^Jane rejected"]
    assert watch.naming() == []
