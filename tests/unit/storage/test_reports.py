"""A report is written once, and every later sending sends the same bytes."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from storage import deliveries, disputes, jobs, reports
from storage.database import Database, now
from storage.tables import DeliveryState, Job, Series
from tests.rows import add_job, add_report, new_object, new_report, report_of


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def next_revision(session: Session, job: Job) -> Job:
    """Queue a job for a newer revision of the same series."""
    series = session.get_one(Series, job.series_id)
    series.revision += 1
    session.flush()
    return jobs.enqueue(session, series, 3)


def test_an_object_is_written_bit_by_bit(tmp_path: Path) -> None:
    made = new_object(7)
    path = reports.write(tmp_path, made)
    shelf = hashlib.sha256(b"2.25.7").hexdigest()[:2]
    content = hashlib.sha256(made.data).hexdigest()[:16]
    assert path == f"reports/{shelf}/2.25.7-{content}.dcm"
    assert (tmp_path / path).read_bytes() == made.data


def test_writing_the_identical_object_again_changes_nothing(tmp_path: Path) -> None:
    path = reports.write(tmp_path, new_object())
    before = (tmp_path / path).stat()
    assert reports.write(tmp_path, new_object()) == path
    after = (tmp_path / path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert len(files(tmp_path)) == 1


def test_what_a_crash_left_under_the_same_uid_is_neither_replaced_nor_in_the_way(
    tmp_path: Path,
) -> None:
    left = reports.write(tmp_path, new_object())
    path = reports.write(tmp_path, new_object(data=b"other"))
    assert (tmp_path / left).read_bytes() == new_object().data
    assert (tmp_path / path).read_bytes() == b"other"


def test_a_uid_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected components of digits"):
        reports.write(tmp_path / "storage", new_object(sop_instance_uid="../../x"))
    assert files(tmp_path) == []


def test_a_report_is_found_by_its_job_series_and_key(database: Database) -> None:
    with database.begin() as session:
        added = add_report(session).report
        add_report(session, 2)
    with database.read() as session:
        for found in (
            reports.by_job(session, added.job_id),
            *reports.by_series(session, added.series_id),
            reports.by_key(session, "key 1"),
        ):
            assert found is not None
            assert found.id == added.id
        assert reports.by_job(session, 99) is None
        (made,) = reports.objects(session, added.id)
    assert made.sha256 == hashlib.sha256(new_object().data).hexdigest()
    assert added.prediction == {"landmarks": [], "bundle": "phantom-1"}
    assert (added.located, added.current, made.current) == (10, True, True)


def test_own_objects_are_known_by_their_uid(database: Database) -> None:
    with database.begin() as session:
        add_report(session)
    with database.read() as session:
        assert reports.is_own(session, "2.25.1")
        assert not reports.is_own(session, "2.25.2")


def test_adding_the_same_report_again_gives_the_same_row(database: Database) -> None:
    with database.begin() as session:
        made = add_report(session)
        first = made.report
        job = session.get_one(Job, first.job_id)
        delivery = deliveries.enqueue(session, made, "pacs")
        again = reports.add(session, job, new_report(located=3))
        assert delivery is not None
        assert delivery.state == DeliveryState.QUEUED
        assert (again.id, again.located, again.current, made.current) == (first.id, 10, True, True)
        assert len(reports.by_series(session, first.series_id)) == 1


def test_a_newer_report_replaces_the_older_one(database: Database) -> None:
    with database.begin() as session:
        made = add_report(session)
        old = made.report
        deliveries.enqueue(session, made, "pacs")
        deliveries.enqueue(session, made, "shadow", DeliveryState.SHADOW)
        job = next_revision(session, session.get_one(Job, old.job_id))
        new = report_of(session, job, 2).report
    with database.read() as session:
        newest_first = [(row.id, row.current) for row in reports.by_series(session, old.series_id)]
        assert newest_first == [(new.id, True), (old.id, False)]
        states = {row.destination: row.state for row in deliveries.by_report(session, old.id)}
    assert states == {"pacs": DeliveryState.CANCELLED, "shadow": DeliveryState.SHADOW}


def test_a_late_report_on_older_content_is_never_current(database: Database) -> None:
    with database.begin() as session:
        old_job = add_job(session)
        new_job = next_revision(session, old_job)
        new = report_of(session, new_job, 2)
        late = report_of(session, old_job, 1)
        delivery = deliveries.enqueue(session, late, "pacs")
        assert (new.report.current, late.report.current) == (True, False)
        assert (new.current, late.current) == (True, False)
        assert delivery is not None
        assert delivery.state == DeliveryState.CANCELLED


def test_content_that_comes_back_makes_its_report_current_again(database: Database) -> None:
    with database.begin() as session:
        first = add_report(session, 1)
        deliveries.enqueue(session, first, "pacs")
        job = next_revision(session, session.get_one(Job, first.report.job_id))
        report_of(session, job, 2)
        job = next_revision(session, job)
        back = report_of(session, job, 1)
        assert (back.id, back.current, back.report.current) == (first.id, True, True)
        found = reports.by_series(session, first.report.series_id)
        assert [row.current for row in found] == [False, True]
        again = deliveries.enqueue(session, back, "pacs")
        assert again is not None
        assert again.state == DeliveryState.QUEUED


def test_the_past_is_what_was_sent_at_least_once(database: Database) -> None:
    with database.begin() as session:
        made = add_report(session)
        series_id = made.report.series_id
        for name in ("a", "b", "c"):
            deliveries.enqueue(session, made, name)
        assert deliveries.claim(session, "a", 60) is not None
        withdrawal = new_object(2, kind="withdrawal", names=("2.25.1",))
        gone = reports.add_object(session, made.report, withdrawal, "w.dcm")
        for name in ("a", "b"):
            deliveries.enqueue(session, gone, name)
        before = reports.past(session, series_id)
        for _ in range(2):
            deliveries.claim(session, "b", 60)
        after = reports.past(session, series_id)
    assert before.documents == 2
    assert {name: one.kind for name, one in before.latest().items()} == {"a": "report"}
    assert list(before.standing()) == ["a"]
    assert {name: one.kind for name, one in after.latest().items()} == {
        "a": "report",
        "b": "withdrawal",
    }
    assert after.latest()["b"].names == ("2.25.1",)
    assert list(after.standing()) == ["a"]


def test_what_is_withdrawn_or_in_dispute_is_not_in_force(database: Database) -> None:
    with database.begin() as session:
        made = add_report(session)
        row = made.report
        assert reports.in_force(session, row.series_id) is not None
        disputes.declare(session, row, {99: "they disagree"})
        assert reports.in_force(session, row.series_id) is None
        delivery = deliveries.enqueue(session, made, "pacs")
        assert delivery is not None
        assert delivery.state == DeliveryState.CANCELLED
        assert delivery.error == "not sent: they disagree"
        reports.add(session, session.get_one(Job, row.job_id), new_report())
        assert reports.in_force(session, row.series_id) is not None


def test_recent_reports_of_a_series_are_counted(database: Database) -> None:
    with database.begin() as session:
        first = add_report(session, 1).report
        add_report(session, 2)
        second = reports.add(session, session.get_one(Job, first.job_id), new_report(3))
        day = timedelta(days=1)
        session.execute(
            update(type(first))
            .where(type(first).id == first.id)
            .values(created_at=now(session) - 2 * day)
        )
        assert reports.recent(session, first.series_id, now(session) - day) == 1
        assert reports.recent(session, first.series_id, now(session) - 3 * day) == 2
        assert second.series_id == first.series_id
