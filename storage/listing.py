"""Lists for people: what matches, newest first, one page at a time, however many rows there are.

A page begins behind the last row of the one before (keyset paging), so that a late page costs what
the first one does; every list is read along an index. Nothing here writes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Protocol, Self, TypeVar

from sqlalchemy import Select, literal, select, text, tuple_, union
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from storage.database import Database
from storage.states import NoticeState
from storage.tables import Action, Delivery, Instance, Job, Notice, Report, ReportObject, Series

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LARGEST_ID: Final = 2**31 - 1
_NUMBERED: Final = ("series", "job", "delivery")
"""What rows of the trail name by number."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the time and the id of its last row; as text it goes into a link."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` gave.

        Raises:
            ValueError: it is no position.
        """
        try:
            microseconds, _, number = text.partition("-")
            return cls(_EPOCH + int(microseconds) * _MICROSECOND, _checked_id(number))
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{text[:40]!r} is no place in a list; begin at its start") from error


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series are wanted; what is empty does not matter.

    Attributes:
        search: a PatientID, an AccessionNumber, or a Study, Series or SOP Instance UID, whole.
        state: one of `SeriesState`.
        sender: a calling AE title.
        since, until: when the first instance came, aware; `until` itself is left out.
    """

    search: str = ""
    state: str = ""
    sender: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; what is empty does not matter."""

    state: str = ""
    series_id: int | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are wanted; what is empty does not matter."""

    state: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions are wanted; what is empty does not matter."""

    person: str = ""
    subject: str = ""
    subject_id: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices are wanted; what is empty does not matter."""

    state: str = ""
    event: str = ""


Row = TypeVar("Row", Series, Job, Delivery, Action, Notice)


class Listing(Protocol[Row]):
    """A list that can be read page by page."""

    def query(self, limit: int, after: str) -> Select[Row]:
        """Select a page behind a position; ValueError: it is none."""
        ...

    def position(self, row: Row) -> str:
        """Say where a page ends whose last row this is."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesListing:
    """Series, in the order in which their first instances came."""

    wanted: SeriesFilter = SeriesFilter()

    def query(self, limit: int, after: str = "") -> Select[Series]:
        """Select a page without the verdicts, which are long."""
        wanted = self.wanted
        query = select(Series).options(defer(Series.verdict), defer(Series.evidence))
        if wanted.search:
            query = query.where(Series.id.in_(_found(wanted.search)))
        if wanted.state:
            query = query.where(Series.state == wanted.state)
        if wanted.sender:
            query = query.where(Series.calling_ae_title == wanted.sender)
        if wanted.since is not None:
            query = query.where(Series.first_received_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(Series.first_received_at < wanted.until)
        if after:
            last = Position.parse(after)
            seen = tuple_(literal(last.at, Series.first_received_at.type), literal(last.id))
            query = query.where(tuple_(Series.first_received_at, Series.id) < seen)
        return query.order_by(Series.first_received_at.desc(), Series.id.desc()).limit(limit)

    def position(self, row: Series) -> str:
        """Say where a page ends whose last row this is."""
        return str(Position(row.first_received_at, row.id))


@dataclass(frozen=True, slots=True)
class JobListing:
    """Jobs with their series, newest first."""

    wanted: JobFilter = JobFilter()

    def query(self, limit: int, after: str = "") -> Select[Job]:
        """Select a page."""
        series = joinedload(Job.series)
        query = select(Job).options(series.defer(Series.verdict), series.defer(Series.evidence))
        if self.wanted.state:
            query = query.where(Job.state == self.wanted.state)
        if self.wanted.series_id is not None:
            query = query.where(Job.series_id == self.wanted.series_id)
        if after:
            query = query.where(Job.id < _checked_id(after))
        return query.order_by(Job.id.desc()).limit(limit)

    def position(self, row: Job) -> str:
        """Say where a page ends whose last row this is."""
        return str(row.id)


@dataclass(frozen=True, slots=True)
class DeliveryListing:
    """Deliveries with their objects and reports, newest first."""

    wanted: DeliveryFilter = DeliveryFilter()

    def query(self, limit: int, after: str = "") -> Select[Delivery]:
        """Select a page."""
        report = joinedload(Delivery.object).joinedload(ReportObject.report)
        query = select(Delivery).options(report.defer(Report.prediction))
        if self.wanted.state:
            query = query.where(Delivery.state == self.wanted.state)
        if self.wanted.destination:
            query = query.where(Delivery.destination == self.wanted.destination)
        if after:
            query = query.where(Delivery.id < _checked_id(after))
        return query.order_by(Delivery.id.desc()).limit(limit)

    def position(self, row: Delivery) -> str:
        """Say where a page ends whose last row this is."""
        return str(row.id)


@dataclass(frozen=True, slots=True)
class ActionListing:
    """What people did, newest first."""

    wanted: ActionFilter = ActionFilter()

    def query(self, limit: int, after: str = "") -> Select[Action]:
        """Select a page."""
        query = select(Action)
        if self.wanted.person:
            query = query.where(Action.person == self.wanted.person)
        if self.wanted.subject:
            query = query.where(Action.subject == self.wanted.subject)
        if self.wanted.subject_id is not None:
            query = query.where(Action.subject_id == self.wanted.subject_id)
            if not self.wanted.subject:  # named, so that an index can be used
                query = query.where(Action.subject.in_(_NUMBERED))
        if after:
            query = query.where(Action.id < _checked_id(after))
        return query.order_by(Action.id.desc()).limit(limit)

    def position(self, row: Action) -> str:
        """Say where a page ends whose last row this is."""
        return str(row.id)


@dataclass(frozen=True, slots=True)
class NoticeListing:
    """Notices with what was told of them, newest first."""

    wanted: NoticeFilter = NoticeFilter()

    def query(self, limit: int, after: str = "") -> Select[Notice]:
        """Select a page."""
        query = select(Notice).options(selectinload(Notice.sends))
        if self.wanted.state:
            query = query.where(Notice.state == self.wanted.state)
        if self.wanted.state and self.wanted.state != NoticeState.OVER:
            # The condition of the index of those that are not over, which are few.
            query = query.where(text("notices.state <> 'over'"))
        if self.wanted.event:
            query = query.where(Notice.event == self.wanted.event)
        if after:
            query = query.where(Notice.id < _checked_id(after))
        return query.order_by(Notice.id.desc()).limit(limit)

    def position(self, row: Notice) -> str:
        """Say where a page ends whose last row this is."""
        return str(row.id)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and where the next page begins; empty: there is none."""

    rows: tuple[Row, ...]
    next: str


def page(session: Session, listing: Listing[Row], limit: int, after: str = "") -> Page[Row]:
    """Read one page.

    Raises:
        ValueError: `after` is no position of this list.
    """
    rows = tuple(session.scalars(listing.query(limit + 1, after)))
    more = len(rows) > limit
    return Page(rows[:limit], listing.position(rows[limit - 1]) if more else "")


def chunks(database: Database, listing: Listing[Row], size: int = 1000) -> Iterator[Iterable[Row]]:
    """Read a whole list, however long, in short transactions that hold up nobody."""
    after = ""
    while True:
        with database.read() as session:
            found = page(session, listing, size, after)
        yield found.rows
        if not found.next:
            return
        after = found.next


def _found(search: str) -> Select[int]:
    """Select the ids of series that a person may mean; each part is a look into an index."""
    parts = [
        select(Series.id).where(column == search)
        for column in (
            Series.patient_id,
            Series.accession_number,
            Series.series_instance_uid,
            Series.study_instance_uid,
        )
    ]
    parts.append(select(Instance.series_id).where(Instance.sop_instance_uid == search))
    return select(union(*parts).subquery().c.id)


def _checked_id(text: str) -> int:
    """Read a row's id.

    Raises:
        ValueError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LARGEST_ID):
        raise ValueError(f"{text[:40]!r} is no place in a list; begin at its start")
    return int(text)
