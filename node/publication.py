"""What is made of a result: which objects, in which form, for whom, superseding what.

Built outside of a transaction from what is known of the past, written to disk, and handed over
(`node.handover`) only if that past has not changed in between.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydicom import Dataset

from model.volume import Volume
from node import report
from node.errors import SeriesUnusableError
from node.report import Answer, Earlier, ReportContext, Variant, extras
from node.routing import by_variant
from node.settings import Destination
from storage import reports
from storage.database import Database
from storage.reports import NewObject, Offer, Past
from storage.tables import ObjectKind, ReportObject

_NOTE: Final = ObjectKind.REJECTION_NOTE


@dataclass(frozen=True, slots=True)
class Piece:
    """One object that is on disk, and who is to get it.

    Attributes:
        made: the object.
        path: of its file, below the storage folder.
        object_id: of its row, None as long as it has none.
        destinations: who gets it.
    """

    made: NewObject
    path: str
    object_id: int | None
    destinations: tuple[Destination, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What objects are made of: headers and pixels of the series, and the job's circumstances."""

    headers: Sequence[Dataset]
    context: ReportContext
    scan: Volume | None = None


def key_of(answer: Answer, past: Past) -> Answer:
    """Give the answer its identity: what is known outside already, or a successor of that.

    A result equal to the newest that any destination has is that one: no twin is made. Any other
    follows all newest documents, even where it equals an older one.
    """
    latest = past.latest().values()
    if latest:
        last = newest(latest)
        if last.kind == ObjectKind.REPORT and last.content_key == answer.content_key:
            return replace(answer, key=last.key)
    return answer.following(offer.sop_instance_uid for offer in latest)


