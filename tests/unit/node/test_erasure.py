"""Erasing reaches the journal, the rows, the files and what a kill left; and says that it did."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from node.erasure import KEY_FILE, Done, Eraser
from storage import removals
from storage.database import Database
from storage.erasure import Subject
from storage.incoming import instance_fields
from storage.journal import Kind, Reader, Writer
from storage.tables import Action
from storage.trail import Person
from tests import kept
from tests.factories import make_incoming, make_part10

ANNA = Person("anna", "desk")
SUBJECT = Subject(patient_id="PLANTED-7")


@pytest.fixture
def folder(sqlite_database: Database, tmp_path: Path) -> Path:
    """Give a storage folder with a reported series of the patient, and one of another."""
    storage = tmp_path / "storage"
    storage.mkdir()
    kept.receive(sqlite_database, storage, 2, PatientID="OTHER")
    series_id = kept.receive(sqlite_database, storage, PatientID="PLANTED-7")
    with sqlite_database.begin() as session:
        kept.report(session, storage, series_id, "pacs")
    return storage


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def erase(database: Database, folder: Path, subject: Subject = SUBJECT) -> Done:
    eraser = Eraser(database, folder, files_per_s=10_000)
    return eraser.erase(subject, ANNA, threading.Event())[1]


def test_looking_changes_nothing(sqlite_database: Database, folder: Path) -> None:
    before = bytes_of(folder)
    found = Eraser(sqlite_database, folder).look(SUBJECT)
    assert (found.instances, found.reports) == (3, 1)
    assert bytes_of(folder) == before


def test_no_byte_is_left_in_files_and_database(sqlite_database: Database, folder: Path) -> None:
    database_file = Path(str(sqlite_database.url.database))
    assert b"PLANTED-7" in bytes_of(folder)
    assert b"PLANTED-7" in bytes_of(database_file.parent)
    erase(sqlite_database, folder)
    assert b"PLANTED-7" not in bytes_of(folder)
    assert b"PLANTED-7" not in bytes_of(database_file.parent)  # file and log
    assert b"OTHER" in bytes_of(folder)
    assert len(kept.files(folder, "instances")) == 3


def test_the_journal_is_erased_and_brings_nothing_back(
    sqlite_database: Database, folder: Path
) -> None:
    writer = Writer(folder / "journal", "run.0", segment_bytes=1 << 20)
    for number, patient in ((1, "PLANTED-7"), (2, "OTHER-2")):
        one = make_incoming(number, PatientID=patient)
        writer.append(Kind.INSTANCE, instance_fields(one), [bytes(one.part10)])
    done = erase(sqlite_database, folder)
    assert done.journal_entries == 1
    assert b"PLANTED-7" not in bytes_of(folder)
    writer.close()
    entries = Reader(folder / "journal").entries(1 << 30, 10)
    assert [entry.fields["patient_id"] for entry in entries] == ["OTHER-2"]


def test_a_report_that_a_killed_job_left_is_found_by_its_header(
    sqlite_database: Database, folder: Path
) -> None:
    for number, patient in ((1, "PLANTED-7"), (2, "OTHER")):
        stray = folder / "reports" / "ff" / f"2.25.{number}-0000.dcm"
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(make_part10(PatientID=patient))
    done = erase(sqlite_database, folder)
    assert done.strays == 1
    assert kept.files(folder, "reports") == ["reports/ff/2.25.2-0000.dcm"]


def test_the_audit_names_who_and_how_much_and_not_whom(
    sqlite_database: Database, folder: Path
) -> None:
    eraser = Eraser(sqlite_database, folder)
    assert eraser.earlier(SUBJECT) == []
    erase(sqlite_database, folder)
    with sqlite_database.read() as session:
        query = select(Action).where(Action.action.in_(("erase", "erased")))
        asked, done = session.scalars(query.order_by(Action.id)).all()
    assert (asked.person, asked.host, asked.action) == ("anna", "desk", "erase")
    assert "1 series, 3 files" in asked.detail
    assert "PLANTED-7" not in asked.detail + done.detail
    assert (done.action, done.detail.split(",")[0]) == ("erased", "4 files deleted")
    assert [one.id for one in eraser.earlier(SUBJECT)] == [asked.id]
    assert eraser.earlier(Subject(patient_id="OTHER")) == []
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_an_erasure_that_was_stopped_is_finished_by_the_next(
    sqlite_database: Database, folder: Path
) -> None:
    stop = threading.Event()
    stop.set()
    Eraser(sqlite_database, folder).erase(SUBJECT, ANNA, stop)
    assert len(kept.files(folder, "instances")) == 6
    with sqlite_database.read() as session:
        assert removals.waiting(session) > 3
    erase(sqlite_database, folder)
    assert len(kept.files(folder, "instances")) == 3
