"""Reports: what a job found, and the objects made of it, each written once.

Sending an object again sends the same bytes. Functions never commit.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from storage import deliveries
from storage.database import now
from storage.durable import DurableFolder
from storage.identifiers import validated_uid
from storage.tables import Delivery, Job, ObjectKind, Report, ReportObject

DOCUMENTS: Final = (ObjectKind.REPORT, ObjectKind.WITHDRAWAL)
"""Kinds of which one supersedes the other: the newest document is what holds."""
_EVEN_SO: Final = (ObjectKind.WITHDRAWAL, ObjectKind.REJECTION_NOTE)
"""Kinds that are sent although their report holds no longer."""


@dataclass(frozen=True)
class NewReport:
    """What a job found, not kept yet; the attributes are those of `storage.tables.Report`."""

    key: str
    content_key: str
    study_instance_uid: str
    frame_of_reference_uid: str
    located: int
    prediction: dict[str, Any]


@dataclass(frozen=True)
class NewObject:
    """An object that was built and not kept yet; `data` is the whole PS3.10 file.

    Attributes:
        kind: what it is, such as `report`.
        variant: which form of it; of one report there is one object per kind and variant.
        sop_instance_uid, sop_class_uid, study_instance_uid, series_instance_uid: its own.
        data: the file.
        instance_number: its InstanceNumber.
        names: SOP Instance UIDs of earlier objects: predecessors, or what it rejects.
    """

    kind: str
    variant: str
    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    data: bytes
    instance_number: int = 1
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """An object that a destination may have: it was sent there at least once."""

    destination: str
    object_id: int
    report_id: int
    content_key: str
    key: str
    kind: str
    variant: str
    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """What is known outside about a series.

    Attributes:
        offers: what destinations may have, in the order in which it was made.
        documents: how many reports and withdrawals were made so far, sent or not.
    """

    offers: tuple[Offer, ...] = ()
    documents: int = 0

    def latest(self) -> dict[str, Offer]:
        """Give the newest report or withdrawal of each destination that may have one."""
        return {offer.destination: offer for offer in self.offers if offer.kind in DOCUMENTS}

    def standing(self) -> dict[str, Offer]:
        """Give the reports that destinations take for valid: sent, and not withdrawn since."""
        return {
            name: offer for name, offer in self.latest().items() if offer.kind == ObjectKind.REPORT
        }


def write(folder: Path, made: NewObject) -> str:
    """Write an object durably; gives its path below `folder`.

    The file is named by UID and content, so writing the identical object again changes nothing,
    and one that a crash left without a row is never in the way of, or taken for, a later one.

    Raises:
        ValueError: the SOP Instance UID is invalid.
        OSError: the disk refuses; nothing is left behind.
    """
    uid = validated_uid(made.sop_instance_uid)
    shelf = hashlib.sha256(uid.encode()).hexdigest()[:2]
    content = hashlib.sha256(made.data).hexdigest()[:16]
    path = Path("reports", shelf, f"{uid}-{content}.dcm")
    durable = DurableFolder(folder.absolute())
    with durable.draft(path, made.data) as draft:
        # Looked at only now: with the folder synced, a file that is there is there for good.
        if not (durable.root / path).exists():
            durable.publish(draft, path)
    return str(path)


def add(session: Session, job: Job, made: NewReport) -> Report:
    """Add what a job found; it becomes the current report of its series.

    Reports that it replaces are no longer current, and their objects are not sent any more. One of
    the same key is returned instead of made anew (and is current again): identical content gives
    the identical report. One made from an older revision than another report is kept, but never
    current.
    """
    existing = by_key(session, made.key)
    newest = session.scalars(
        select(func.max(Job.series_revision))
        .join(Report, Report.job_id == Job.id)
        .where(Report.series_id == job.series_id)
    ).one()
    current = newest is None or job.series_revision >= newest
    if current:
        keep = existing.id if existing is not None else None
        deliveries.overtake(
            session, job.series_id, "a newer report exists", keep=keep, withdrawals=True
        )
    if existing is not None:
        existing.current = current
        if current:
            existing.dispute = existing.withdrawn = None
            _let_go(session, existing.id)
        session.flush()
        return existing
    row = Report(
        job_id=job.id,
        series_id=job.series_id,
        key=made.key,
        content_key=made.content_key,
        study_instance_uid=made.study_instance_uid,
        frame_of_reference_uid=made.frame_of_reference_uid,
        located=made.located,
        prediction=made.prediction,
        created_at=now(session),
        current=current,
    )
    session.add(row)
    session.flush()
    return row


def add_object(session: Session, report: Report, made: NewObject, path: str) -> ReportObject:
    """Add the row of a written object; of one report there is one per kind and variant."""
    row = ReportObject(
        report_id=report.id,
        kind=made.kind,
        variant=made.variant,
        sop_instance_uid=made.sop_instance_uid,
        sop_class_uid=made.sop_class_uid,
        study_instance_uid=made.study_instance_uid,
        series_instance_uid=made.series_instance_uid,
        instance_number=made.instance_number,
        names=list(made.names),
        path=path,
        sha256=hashlib.sha256(made.data).hexdigest(),
        created_at=now(session),
        current=(report.current and not report.dispute) or made.kind in _EVEN_SO,
    )
    session.add(row)
    session.flush()
    return row


def withdraw(session: Session, report: Report, reason: str) -> None:
    """Note that a report holds no longer: nothing of it is sent from now on, but that it is so."""
    report.withdrawn = reason
    deliveries.stop(session, report.id, f"withdrawn: {reason}")
    session.flush()


def past(session: Session, series_id: int) -> Past:
    """Read what destinations may have of a series' reports."""
    query = (
        select(Delivery.destination, ReportObject, Report.content_key, Report.key)
        .join(Delivery.object)
        .join(ReportObject.report)
        .where(Report.series_id == series_id, Delivery.offered)
        .order_by(ReportObject.id, Delivery.destination)
    )
    offers = tuple(
        Offer(
            destination, made.id, made.report_id, content_key, key, made.kind, made.variant,
            made.sop_instance_uid, made.sop_class_uid, made.study_instance_uid,
            made.series_instance_uid, tuple(made.names),
        )
        for destination, made, content_key, key in session.execute(query)
    )  # fmt: skip
    documents = session.scalars(
        select(func.count())
        .select_from(ReportObject)
        .join(ReportObject.report)
        .where(Report.series_id == series_id, ReportObject.kind.in_(DOCUMENTS))
    ).one()
    return Past(offers, documents)


