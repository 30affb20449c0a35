"""Series of one study whose reports disagree: neither is sent, and one already sent is withdrawn.

Whether two reports disagree is the node's to judge; here stands what follows. Functions never
commit, and want the study's series locked.
"""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries, jobs, reports
from storage.database import now
from storage.tables import JobKind, Report, Series, SeriesEvent

ATTEMPTS: Final = 20
"""Of a job that nobody waits for and nobody may lose: over half a day with the usual delays."""


def lock_study(session: Session, study_instance_uid: str) -> None:
    """Lock the series of a study, in the one order in which everything locks them."""
    query = select(Series.id).where(Series.study_instance_uid == study_instance_uid)
    session.execute(query.order_by(Series.id).with_for_update()).all()


def declare(session: Session, report: Report, reasons: Mapping[int, str]) -> None:
    """Note with which series a current report disagrees, and why; nothing of it is sent any more.

    What was sent before is withdrawn by a job of its own.

    Args:
        session: with the study locked.
        report: a current one.
        reasons: series id to a sentence for an administrator.
    """
    known = _reasons(report)
    joined = known | dict(reasons)
    if joined == known:
        return
    reason = "; ".join(joined.values())
    report.dispute = {
        "reason": reason, "series_ids": list(joined), "reasons": list(joined.values())
    }  # fmt: skip
    deliveries.stop(session, report.id, f"not sent: {reason}")
    _record(session, report.series_id, "disputed", reason)
    withdraw(session, report.series_id, reason)


def withdraw(session: Session, series_id: int, reason: str) -> bool:
    """Queue the withdrawal of what was sent of a series; False: nothing was that still stands."""
    if not reports.past(session, series_id).standing():
        return False
    series = session.get_one(Series, series_id)
    jobs.ensure(session, series, ATTEMPTS, JobKind.WITHDRAWAL, reason)
    return True


def reconsider(
    session: Session, study_instance_uid: str, series_id: int, but: Collection[int] = ()
) -> int:
    """Have the series judged anew that are in dispute with one whose result is another now.

    Each is localised again: the job finds out whether the dispute is over, and publishes then.

    Args:
        session: with the study locked.
        study_instance_uid: where to look.
        series_id: the one that has a new result, or none any more.
        but: series with which its new result disagrees still.

    Returns:
        How many.
    """
    count = 0
    for report in reports.in_study(session, study_instance_uid):
        if report.series_id in but or not report.dispute:
            continue
        if series_id in report.dispute["series_ids"]:
            series = session.get_one(Series, report.series_id)
            reason = "a series that it was in dispute with has changed"
            jobs.ensure(session, series, ATTEMPTS, JobKind.LOCALISATION, reason)
            count += 1
    return count


def _reasons(report: Report) -> dict[int, str]:
    if not report.dispute:
        return {}
    return dict(zip(report.dispute["series_ids"], report.dispute["reasons"], strict=True))


def _record(session: Session, series_id: int, kind: str, detail: str) -> None:
    session.add(SeriesEvent(series_id=series_id, at=now(session), kind=kind, detail=detail))
    session.flush()