class Publisher:
    """Builds objects that are not there yet, and writes each once."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def of_answer(
        self, answer: Answer, material: Material, past: Past, destinations: Sequence[Destination]
    ) -> tuple[Piece, ...]:
        """Make the report in every form that is wanted, the extras, and rejection notes.

        At least one report is made, even where nobody wants it.
        """
        there = self._there(answer.key)
        pieces = []
        groups = by_variant(destinations) or {report.STANDARD: []}
        for count, (variant, group) in enumerate(groups.items(), past.documents + 1):
            earlier = _earlier(past, group, but=(answer.key, variant))
            build = _report_builder(answer, variant, count)
            kind = (ObjectKind.REPORT, variant.name)
            pieces.append(self._piece(there.get(kind), earlier, build, group))
        pieces += self._extras(answer, material, there, destinations)
        notes = _superseded(past, destinations, answer.key)
        return (*pieces, *self._notes(material, notes))

    def of_withdrawal(
        self, reason: str, material: Material, past: Past, destinations: Sequence[Destination]
    ) -> tuple[Piece, ...]:
        """Make the withdrawal of the reports that destinations take for valid, and notes."""
        standing = past.standing()
        concerned = [one for one in destinations if one.name in standing]
        if not concerned:
            return ()
        there = self._there(newest(standing.values()).key)
        pieces = []
        for count, (variant, group) in enumerate(by_variant(concerned).items(), past.documents + 1):
            earlier = _earlier(past, group)
            build = _withdrawal_builder(reason, material, variant, count)
            kind = (ObjectKind.WITHDRAWAL, variant.name)
            pieces.append(self._piece(there.get(kind), earlier, build, group))
        return (*pieces, *self._notes(material, _superseded(past, concerned)))

    def _extras(
        self,
        answer: Answer,
        material: Material,
        there: dict[tuple[str, str], ReportObject],
        destinations: Sequence[Destination],
    ) -> list[Piece]:
        pieces = []
        for kind in extras.KINDS:
            wanted = [one for one in destinations if kind in one.extras]
            if not wanted or material.scan is None:
                continue
            for made in extras.build(kind, answer, material.headers, material.scan):
                row = there.get((made.kind, made.variant))
                pieces.append(self._kept(made, row, wanted))
        return pieces

    def _notes(
        self, material: Material, rejected: dict[tuple[Offer, ...], list[Destination]]
    ) -> list[Piece]:
        pieces = []
        for offers, group in rejected.items():
            made = report.rejection_note(material.headers, offers, material.context)
            if made is not None:
                with self._database.read() as session:
                    row = reports.object_by_uid(session, made.sop_instance_uid)
                pieces.append(self._kept(made, row, group))
        return pieces

    def _there(self, key: str) -> dict[tuple[str, str], ReportObject]:
        """Read what was made of a report before."""
        with self._database.read() as session:
            row = reports.by_key(session, key)
            found = reports.objects(session, row.id) if row is not None else []
        return {(one.kind, one.variant): one for one in found}

    def _piece(
        self,
        row: ReportObject | None,
        earlier: Sequence[Earlier],
        build: Callable[[Sequence[Earlier], int | None], NewObject],
        destinations: Sequence[Destination],
    ) -> Piece:
        """Take the object that is there, or build it; one whose file is lost is built as it was."""
        if row is None:
            return self._kept(build(earlier, None), None, destinations)
        if (self._folder / row.path).is_file():
            return Piece(_described(row), row.path, row.id, tuple(destinations))
        with self._database.read() as session:
            named = reports.objects_by_uids(session, row.names)
        return self._kept(build(named, row.instance_number), row, destinations)

    def _kept(
        self, made: NewObject, row: ReportObject | None, destinations: Sequence[Destination]
    ) -> Piece:
        """Write an object unless it is there.

        Raises:
            SeriesUnusableError: it was made before, its file is lost, and cannot be made again as
                it was: its times were those of another job.
        """
        if row is None:
            return Piece(made, reports.write(self._folder, made), None, tuple(destinations))
        if not (self._folder / row.path).is_file():
            if hashlib.sha256(made.data).hexdigest() != row.sha256:
                with self._database.read() as session:
                    job_id = session.get_one(ReportObject, row.id).report.job_id
                raise SeriesUnusableError(
                    f"the file {row.path} of this report is lost; restore it, or retry job "
                    f"{job_id}, which made it"
                )
            reports.write(self._folder, made)
        return Piece(_described(row), row.path, row.id, tuple(destinations))


def _report_builder(
    answer: Answer, variant: Variant, count: int
) -> Callable[[Sequence[Earlier], int | None], NewObject]:
    return lambda earlier, number: report.report(answer, variant, earlier, number or count)


def _withdrawal_builder(
    reason: str, material: Material, variant: Variant, count: int
) -> Callable[[Sequence[Earlier], int | None], NewObject]:
    return lambda earlier, number: report.withdrawal(
        material.headers,
        reason,
        earlier,
        material.context,
        variant=variant,
        instance_number=number or count,
    )


def _described(row: ReportObject) -> NewObject:
    """Describe an object that has a row; its bytes are in its file."""
    return NewObject(
        kind=row.kind,
        variant=row.variant,
        sop_instance_uid=row.sop_instance_uid,
        sop_class_uid=row.sop_class_uid,
        study_instance_uid=row.study_instance_uid,
        series_instance_uid=row.series_instance_uid,
        data=b"",
        instance_number=row.instance_number,
        names=tuple(row.names),
    )


def _earlier(
    past: Past, group: Iterable[Destination], but: tuple[str, Variant] | None = None
) -> list[Offer]:
    """List the newest documents of a group of destinations, each once, but the one that is made."""
    latest = past.latest()
    found = {
        latest[one.name].sop_instance_uid: latest[one.name] for one in group if one.name in latest
    }
    if but is not None:
        key, variant = but
        found = {
            uid: offer
            for uid, offer in found.items()
            if (offer.kind, offer.key, offer.variant) != (ObjectKind.REPORT, key, variant.name)
        }
    return [found[uid] for uid in sorted(found)]


def _superseded(
    past: Past, destinations: Iterable[Destination], key: str = ""
) -> dict[tuple[Offer, ...], list[Destination]]:
    """Tell what those destinations are to reject that want to be told, and were not yet.

    Args:
        past: what they may have.
        destinations: who is asked about.
        key: of the report that holds now; its own objects stay.
    """
    groups: dict[tuple[Offer, ...], list[Destination]] = {}
    for one in (one for one in destinations if one.iocm):
        mine = [offer for offer in past.offers if offer.destination == one.name]
        told = {uid for offer in mine for uid in offer.names if offer.kind == _NOTE}
        old = tuple(
            replace(offer, destination="")
            for offer in mine
            if offer.kind != _NOTE and offer.key != key and offer.sop_instance_uid not in told
        )
        if old:
            groups.setdefault(old, []).append(one)
    return groups


def newest(offers: Iterable[Offer]) -> Offer:
    """Give the offer whose object was made last; there must be one."""
    return max(offers, key=lambda offer: offer.object_id)
