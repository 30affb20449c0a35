"""A report is written once, and every later sending sends the same bytes."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from storage import deliveries, jobs, reports
from storage.database import Database, now
from storage.tables import DeliveryState, Job, Series
from tests.rows import add_job, add_report, new_report


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def next_revision(session: Session, job: Job) -> Job:
    """Queue a job for a newer revision of the same series."""
    series = session.get_one(Series, job.series_id)
    series.revision += 1
    session.flush()
    return jobs.enqueue(session, series, 3)


def test_a_report_is_written_bit_by_bit(tmp_path: Path) -> None:
    report = new_report(7)
    path = reports.write(tmp_path, report)
    shelf = hashlib.sha256(b"2.25.7").hexdigest()[:2]
    content = hashlib.sha256(report.data).hexdigest()[:16]
    assert path == f"reports/{shelf}/2.25.7-{content}.dcm"
    assert (tmp_path / path).read_bytes() == report.data


def test_writing_the_identical_report_again_changes_nothing(tmp_path: Path) -> None:
    path = reports.write(tmp_path, new_report())
    before = (tmp_path / path).stat()
    assert reports.write(tmp_path, new_report()) == path
    after = (tmp_path / path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(files(tmp_path)) == 1


def test_what_a_crash_left_under_the_same_uid_is_neither_replaced_nor_in_the_way(
    tmp_path: Path,
) -> None:
    left = reports.write(tmp_path, new_report())
    path = reports.write(tmp_path, new_report(data=b"other"))
    assert (tmp_path / left).read_bytes() == new_report().data
    assert (tmp_path / path).read_bytes() == b"other"


def test_a_uid_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected components of digits"):
        reports.write(tmp_path / "storage", new_report(sop_instance_uid="../../x"))
    assert files(tmp_path) == []


def test_a_report_is_found_by_its_job_series_and_uid(database: Database) -> None:
    with database.begin() as session:
        added = add_report(session)
        add_report(session, 2)
    with database.read() as session:
        for found in (
            reports.by_job(session, added.job_id),
            *reports.by_series(session, added.series_id),
            reports.by_uid(session, "2.25.1"),
        ):
            assert found is not None
            assert found.id == added.id
        assert reports.by_job(session, 99) is None
    assert added.sha256 == hashlib.sha256(new_report().data).hexdigest()
    assert added.prediction == {"landmarks": [], "bundle": "phantom-1"}
    assert (added.located, added.current) == (10, True)


def test_own_reports_are_known_by_their_uid(database: Database) -> None:
    with database.begin() as session:
        add_report(session)
    with database.read() as session:
        assert reports.is_own(session, "2.25.1")
        assert not reports.is_own(session, "2.25.2")


def test_adding_the_same_report_again_gives_the_same_row(database: Database) -> None:
    with database.begin() as session:
        first = add_report(session)
        job = session.get_one(Job, first.job_id)
        again = reports.add(session, job, new_report(located=3), "elsewhere.dcm")
        assert again.id == first.id
        assert (again.located, again.path, again.current) == (10, first.path, True)
        assert len(reports.by_series(session, first.series_id)) == 1


def test_a_newer_report_replaces_the_older_one(database: Database) -> None:
    with database.begin() as session:
        old = add_report(session)
        queued = deliveries.enqueue(session, old, "pacs")
        shadow = deliveries.enqueue(session, old, "shadow", DeliveryState.SHADOW)
        assert queued is not None
        assert shadow is not None
        job = next_revision(session, session.get_one(Job, old.job_id))
        new = reports.add(session, job, new_report(2), "reports/00/2.dcm")
    with database.read() as session:
        newest_first = [(row.id, row.current) for row in reports.by_series(session, old.series_id)]
        assert newest_first == [(new.id, True), (old.id, False)]
        states = {row.destination: row.state for row in deliveries.by_report(session, old.id)}
    assert states == {"pacs": DeliveryState.CANCELLED, "shadow": DeliveryState.SHADOW}


def test_a_late_report_on_older_content_is_never_current(database: Database) -> None:
    with database.begin() as session:
        old_job = add_job(session)
        new_job = next_revision(session, old_job)
        new = reports.add(session, new_job, new_report(2), "reports/00/2.dcm")
        late = reports.add(session, old_job, new_report(1), "reports/00/1.dcm")
        delivery = deliveries.enqueue(session, late, "pacs")
        assert (new.current, late.current) == (True, False)
        assert delivery is not None
        assert delivery.state == DeliveryState.CANCELLED


def test_content_that_comes_back_makes_its_report_current_again(database: Database) -> None:
    with database.begin() as session:
        first = add_report(session, 1)
        deliveries.enqueue(session, first, "pacs")
        job = next_revision(session, session.get_one(Job, first.job_id))
        reports.add(session, job, new_report(2), "reports/00/2.dcm")
        job = next_revision(session, job)
        back = reports.add(session, job, new_report(1), "reports/00/1.dcm")
        assert (back.id, back.current) == (first.id, True)
        assert [row.current for row in reports.by_series(session, first.series_id)] == [False, True]
        again = deliveries.enqueue(session, back, "pacs")
        assert again is not None
        assert again.state == DeliveryState.QUEUED


def test_recent_reports_of_a_series_are_counted(database: Database) -> None:
    with database.begin() as session:
        first = add_report(session, 1)
        add_report(session, 2)
        second = reports.add(
            session, session.get_one(Job, first.job_id), new_report(3), "reports/00/3.dcm"
        )
        day = timedelta(days=1)
        session.execute(
            update(type(first))
            .where(type(first).id == first.id)
            .values(created_at=now(session) - 2 * day)
        )
        assert reports.recent(session, first.series_id, now(session) - day) == 1
        assert reports.recent(session, first.series_id, now(session) - 3 * day) == 2
        assert second.series_id == first.series_id
