"""What an arriving instance does to the rows of its series.

Everything here happens inside one transaction that has locked the series concerned; files are
`storage.instances`' business.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries, jobs, series
from storage.database import now
from storage.tables import Instance, InstanceState, Series, SeriesState

_INT32: Final = range(-(2**31), 2**31)  # PS3.5 section 6.2, VR IS


class Outcome(StrEnum):
    """What an instance is to those received before under its SOP Instance UID."""

    STORED = "stored"  # the first
    DUPLICATE = "duplicate"  # the same content
    CORRECTION = "correction"  # other patient, study or descriptive attributes, same image
    CONFLICT = "conflict"  # another image


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object as it arrived, with the attributes that say where it belongs."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    accession_number: str
    modality: str
    series_description: str
    instance_number: int | None
    calling_ae_title: str
    calling_host: str
    part10: bytes
    """The whole file: preamble, file meta information, data set as received."""
    data_offset: int
    """Where in `part10` the data set begins."""
    association: str = ""
    """Over which it came; empty: not known."""


@dataclass(frozen=True, slots=True)
class Version:
    """What was received before under one SOP Instance UID."""

    id: int
    series_id: int
    data_sha256: str
    state: str
    path: str


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

    def _duplicate(self) -> None:
        for row in self.rows:
            if (
                row.series_instance_uid == self.incoming.series_instance_uid
                and row.state == SeriesState.RECEIVING
            ):
                row.last_received_at = now(self.session)

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
        moment = now(self.session)
        row = Series(
            series_instance_uid=self.incoming.series_instance_uid,
            state=SeriesState.RECEIVING,
            revision=1,
            processed_revision=0,
            first_received_at=moment,
            last_received_at=moment,
        )
        self._describe(row)
        self.session.add(row)
        self.session.flush()
        series.record(self.session, row, "received", f"from {row.calling_ae_title}")
        return row, True

    def _describe(self, row: Series) -> None:
        row.study_instance_uid = self.incoming.study_instance_uid
        row.patient_id = _text(self.incoming.patient_id, 255)
        row.accession_number = _text(self.incoming.accession_number, 255)
        row.modality = _text(self.incoming.modality, 32)
        row.series_description = _text(self.incoming.series_description, 255)
        row.calling_ae_title = _text(self.incoming.calling_ae_title, 16)

    def _advance(self, row: Series, brand_new: bool) -> None:
        """Count a new revision, and have the series completed and judged again."""
        if brand_new:
            return
        row.revision += 1
        row.last_received_at = now(self.session)
        row.not_before = row.evidence = None  # what was waited for may have come
        self._describe(row)
        if row.state != SeriesState.RECEIVING:
            detail = f"instance {self.incoming.sop_instance_uid} arrived while {row.state}"
            series.reopen(self.session, row, detail)

    def _insert(self, row: Series, state: InstanceState, known: Version | None) -> None:
        """Add the instance's row, or bring back the row that holds this content already."""
        instance = self.session.get(Instance, known.id) if known else None
        if instance is None:
            instance = Instance(
                series_id=row.id,
                sop_instance_uid=self.incoming.sop_instance_uid,
                data_sha256=self.digest,
            )
            self.session.add(instance)
        number = self.incoming.instance_number
        instance.sop_class_uid = self.incoming.sop_class_uid
        instance.transfer_syntax_uid = self.incoming.transfer_syntax_uid
        instance.study_instance_uid = self.incoming.study_instance_uid
        instance.patient_id = _text(self.incoming.patient_id, 255)
        instance.instance_number = number if number in _INT32 else None
        instance.path = self.path.as_posix()
        instance.size_bytes = len(self.incoming.part10)
        instance.calling_ae_title = _text(self.incoming.calling_ae_title, 16)
        instance.calling_host = _text(self.incoming.calling_host, 64)
        instance.association = self.incoming.association[:64] or None
        instance.state = state
        instance.received_at = now(self.session)
        self.session.flush()


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
