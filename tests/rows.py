"""Rows for tests that begin in the middle of the line: series, jobs and reports without files."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from storage import jobs, reports
from storage.database import Database, now
from storage.reports import NewObject, NewReport
from storage.tables import Delivery, Job, ReportObject, Series, SeriesState


def add_series(
    session: Session, number: int = 1, *, state: SeriesState = SeriesState.RECEIVING
) -> Series:
    """Add a series with no instances."""
    moment = now(session)
    row = Series(
        series_instance_uid=f"1.2.3.{number}",
        study_instance_uid="1.2.3",
        patient_id="P1",
        state=state,
        revision=1,
        processed_revision=0,
        first_received_at=moment,
        last_received_at=moment,
    )
    session.add(row)
    session.flush()
    return row


def add_job(session: Session, number: int = 1, *, max_attempts: int = 3) -> Job:
    """Add an accepted series and its queued job."""
    series = add_series(session, number, state=SeriesState.ACCEPTED)
    return jobs.enqueue(session, series, max_attempts)


def new_report(number: int = 1, **fields: object) -> NewReport:
    """Describe what a job found."""
    values: dict[str, object] = {
        "key": f"key {number}",
        "content_key": f"content {number}",
        "study_instance_uid": "1.2.3",
        "frame_of_reference_uid": "1.2.3.4",
        "located": 10,
        "prediction": {"landmarks": [], "bundle": "phantom-1"},
    }
    return NewReport(**(values | fields))  # type: ignore[arg-type]


def new_object(number: int = 1, **fields: object) -> NewObject:
    """Describe an object of a report; its bytes are no DICOM."""
    values: dict[str, object] = {
        "kind": "report",
        "variant": "comprehensive-3d",
        "sop_instance_uid": f"2.25.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.88.34",
        "study_instance_uid": "1.2.3",
        "series_instance_uid": "2.25.99",
        "data": b"\0" * 128 + b"DICM" + bytes([number]) * 300,
    }
    return NewObject(**(values | fields))  # type: ignore[arg-type]


def report_of(session: Session, job: Job, number: int = 1) -> ReportObject:
    """Add the report of a job with one object, and give that."""
    report = reports.add(session, job, new_report(number))
    there = reports.objects(session, report.id)
    path = f"reports/00/2.25.{number}.dcm"
    return there[0] if there else reports.add_object(session, report, new_object(number), path)


def add_report(session: Session, number: int = 1) -> ReportObject:
    """Add an accepted series, its job, and the job's report; give the report's object."""
    return report_of(session, add_job(session, number), number)


def expire_leases(database: Database) -> None:
    """Let all leases have run out a minute ago, as if their holders had hung."""
    with database.begin() as session:
        past = now(session) - timedelta(minutes=1)
        for table in (Job, Delivery):
            session.execute(
                update(table)
                .where(table.lease_expires_at.is_not(None))
                .values(lease_expires_at=past)
            )
