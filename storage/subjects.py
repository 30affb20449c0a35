"""Which series, study and patient a line of the trail is about. Nothing here writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.tables import Action, Delivery, Job, Report, ReportObject, Series


@dataclass(frozen=True, slots=True)
class Subject:
    """The series that something was done to."""

    series_instance_uid: str
    study_instance_uid: str
    patient_id: str


def of_actions(session: Session, actions: Sequence[Action]) -> dict[int, Subject]:
    """Give the subject of each action that has one, by the action's id."""
    found: dict[int, Subject] = {}
    for kind in _QUERIES:
        wanted = {each.id: each.subject_id for each in actions if each.subject == kind}
        by_row = _by_row(session, kind, {row for row in wanted.values() if row is not None})
        for action_id, row in wanted.items():
            if row in by_row:
                found[action_id] = by_row[row]
    return found


_COLUMNS: Final = (Series.series_instance_uid, Series.study_instance_uid, Series.patient_id)
_QUERIES: Final[dict[str, tuple[InstrumentedAttribute[int], Any]]] = {
    "series": (Series.id, select(Series.id, *_COLUMNS)),
    "job": (Job.id, select(Job.id, *_COLUMNS).join(Job.series)),
    "delivery": (
        Delivery.id,
        select(Delivery.id, *_COLUMNS)
        .join(Delivery.object)
        .join(ReportObject.report)
        .join(Report.series),
    ),
}


def _by_row(session: Session, kind: str, ids: Iterable[int]) -> dict[int, Subject]:
    column, query = _QUERIES[kind]
    return {
        row: Subject(*columns)
        for row, *columns in session.execute(query.where(column.in_(list(ids))))
    }
