"""Structured Reports: each written once, so that sending it again sends the same bytes."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import deliveries
from storage.database import now
from storage.durable import DurableFolder
from storage.identifiers import validated_uid
from storage.tables import Job, Report


@dataclass(frozen=True)
class NewReport:
    """A report that was built and not kept yet; `data` is the whole PS3.10 file."""

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    data: bytes
    located: int
    prediction: dict[str, Any]


def write(folder: Path, report: NewReport) -> str:
    """Write the report durably; gives its path below `folder`.

    The file is named by UID and content, so writing the identical report again changes nothing,
    and one that a crash left without a row is never in the way of, or taken for, a later one.

    Raises:
        ValueError: the SOP Instance UID is invalid.
        OSError: the disk refuses; nothing is left behind.
    """
    uid = validated_uid(report.sop_instance_uid)
    shelf = hashlib.sha256(uid.encode()).hexdigest()[:2]
    content = hashlib.sha256(report.data).hexdigest()[:16]
    path = Path("reports", shelf, f"{uid}-{content}.dcm")
    durable = DurableFolder(folder.absolute())
    with durable.draft(path, report.data) as draft:
        # Looked at only now: with the folder synced, a file that is there is there for good.
        if not (durable.root / path).exists():
            durable.publish(draft, path)
    return str(path)


def add(session: Session, job: Job, report: NewReport, path: str) -> Report:
    """Add the row of a written report; it becomes the current one of its series.

    Reports that it replaces are no longer current, and are not sent any more. A report of the same
    SOP Instance UID is returned instead of made anew (and is current again): identical content
    gives the identical object. One made from an older revision than another report is kept, but
    never current.
    """
    existing = by_uid(session, report.sop_instance_uid)
    newer = session.scalars(
        select(func.max(Job.series_revision))
        .join(Report, Report.job_id == Job.id)
        .where(Report.series_id == job.series_id)
    ).one()
    current = newer is None or job.series_revision >= newer
    if existing is not None and existing.current:
        return existing
    if current:
        deliveries.overtake(session, job.series_id, "a newer report exists")
    if existing is not None:
        existing.current = current
        session.flush()
        return existing
    row = Report(
        job_id=job.id,
        series_id=job.series_id,
        sop_instance_uid=report.sop_instance_uid,
        sop_class_uid=report.sop_class_uid,
        series_instance_uid=report.series_instance_uid,
        path=path,
        sha256=hashlib.sha256(report.data).hexdigest(),
        located=report.located,
        prediction=report.prediction,
        created_at=now(session),
        current=current,
    )
    session.add(row)
    session.flush()
    return row


def by_uid(session: Session, sop_instance_uid: str) -> Report | None:
    """Give the report of a SOP Instance UID, or None."""
    query = select(Report).where(Report.sop_instance_uid == sop_instance_uid)
    return session.scalars(query).one_or_none()


def is_own(session: Session, sop_instance_uid: str) -> bool:
    """Tell whether an object is a report that this node has made."""
    return by_uid(session, sop_instance_uid) is not None


def recent(session: Session, series_id: int, since: datetime) -> int:
    """Count the reports that a series got since a moment."""
    query = select(func.count()).where(Report.series_id == series_id, Report.created_at >= since)
    return session.scalars(query).one()


def by_job(session: Session, job_id: int) -> Report | None:
    """Give the newest report of a job, or None."""
    query = select(Report).where(Report.job_id == job_id).order_by(Report.id.desc())
    return session.scalars(query).first()


def by_series(session: Session, series_id: int) -> list[Report]:
    """Give all reports of a series, newest first."""
    query = select(Report).where(Report.series_id == series_id).order_by(Report.id.desc())
    return list(session.scalars(query))
