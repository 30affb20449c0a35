"""What an arriving instance does to the rows of its series.

Everything here happens inside one transaction that has locked the series concerned; files are
`storage.instances`' business.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries, jobs, removals, series
from storage.database import now
from storage.incoming import Incoming
from storage.tables import Instance, InstanceState, Series, SeriesState

_INT32: Final = range(-(2**31), 2**31)  # PS3.5 section 6.2, VR IS


class Outcome(StrEnum):
    """What an instance is to those received before under its SOP Instance UID."""

    STORED = "stored"  # the first
    DUPLICATE = "duplicate"  # the same content
    CORRECTION = "correction"  # other patient, study or descriptive attributes, same image
    CONFLICT = "conflict"  # another image


@dataclass(frozen=True, slots=True)
class Version:
    """What was received before under one SOP Instance UID."""

    id: int
    series_id: int
    data_sha256: str
    state: str
    path: str
    received_at: datetime
    purged: bool  # its file is no longer kept


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an instance is, in what it differs, and which row holds its content already."""

    outcome: Outcome
    changed: tuple[str, ...] = ()  # keywords
    known: Version | None = None  # the row that already holds this content


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one instance does to the rows, inside one transaction that has locked its series."""

    session: Session
    incoming: Incoming
    digest: str
    path: Path
    rows: tuple[Series, ...]

    def write(self, verdict: Verdict) -> None:
        """Write what the verdict says."""
        match verdict.outcome:
            case Outcome.DUPLICATE:
                self._duplicate()
            case Outcome.STORED:
                self._stored(verdict)
            case Outcome.CORRECTION:
                self._corrected(verdict)
            case Outcome.CONFLICT:
                self._conflicting(verdict)
        for row in self.rows:
            if row.purged_at is not None:
                uid, path = self.incoming.sop_instance_uid, self.path.as_posix()
                removals.keep_again(self.session, row, uid, self.digest, path)

    def _duplicate(self) -> None:
        for row in self.rows:
            if (
                row.series_instance_uid == self.incoming.series_instance_uid
                and row.state == SeriesState.RECEIVING
            ):
                row.last_received_at = max(row.last_received_at, self._moment())

    def _stored(self, verdict: Verdict) -> None:
        row, brand_new = self._series()
        self._insert(row, InstanceState.CURRENT, verdict.known)
        self._advance(row, brand_new)

    def _corrected(self, verdict: Verdict) -> None:
        row, brand_new = self._series()
        for old in of_state(self.session, self.incoming.sop_instance_uid, InstanceState.CURRENT):
            old.state = InstanceState.SUPERSEDED
        self.session.flush()  # before the new one, because only one may be current
        self._insert(row, InstanceState.CURRENT, verdict.known)
        self._advance(row, brand_new)
        uid = self.incoming.sop_instance_uid
        series.record(self.session, row, "correction", f"{uid}: {', '.join(verdict.changed)}")
        jobs.cancel_open(self.session, row.id, "a correction of its series arrived")
        deliveries.overtake(self.session, row.id, "a correction of the series arrived")

    def _conflicting(self, verdict: Verdict) -> None:
        row, _ = self._series()
        self._insert(row, InstanceState.CONFLICT, verdict.known)
        detail = f"{self.incoming.sop_instance_uid}: {', '.join(verdict.changed)}"
        for each in {row, *self.rows}:
            series.record(self.session, each, "conflict", detail)
            reason = "; ".join(series.disagreements(self.session, each.id))
            series.hold_locked(self.session, each, reason)

    def _series(self) -> tuple[Series, bool]:
        """Give the locked row of the instance's series, and whether it was made just now."""
        for row in self.rows:
            if row.series_instance_uid == self.incoming.series_instance_uid:
                return row, False
        return begin_series(self.session, self.incoming, self._moment()), True

    def _advance(self, row: Series, brand_new: bool) -> None:
        if not brand_new:
            advance(self.session, row, self.incoming, 1, self._moment())

    def _moment(self) -> datetime:
        return self.incoming.received_at or now(self.session)

    def _insert(self, row: Series, state: InstanceState, known: Version | None) -> None:
        """Add the instance's row, or bring back the row that holds this content already."""
        instance = self.session.get(Instance, known.id) if known else None
        if instance is None:
            instance = Instance(series_id=row.id)
            self.session.add(instance)
        values = instance_values(self.incoming, self.digest, self.path, self._moment())
        for name, value in values.items():
            setattr(instance, name, value)
        instance.state = state
        self.session.flush()


def begin_series(session: Session, incoming: Incoming, moment: datetime) -> Series:
    """Add the row of a series of which this is the first instance."""
    row = Series(
        series_instance_uid=incoming.series_instance_uid,
        state=SeriesState.RECEIVING,
        revision=1,
        processed_revision=0,
        first_received_at=moment,
        last_received_at=moment,
    )
    _describe(row, incoming)
    session.add(row)
    session.flush()
    series.record(session, row, "received", f"from {row.calling_ae_title}")
    return row


def advance(
    session: Session, row: Series, incoming: Incoming, count: int, moment: datetime
) -> None:
    """Count so many new revisions, and have the series completed and judged again.

    Args:
        session: in whose transaction the row is locked.
        row: of the series.
        incoming: the last of the new instances.
        count: how many there are.
        moment: when it was received.
    """
    row.revision += count
    row.last_received_at = max(row.last_received_at, moment)
    row.not_before = row.evidence = None  # what was waited for may have come
    _describe(row, incoming)
    if row.state != SeriesState.RECEIVING:
        detail = f"instance {incoming.sop_instance_uid} arrived while {row.state}"
        series.reopen(session, row, detail)


def instance_values(
    incoming: Incoming, digest: str, path: Path, moment: datetime
) -> dict[str, Any]:
    """Give the columns of an instance's row, all but its series and its state."""
    number = incoming.instance_number
    return {
        "sop_instance_uid": incoming.sop_instance_uid,
        "data_sha256": digest,
        "sop_class_uid": incoming.sop_class_uid,
        "transfer_syntax_uid": incoming.transfer_syntax_uid,
        "study_instance_uid": incoming.study_instance_uid,
        "patient_id": _text(incoming.patient_id, 255),
        "instance_number": number if number is not None and number in _INT32 else None,
        "path": path.as_posix(),
        "size_bytes": incoming.size_bytes,
        "calling_ae_title": _text(incoming.calling_ae_title, 16),
        "calling_host": _text(incoming.calling_host, 64),
        "association": incoming.association[:64] or None,
        "received_at": moment,
    }


def _describe(row: Series, incoming: Incoming) -> None:
    row.study_instance_uid = incoming.study_instance_uid
    row.patient_id = _text(incoming.patient_id, 255)
    row.accession_number = _text(incoming.accession_number, 255)
    row.modality = _text(incoming.modality, 32)
    row.series_description = _text(incoming.series_description, 255)
    row.calling_ae_title = _text(incoming.calling_ae_title, 16)


def of_state(session: Session, sop_instance_uid: str, state: InstanceState) -> list[Instance]:
    query = (
        select(Instance)
        .where(Instance.sop_instance_uid == sop_instance_uid, Instance.state == state)
        .order_by(Instance.id)
        .with_for_update()
    )
    return list(session.scalars(query))


def _text(value: str, limit: int) -> str:
    """Fit a received value into a column: databases refuse NUL, lone surrogates and excess."""
    clean = value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return clean.strip()[:limit]
