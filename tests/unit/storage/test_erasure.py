"""Of an erased patient or study nothing is left but that something was there."""

from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from storage import erasure, jobs, removals, retention, series
from storage.database import Database
from storage.erasure import Subject
from storage.instances import InstanceStore, Outcome
from storage.tables import (
    Base,
    Delivery,
    Instance,
    Job,
    JobState,
    Report,
    ReportObject,
    Series,
    SeriesState,
)
from tests import kept
from tests.factories import UID_ROOT, make_incoming

PLANTED = ("PLANTED-7", "Doe", "T1 TSE SAG", "A1")
STUDY = f"{UID_ROOT}.88.1"


def everything(database: Database) -> str:
    """Give all rows of all tables as text."""
    lines = []
    with database.read() as session:
        for mapper in Base.registry.mappers:
            for row in session.scalars(select(mapper.class_)):
                values = [getattr(row, column.key) for column in inspect(mapper).column_attrs]
                lines.append(f"{mapper.class_.__name__} {values}")
    return "\n".join(lines)


def erase(database: Database, subject: Subject) -> erasure.Found:
    with database.begin() as session:
        return erasure.erase(session, subject, ["crops"])


@pytest.fixture
def reported(database: Database, tmp_path: Path) -> int:
    series_id = kept.receive(database, tmp_path, PatientID="PLANTED-7")
    with database.begin() as session:
        kept.report(session, tmp_path, series_id, "pacs", "archive")
        kept.deliver(session, "pacs")
    return series_id


@pytest.mark.parametrize(
    "subject", [Subject(patient_id=" PLANTED-7 "), Subject(study_instance_uid=STUDY)]
)
def test_rows_are_emptied_and_files_marked(
    database: Database, tmp_path: Path, reported: int, subject: Subject
) -> None:
    other = kept.receive(database, tmp_path, 2, PatientID="OTHER")
    uid = "2.25.1"
    found = erase(database, subject)
    assert (found.series, found.mixed, found.instances, found.reports) == ([reported], [], 3, 1)
    assert found.elsewhere == [("pacs", "report", uid, "stored")]
    left = everything(database)
    of_other = left.split("\n")
    assert not any(
        word in line for line in of_other for word in PLANTED if f"{kept.SERIES_UID}.2" not in line
    )
    with database.read() as session:
        row = session.get_one(Series, reported)
        assert (row.patient_id, row.series_description, row.reason) == ("", "", erasure.REASON)
        assert row.state == SeriesState.ACCEPTED
        report = session.scalars(select(Report)).one()
        assert report.prediction["landmarks"][0]["point_mm"] is None
        assert report.prediction["bundle"] == "b"
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
        assert states == ["stored", "cancelled"]
        assert not session.scalars(select(ReportObject)).one().current
        assert session.get_one(Series, other).patient_id == "OTHER"
    while removals.remove_some(database, tmp_path, 20) is not None:
        pass
    assert len(kept.files(tmp_path, "instances")) == 3
    assert all(f"{kept.SERIES_UID}.2/" in name for name in kept.files(tmp_path, "instances"))
    assert kept.files(tmp_path, "reports") == []


def test_what_is_queued_or_running_is_cancelled(database: Database, tmp_path: Path) -> None:
    series_id = kept.receive(database, tmp_path)
    with database.begin() as session:
        row = session.get_one(Series, series_id)
        series.complete(session, row, {})
        series.accept(session, row, {}, 3)
        claimed = jobs.claim(session, "worker", 60)
    assert claimed is not None
    found = erase(database, Subject(study_instance_uid=STUDY))
    assert found.open_jobs == 1
    with database.begin() as session:
        job = session.get_one(Job, claimed.id)
        assert (job.state, job.error) == (JobState.CANCELLED, erasure.REASON)
        with pytest.raises(jobs.LeaseLostError):
            jobs.succeed(session, claimed.id, claimed.fencing_token, {})


@pytest.mark.parametrize("deleted", [False, True])
def test_what_is_sent_again_after_is_new(
    database: Database, tmp_path: Path, reported: int, deleted: bool
) -> None:
    erase(database, Subject(patient_id="PLANTED-7"))
    if deleted:
        while removals.remove_some(database, tmp_path, 20) is not None:
            pass
    arriving = make_incoming(
        1,
        SeriesInstanceUID=f"{kept.SERIES_UID}.1",
        StudyInstanceUID=STUDY,
        SOPInstanceUID=f"{kept.SERIES_UID}.1.1",
        PatientID="PLANTED-7",
    )
    assert InstanceStore(database, tmp_path).store(arriving) is Outcome.STORED
    while removals.remove_some(database, tmp_path, 20) is not None:
        pass
    (path,) = kept.files(tmp_path, "instances")
    with database.read() as session:
        row = session.get_one(Series, reported)
        assert (row.state, row.patient_id) == (SeriesState.RECEIVING, "PLANTED-7")
        assert session.scalars(select(Instance.path)).all() == [path]


def test_instances_of_others_in_the_same_series_stay(database: Database, tmp_path: Path) -> None:
    series_id = kept.receive(database, tmp_path, PatientID="OTHER", images=2)
    store = InstanceStore(database, tmp_path)
    store.store(
        make_incoming(
            3,
            SeriesInstanceUID=f"{kept.SERIES_UID}.1",
            StudyInstanceUID=STUDY,
            SOPInstanceUID=f"{kept.SERIES_UID}.1.3",
            PatientID="PLANTED-7",
        )
    )
    found = erase(database, Subject(patient_id="PLANTED-7"))
    assert (found.series, found.mixed, found.instances) == ([series_id], [series_id], 1)
    with database.read() as session:
        row = session.get_one(Series, series_id)
        assert (row.state, row.patient_id) == (SeriesState.RECEIVING, "OTHER")
        assert session.scalars(select(Instance.patient_id)).all() == ["OTHER", "OTHER"]
    assert "PLANTED-7" not in everything(database)
    with database.begin() as session:  # and retention finds them, when their time has come
        kept.reject(session, series_id)
        found_again = retention.candidates(session, kept.before(session))
    assert [(one.id, one.files) for one in found_again] == [(series_id, 2)]


def test_a_second_run_finds_nothing(database: Database, tmp_path: Path, reported: int) -> None:
    erase(database, Subject(patient_id="PLANTED-7"))
    found = erase(database, Subject(patient_id="PLANTED-7"))
    assert (found.series, found.instances, found.reports) == ([], 0, 0)
    again = erase(database, Subject(study_instance_uid=STUDY))
    assert (again.series, again.instances, again.reports) == ([reported], 0, 0)


def test_a_subject_is_one_patient_or_one_study() -> None:
    for values in (("", ""), ("P1", "1.2"), (" ", "")):
        with pytest.raises(ValueError, match="not both"):
            Subject(*values)
    assert Subject("P1").is_of({"patient_id": "P1 \0"})
    assert not Subject("P1").is_of({"patient_id": "P11"})
    assert Subject("", "1.2").is_of({"study_instance_uid": "1.2"})


def test_a_fingerprint_needs_its_key() -> None:
    one = Subject("P1").fingerprint(b"k" * 32)
    assert one == Subject(" P1 ").fingerprint(b"k" * 32)
    assert one != Subject("P1").fingerprint(b"j" * 32)
    assert one != Subject("", "P1").fingerprint(b"k" * 32)
    assert "P1" not in one
