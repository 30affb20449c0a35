"""Hand-over 4 of the design: objects, deliveries and the job's success, in one transaction.

Everything that was built beforehand was built on what was known of the past; if a delivery has
changed that meanwhile, nothing is written and it is built anew (`PastChangedError`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from model.landmark import Prediction
from node.agreement import disagreement
from node.publication import Piece, newest
from node.report import Answer
from node.settings import Destination
from storage import deliveries, disputes, jobs, reports
from storage.database import now
from storage.reports import NewReport, Past
from storage.tables import (
    DeliveryState,
    Job,
    ObjectKind,
    Report,
    ReportObject,
    Series,
)

logger = structlog.get_logger(__name__)

_DAY: Final = timedelta(days=1)


class OvertakenError(Exception):
    """The series changed while the job ran: its result would describe what no longer is."""


class PastChangedError(Exception):
    """What destinations may have has changed since the objects were built."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a job made, on disk.

    Attributes:
        pieces: the objects with those who get them.
        past: what they were built on.
        seconds: time per step of the job.
        crops: where the sub-volumes are, if any are kept.
    """

    pieces: tuple[Piece, ...]
    past: Past
    seconds: dict[str, float]
    crops: str = ""


def publish(session: Session, job: Job, answer: Answer, made: Made, limit: int) -> None:
    """Add a report with its objects, queue what is to be sent, and settle disputes.

    Args:
        session: a write transaction.
        job: with the fencing token of its claim.
        answer: what was found.
        made: its objects.
        limit: more reports than this of one series within a day are held.

    Raises:
        OvertakenError, PastChangedError, storage.jobs.LeaseLostError: roll back.
    """
    series = _begin(session, job, made)
    earlier = reports.recent(session, job.series_id, since=now(session) - _DAY)
    row = reports.add(
        session,
        job,
        NewReport(
            key=answer.key,
            content_key=answer.content_key,
            study_instance_uid=answer.source.study_instance_uid,
            frame_of_reference_uid=answer.source.frame_of_reference_uid or "",
            located=len(answer.located),
            prediction=answer.prediction.to_json(),
        ),
    )
    if reports.past(session, job.series_id) != made.past:  # read behind the locks of `add`
        raise PastChangedError
    if row.current:
        _settle(session, series, row)
    said = f"{row.located} of 10 located, {made.pieces[0].made.sop_instance_uid}"
    jobs.record(session, job, "report", said)
    if made.crops:
        jobs.record(session, job, "crops", made.crops)
    if row.dispute:
        jobs.record(session, job, "disputed", row.dispute["reason"])
    for piece in made.pieces:
        if piece.made.kind == ObjectKind.REJECTION_NOTE and (row.dispute or not row.current):
            continue  # nothing takes the place of what it would hide
        _queue(session, row, piece, held=_too_many(earlier, limit))


def withdraw(session: Session, job: Job, made: Made) -> None:
    """Add the withdrawal of what was sent of a series, unless a report holds again.

    Raises:
        OvertakenError, PastChangedError, storage.jobs.LeaseLostError: roll back.
    """
    _begin(session, job, made)
    if reports.in_force(session, job.series_id) is not None:
        jobs.record(session, job, "not needed", "a report of the series holds again")
        return
    standing = made.past.standing()
    if reports.past(session, job.series_id) != made.past:
        raise PastChangedError
    reason = job.reason or ""
    for report_id in {offer.report_id for offer in standing.values()}:
        reports.withdraw(session, session.get_one(Report, report_id), reason)
    told = set()
    for piece in made.pieces:
        _queue(session, session.get_one(Report, newest(standing.values()).report_id), piece)
        told |= {one.name for one in piece.destinations}
        jobs.record(session, job, piece.made.kind, piece.made.sop_instance_uid)
    for name in sorted(standing.keys() - told):
        jobs.record(
            session,
            job,
            "not told",
            f"{name} has the report, but is not configured for this series any more",
        )


def _begin(session: Session, job: Job, made: Made) -> Series:
    """Lock and finish; the order is that in which an arriving instance locks: series, then jobs."""
    study_instance_uid = session.get_one(Series, job.series_id).study_instance_uid
    disputes.lock_study(session, study_instance_uid)
    series = session.get_one(Series, job.series_id, with_for_update=True, populate_existing=True)
    jobs.succeed(session, job.id, job.fencing_token, made.seconds)
    if series.revision != job.series_revision:
        raise OvertakenError
    return series


def _settle(session: Session, series: Series, row: Report) -> None:
    """Compare a new result with those of the other series of its study, and draw consequences."""
    if row.located and row.frame_of_reference_uid:
        mine = Prediction.from_json(row.prediction)
        for other in _neighbours(session, row):
            words = disagreement(mine, Prediction.from_json(other.prediction))
            if words is None:
                continue
            there = session.get_one(Series, other.series_id)
            uids = f"series {series.series_instance_uid} and series {there.series_instance_uid}"
            reason = f"{uids} of one study disagree on the levels: {words}"
            disputes.declare(session, row, {there.id: reason})
            disputes.declare(session, other, {series.id: reason})
            logger.error("reports in dispute", series=series.id, other=there.id)
    disputes.reconsider(session, row.study_instance_uid, series.id, but=_partners(row))


def _neighbours(session: Session, row: Report) -> Sequence[Report]:
    return [
        other
        for other in reports.in_study(session, row.study_instance_uid)
        if other.series_id != row.series_id
        and other.located
        and other.frame_of_reference_uid == row.frame_of_reference_uid
    ]


def _partners(row: Report) -> set[int]:
    return set(row.dispute["series_ids"]) if row.dispute else set()


def _too_many(earlier: int, limit: int) -> str | None:
    if earlier < limit:
        return None
    return (
        f"held: this series already got {earlier} reports within 24 hours, at most {limit} are "
        "sent; look for a loop, then `foramina deliveries retry`"
    )


def _queue(session: Session, row: Report, piece: Piece, held: str | None = None) -> None:
    if piece.object_id is None:
        made = reports.add_object(session, row, piece.made, piece.path)
    else:
        made = session.get_one(ReportObject, piece.object_id, populate_existing=True)
        if made.kind in (ObjectKind.WITHDRAWAL, ObjectKind.REJECTION_NOTE):
            made.current = True
    for destination in piece.destinations:
        _enqueue(session, made, destination, held)


def _enqueue(
    session: Session, made: ReportObject, destination: Destination, held: str | None
) -> None:
    if destination.shadow:
        deliveries.enqueue(session, made, destination.name, DeliveryState.SHADOW)
    elif held is None:
        deliveries.enqueue(session, made, destination.name)
    else:
        deliveries.enqueue(session, made, destination.name, DeliveryState.HELD, held)
        logger.error("delivery held", destination=destination.name, object=made.id, reason=held)
