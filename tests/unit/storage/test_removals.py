"""Files that no row wants are deleted in small batches, and never one that came again."""

import os
from pathlib import Path

import pytest

from storage import jobs, purged, removals, retention, series
from storage.actions import process_anyway
from storage.database import Database
from storage.instances import InstanceStore, Outcome
from storage.removals import Removed
from storage.tables import RemovalReason, Series, SeriesState
from storage.trail import Person
from tests import kept
from tests.factories import make_incoming


@pytest.fixture
def marked(database: Database, tmp_path: Path) -> int:
    series_id = kept.receive(database, tmp_path)
    with database.begin() as session:
        kept.reject(session, series_id)
        assert retention.purge(session, series_id, kept.before(session), ["crops"], "old") == 3
    return series_id


def send_again(database: Database, folder: Path, number: int, **attributes: str) -> Outcome:
    values = {
        "SeriesInstanceUID": f"{kept.SERIES_UID}.1",
        "StudyInstanceUID": kept.SERIES_UID.replace(".77", ".88.1"),
        "SOPInstanceUID": f"{kept.SERIES_UID}.1.{number}",
        **attributes,
    }
    return InstanceStore(database, folder).store(make_incoming(number, **values))


def kinds(database: Database, series_id: int) -> list[str]:
    with database.read() as session:
        return [line.kind for line in series.events(session, series_id)]


def remove_all(database: Database, folder: Path, limit: int = 20) -> int:
    count = 0
    while (removed := removals.remove_some(database, folder, limit)) is not None:
        count += removed.files
    return count


def test_a_batch_deletes_a_few_files_and_the_last_one_the_folder(
    database: Database, tmp_path: Path, marked: int
) -> None:
    names = kept.files(tmp_path, "instances")
    size = (tmp_path / names[0]).stat().st_size
    assert removals.remove_some(database, tmp_path, 2) == Removed(2, 2 * size)
    assert kept.files(tmp_path, "instances") == names[2:]
    assert "files deleted" not in kinds(database, marked)
    assert remove_all(database, tmp_path) == 1
    assert kinds(database, marked)[-1] == "files deleted"
    assert list((tmp_path / "instances").glob("*/*")) == []
    assert removals.remove_some(database, tmp_path, 2) is None


def test_a_folder_of_sub_volumes_goes_file_by_file(
    database: Database, tmp_path: Path, marked: int
) -> None:
    place = tmp_path / "crops" / f"{kept.SERIES_UID}.1" / "0123"
    for label in ("L4-left", "L5-left"):
        (place / label).mkdir(parents=True)
        for number in range(3):
            (place / label / f"{number}.dcm").write_bytes(b"crop")
    other = tmp_path / "crops" / "1.2.3"
    other.mkdir()
    (other / "index.json").write_text("{}")
    batches = [removals.remove_some(database, tmp_path, 4) for _ in range(4)]
    assert [one and one.files for one in batches] == [4, 4, 1, None]
    assert kept.files(tmp_path, "crops") == ["crops/1.2.3/index.json"]
    assert not place.parent.exists()


def test_what_a_killed_predecessor_deleted_is_no_error(
    database: Database, tmp_path: Path, marked: int
) -> None:
    gone = kept.files(tmp_path, "instances")[0]
    (tmp_path / gone).unlink()
    assert remove_all(database, tmp_path) == 2
    assert kept.files(tmp_path, "instances") == []


def test_a_refusing_disk_leaves_the_marks(
    database: Database, tmp_path: Path, marked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _refuse)
        with pytest.raises(OSError, match="read-only"):
            removals.remove_some(database, tmp_path, 20)
    with database.read() as session:
        assert removals.waiting(session) == 4
    remove_all(database, tmp_path)
    assert kept.files(tmp_path, "instances") == []


def _refuse(_descriptor: int) -> None:
    raise OSError(30, "read-only")


def test_a_path_outside_of_the_storage_folder_is_never_deleted(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    series_id = kept.receive(database, folder)
    secret = tmp_path / "secret"
    secret.write_text("x")
    with database.begin() as session:
        removals.mark(session, series_id, ["../secret"], RemovalReason.ERASURE)
    with pytest.raises(OSError, match="not below the storage folder"):
        removals.remove_some(database, folder, 20)
    assert secret.exists()


@pytest.mark.parametrize("deleted", [False, True])
def test_a_purged_instance_that_is_sent_again_is_kept_again(
    database: Database, tmp_path: Path, marked: int, deleted: bool
) -> None:
    if deleted:
        remove_all(database, tmp_path)
    assert send_again(database, tmp_path, 2) is Outcome.DUPLICATE
    assert kept.purged(database, marked) == [True, False, True]
    remove_all(database, tmp_path)
    (path,) = kept.files(tmp_path, "instances")
    assert ".1.2-" in path
    with database.read() as session:
        row = session.get_one(Series, marked)
        assert row.purged_at is not None
        assert row.state == SeriesState.REJECTED
        assert purged.count(session, marked) == 2
    for number in (1, 3):
        assert send_again(database, tmp_path, number) is Outcome.DUPLICATE
    with database.read() as session:
        assert session.get_one(Series, marked).purged_at is None
        assert purged.lack(session, marked) == ""
    assert kinds(database, marked)[-1] == "kept again"
    assert len(kept.files(tmp_path, "instances")) == 3


def test_nobody_works_on_a_series_without_files(
    database: Database, tmp_path: Path, marked: int
) -> None:
    with database.begin() as session:
        with pytest.raises(Exception, match="files of 3 of its instances were deleted"):
            process_anyway(session, Person("anna"), marked, 3)
        job = jobs.enqueue(session, session.get_one(Series, marked), 3)
        jobs.cancel(session, job.id, "test")
        with pytest.raises(jobs.JobStateError, match="send the whole series again, then retry"):
            jobs.retry(session, job.id)
    for number in (1, 2, 3):
        send_again(database, tmp_path, number)
    with database.begin() as session:
        assert "accepted" in process_anyway(session, Person("anna"), marked, 3)


def test_a_correction_of_a_purged_instance_is_no_conflict(
    database: Database, tmp_path: Path, marked: int
) -> None:
    remove_all(database, tmp_path)
    assert send_again(database, tmp_path, 2, PatientID="P9") is Outcome.CORRECTION
    with database.read() as session:
        row = session.get_one(Series, marked)
        assert row.state == SeriesState.RECEIVING
        assert purged.count(session, marked) == 2
