"""Erase what is kept of a patient or a study: files, patient attributes, contents of reports.

Rows stay where they say what happened and no more: states, times, counts, AE titles and UIDs. UIDs
are what a hospital can ask by; the objects that they name are erased, or are a PACS's to erase.
Instance rows go, so that an object that is sent again is new. Functions never commit.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from storage import deliveries, disputes, jobs, removals, retention, series
from storage.database import now
from storage.tables import (
    Delivery,
    Instance,
    Job,
    JobEvent,
    RemovalReason,
    Report,
    ReportObject,
    Series,
    SeriesEvent,
    SeriesState,
)

REASON: Final = "erased on request"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom or what to erase: everything of a PatientID, or of a study; one of both is given."""

    patient_id: str = ""
    study_instance_uid: str = ""

    def __post_init__(self) -> None:
        if bool(self.patient_id.strip()) == bool(self.study_instance_uid.strip()):
            raise ValueError("expected a PatientID or a StudyInstanceUID, and not both")

    @property
    def kind(self) -> str:
        """Name what it is, without its value."""
        return "patient" if self.patient_id else "study"

    def is_of(self, fields: Any) -> bool:
        """Tell whether fields of a received instance, by their column names, are of it."""
        if self.patient_id:
            received = str(fields.get("patient_id") or "").replace("\0", "")
            return received.strip() == self.patient_id.strip()
        return str(fields.get("study_instance_uid")) == self.study_instance_uid.strip()

    def instances(self) -> ColumnElement[bool]:
        """Select its instances."""
        if self.patient_id:
            return Instance.patient_id == self.patient_id.strip()
        return Instance.study_instance_uid == self.study_instance_uid.strip()

    def series(self) -> ColumnElement[bool]:
        """Select the series that name it."""
        if self.patient_id:
            return Series.patient_id == self.patient_id.strip()
        return Series.study_instance_uid == self.study_instance_uid.strip()

    def fingerprint(self, key: bytes) -> str:
        """Give a keyed digest: the same subject is recognised again, and not guessed without key.

        PatientIDs are short, so that a plain or a salted hash is undone by trying all of them.
        """
        words = f"{self.kind}:{self.patient_id.strip() or self.study_instance_uid.strip()}"
        return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()[:32]


@dataclass(slots=True)
class Found:
    """What is kept of a subject.

    Attributes:
        series: ids of the series that hold something of it, in the order of locking.
        mixed: those of them that hold instances of others too, which stay.
        instances, size_bytes: its files.
        reports: how many there are of its series.
        open_jobs: those that are queued or running.
        elsewhere: objects that destinations may have: destination, kind, SOP Instance UID, state.
    """

    series: list[int] = field(default_factory=list)
    mixed: list[int] = field(default_factory=list)
    instances: int = 0
    size_bytes: int = 0
    reports: int = 0
    open_jobs: int = 0
    elsewhere: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """Say how much it is; no patient data."""
        return (
            f"{len(self.series)} series, {self.instances} files ({self.size_bytes} bytes), "
            f"{self.reports} reports, {self.open_jobs} open jobs, "
            f"{len(self.elsewhere)} objects that destinations may have"
        )


def find(session: Session, subject: Subject) -> Found:
    """Look up what is kept of a subject; change nothing."""
    own = select(Instance.series_id).where(subject.instances())
    ids = session.scalars(
        select(Series.id).where(or_(subject.series(), Series.id.in_(own))).order_by(Series.id)
    ).all()
    found = Found(series=list(ids))
    size = func.coalesce(func.sum(Instance.size_bytes), 0)
    for row in session.execute(select(func.count(), size).where(subject.instances())):
        found.instances, found.size_bytes = int(row[0]), int(row[1])
    found.mixed = list(
        session.scalars(
            select(Instance.series_id)
            .where(Instance.series_id.in_(ids), ~subject.instances())
            .distinct()
        )
    )
    found.reports = _count(session, select(Report.id).where(_unerased(ids)))
    found.open_jobs = _count(
        session, select(Job.id).where(Job.series_id.in_(ids), Job.state.in_(jobs.OPEN))
    )
    found.elsewhere = _elsewhere(session, ids)
    return found