def by_key(session: Session, key: str) -> Report | None:
    """Give the report of a key, or None."""
    return session.scalars(select(Report).where(Report.key == key)).one_or_none()


def object_by_uid(session: Session, sop_instance_uid: str) -> ReportObject | None:
    """Give the object of a SOP Instance UID, or None."""
    query = select(ReportObject).where(ReportObject.sop_instance_uid == sop_instance_uid)
    return session.scalars(query).one_or_none()


def objects_by_uids(session: Session, uids: Iterable[str]) -> list[ReportObject]:
    """Give the objects of these SOP Instance UIDs, oldest first."""
    query = select(ReportObject).where(ReportObject.sop_instance_uid.in_(list(uids)))
    return list(session.scalars(query.order_by(ReportObject.id)))


def is_own(session: Session, sop_instance_uid: str) -> bool:
    """Tell whether an object is one that this node has made."""
    return object_by_uid(session, sop_instance_uid) is not None


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


def objects(session: Session, report_id: int) -> list[ReportObject]:
    """Give the objects of a report, oldest first."""
    query = select(ReportObject).where(ReportObject.report_id == report_id)
    return list(session.scalars(query.order_by(ReportObject.id)))


def in_force(session: Session, series_id: int) -> Report | None:
    """Give the report of a series that holds: its newest result, in dispute with none; or None."""
    query = select(Report).where(
        Report.series_id == series_id, Report.current, Report.dispute.is_(None)
    )
    return session.scalars(query.order_by(Report.id.desc())).first()


def in_study(session: Session, study_instance_uid: str) -> Sequence[Report]:
    """Give the current reports of a study, one per series, oldest first."""
    query = select(Report).where(Report.study_instance_uid == study_instance_uid, Report.current)
    return session.scalars(query.order_by(Report.id)).all()


def _let_go(session: Session, report_id: int) -> None:
    """Let the objects of a report be sent again, now that it holds again."""
    session.execute(
        update(ReportObject)
        .where(ReportObject.report_id == report_id, ReportObject.kind != ObjectKind.WITHDRAWAL)
        .values(current=True)
        .execution_options(synchronize_session="fetch")
    )