def erase(session: Session, subject: Subject, folders: Sequence[str]) -> Found:
    """Take a subject out of the rows, and mark its files for deletion; give what was found.

    Jobs are cancelled and deliveries stopped first. Reports of other series of the study that were
    in dispute with one of these are judged anew.

    Args:
        session: a write transaction.
        subject: whom or what.
        folders: below the storage folder, where sub-volumes of series are kept.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete = ON"))  # overwrite what pages still hold
    own = select(Instance.series_id).where(subject.instances())
    rows = session.scalars(
        select(Series)
        .where(or_(subject.series(), Series.id.in_(own)))
        .order_by(Series.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    found = find(session, subject)
    for row in rows:
        jobs.cancel_open(session, row.id, REASON)
        deliveries.overtake(session, row.id, REASON, withdrawals=True)
    for row in rows:
        if row.id not in found.mixed:
            disputes.reconsider(session, row.study_instance_uid, row.id, but=found.series)
    for row in rows:
        _erase_instances(session, row, subject)
        _erase_reports(session, row)
        removals.mark(session, row.id, retention.crops_of(row, folders), RemovalReason.ERASURE)
        _erase_words(session, row)
        _erase_series(session, row, mixed=row.id in found.mixed)
    session.flush()
    return found


def _erase_instances(session: Session, row: Series, subject: Subject) -> None:
    condition = (Instance.series_id == row.id) & subject.instances()
    paths = session.scalars(select(Instance.path).where(condition)).all()
    removals.mark(session, row.id, paths, RemovalReason.ERASURE)
    session.execute(
        delete(Instance).where(condition).execution_options(synchronize_session="fetch")
    )


def _erase_reports(session: Session, row: Series) -> None:
    """Empty the reports of a series; that they were made, and where they went, stays."""
    moment = now(session)
    for report in session.scalars(select(Report).where(_unerased([row.id]))).all():
        objects = session.scalars(
            select(ReportObject).where(ReportObject.report_id == report.id)
        ).all()
        paths = [made.path for made in objects if made.purged_at is None]
        removals.mark(session, row.id, paths, RemovalReason.ERASURE)
        for made in objects:
            made.purged_at, made.sha256, made.names = moment, "", []
        _silence(session, [made.id for made in objects])
        report.key = f"erased {report.id}"
        report.content_key = report.frame_of_reference_uid = ""
        report.prediction = _without_points(report.prediction)
        report.dispute = None
        report.withdrawn = report.withdrawn and REASON
        report.located = 0


def _without_points(prediction: dict[str, Any]) -> dict[str, Any]:
    """Keep which bundle answered, and nothing of what it found."""
    bare = {"point_mm": None, "confidence": None, "reason": REASON}
    landmarks = [{**mark, **bare} for mark in prediction.get("landmarks", ())]
    return {**prediction, "landmarks": landmarks, "abstained": None, "seconds": {}}


def _silence(session: Session, object_ids: Sequence[int]) -> None:
    """Take the words out of deliveries: an answer of a destination may quote the object."""
    session.execute(
        update(Delivery)
        .where(Delivery.object_id.in_(object_ids), Delivery.error.is_not(None))
        .values(error=REASON)
        .execution_options(synchronize_session="fetch")
    )


def _erase_words(session: Session, row: Series) -> None:
    """Keep what happened when; take away the words, which may quote what was received."""
    own_jobs = select(Job.id).where(Job.series_id == row.id).scalar_subquery()
    for statement in (
        update(SeriesEvent).where(SeriesEvent.series_id == row.id).values(detail=""),
        update(JobEvent).where(JobEvent.job_id.in_(own_jobs)).values(detail=""),
        update(Job)
        .where(Job.series_id == row.id, or_(Job.error.is_not(None), Job.reason.is_not(None)))
        .values(error=REASON, reason=None),
    ):
        session.execute(statement.execution_options(synchronize_session="fetch"))


def _erase_series(session: Session, row: Series, *, mixed: bool) -> None:
    row.patient_id = row.accession_number = row.series_description = ""
    row.verdict = row.evidence = None
    row.purged_at = now(session)
    row.not_before = None
    series.record(session, row, "erased")
    if mixed:  # what is left of it is judged anew, without what is gone
        rest = session.scalars(
            select(Instance).where(Instance.series_id == row.id).order_by(Instance.id.desc())
        ).first()
        if rest is not None:
            row.patient_id, row.study_instance_uid = rest.patient_id, rest.study_instance_uid
        row.last_received_at = max(row.last_received_at, row.purged_at)  # retention finds the rest
        row.revision += 1
        series.reopen(session, row, "instances of it were erased")
        return
    if row.state != SeriesState.ACCEPTED:
        row.state = SeriesState.REJECTED
    row.reason = REASON
    row.processed_revision = row.revision


def _unerased(series_ids: Sequence[int]) -> ColumnElement[bool]:
    return Report.series_id.in_(series_ids) & Report.key.not_like("erased %")


def _elsewhere(session: Session, series_ids: Sequence[int]) -> list[tuple[str, str, str, str]]:
    query = (
        select(
            Delivery.destination, ReportObject.kind, ReportObject.sop_instance_uid, Delivery.state
        )
        .join(Delivery.object)
        .join(ReportObject.report)
        .where(Report.series_id.in_(series_ids), Delivery.offered)
        .order_by(Delivery.destination, Delivery.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(query)]


def _count(session: Session, query: Any) -> int:
    count: int = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return count
