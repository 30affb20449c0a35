"""Lists are read along indexes, page by page; every filter finds what it should."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from storage import deliveries, jobs, listing
from storage.actions import Person, record
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.listing import (
    ActionFilter,
    ActionListing,
    DeliveryFilter,
    DeliveryListing,
    JobFilter,
    JobListing,
    Position,
    SeriesFilter,
    SeriesListing,
)
from storage.tables import Series, SeriesState
from tests import factories
from tests.rows import add_job, add_report, add_series


def fill(session: Session, count: int) -> None:
    """Add series, two of which came at each moment."""
    start = now(session) - timedelta(days=1)
    for number in range(1, count + 1):
        state = SeriesState.REJECTED if number % 2 else SeriesState.ACCEPTED
        row = add_series(session, number, state=state)
        row.first_received_at = start + timedelta(seconds=number // 2)
        row.patient_id = f"P{number % 5}"
        row.calling_ae_title = f"MR{number % 3}"


def found(session: Session, **wanted: Any) -> list[int]:
    """Ids of the series that a filter lets through."""
    rows = listing.page(session, SeriesListing(SeriesFilter(**wanted)), 100).rows
    return [row.id for row in rows]


def test_pages_join_without_gap_or_repetition(database: Database) -> None:
    with database.begin() as session:
        fill(session, 23)
    asked = SeriesListing()
    sizes, seen = [], []
    for chunk in listing.chunks(database, asked, size=5):
        rows = list(chunk)
        sizes.append(len(rows))
        seen += [row.id for row in rows]
    assert sizes == [5, 5, 5, 5, 3]
    assert seen == list(range(23, 0, -1))


def test_a_row_that_comes_between_two_pages_moves_none(database: Database) -> None:
    with database.begin() as session:
        fill(session, 6)
        first = listing.page(session, SeriesListing(), 3)
        add_series(session, 7)
        second = listing.page(session, SeriesListing(), 3, first.next)
        assert [row.id for row in (*first.rows, *second.rows)] == [6, 5, 4, 3, 2, 1]
        assert second.next == ""


def test_filters(database: Database) -> None:
    with database.begin() as session:
        fill(session, 12)
        assert found(session, search="P3") == [8, 3]
        assert found(session, search="1.2.3.4") == [4]
        assert len(found(session, search="1.2.3")) == 12  # the study
        assert found(session, search="P") == []
        assert found(session, state="rejected", sender="MR0") == [9, 3]
        third = session.get_one(Series, 3).first_received_at
        assert found(session, until=third) == [1]
        assert found(session, since=third, until=third + timedelta(seconds=1)) == [3, 2]


def test_an_instance_leads_to_its_series(database: Database, store: InstanceStore) -> None:
    store.store(factories.make_incoming(1))
    with database.read() as session:
        assert found(session, search=f"{factories.SERIES_UID}.1") == [1]
        assert found(session, search=f"{factories.SERIES_UID}.2") == []


def test_jobs_deliveries_and_actions_are_filtered_and_paged(database: Database) -> None:
    with database.begin() as session:
        for number in (1, 2, 3):
            deliveries.enqueue(session, add_report(session, number), f"pacs {number % 2}")
        add_job(session, 4)
        jobs.cancel(session, 2, "twice")
        record(session, Person("ann"), "retry", subject="job", subject_id=1)
        record(session, Person("bob"), "log in", done=False)
    with database.read() as session:
        page = listing.page(session, JobListing(JobFilter(state="queued")), 2)
        assert [row.id for row in page.rows] == [4, 3]
        assert [row.series.id for row in page.rows] == [4, 3]
        page = listing.page(session, JobListing(JobFilter(state="queued")), 2, page.next)
        assert ([row.id for row in page.rows], page.next) == ([1], "")
        of_one = listing.page(session, JobListing(JobFilter(series_id=2)), 2)
        assert [row.id for row in of_one.rows] == [2]
        sent = DeliveryListing(DeliveryFilter(state="queued", destination="pacs 1"))
        assert [row.id for row in listing.page(session, sent, 9).rows] == [3, 1]
        by_ann = ActionListing(ActionFilter(person="ann"))
        assert [row.action for row in listing.page(session, by_ann, 9).rows] == ["retry"]
        of_job = ActionListing(ActionFilter(subject="job", subject_id=1))
        assert [row.person for row in listing.page(session, of_job, 9).rows] == ["ann"]
        of_one_row = ActionListing(ActionFilter(subject_id=1))
        assert [row.person for row in listing.page(session, of_one_row, 9).rows] == ["ann"]
        assert [row.done for row in listing.page(session, ActionListing(), 9).rows] == [False, True]


@pytest.mark.parametrize("after", ["x", "1", "1-", "1-x", "-", "9" * 30 + "-1", "1-99999999999"])
def test_a_position_that_is_none_is_refused(sqlite_database: Database, after: str) -> None:
    with sqlite_database.read() as session, pytest.raises(ValueError, match="no place in a list"):
        listing.page(session, SeriesListing(), 5, after)


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "99999999999", "²"])
def test_an_id_that_is_none_is_refused(sqlite_database: Database, after: str) -> None:
    with sqlite_database.read() as session, pytest.raises(ValueError, match="no place in a list"):
        listing.page(session, JobListing(), 5, after)


def test_positions_survive_being_text() -> None:
    position = Position.parse("1767225600123456-42")
    assert (position.at.year, position.at.microsecond, position.id) == (2026, 123456, 42)
    assert str(position) == "1767225600123456-42"


PLANS: list[tuple[listing.Listing[Any], str]] = [
    (SeriesListing(), "series_by_time"),
    (SeriesListing(SeriesFilter(state="rejected")), "series_by_state_and_time"),
    (SeriesListing(SeriesFilter(sender="MR1")), "series_by_sender"),
    (SeriesListing(SeriesFilter(search="P1")), "ix_series_patient_id"),
    (JobListing(), ""),
    (JobListing(JobFilter(state="failed")), "ix_jobs_state"),
    (JobListing(JobFilter(series_id=7)), "ix_jobs_series_id"),
    (DeliveryListing(DeliveryFilter(state="failed")), "ix_deliveries_state"),
    (SeriesListing(SeriesFilter(state="held", sender="MR1")), "series_by_sender_and_state"),
    (DeliveryListing(DeliveryFilter(destination="pacs")), "deliveries_by_destination "),
    (
        DeliveryListing(DeliveryFilter("failed", "pacs")),
        "deliveries_by_destination_and_state",
    ),
    (ActionListing(), ""),
    (ActionListing(ActionFilter(person="ann")), "actions_by_person"),
    (ActionListing(ActionFilter(subject="job", subject_id=7)), "actions_by_subject"),
    (ActionListing(ActionFilter(subject="job")), "actions_by_kind"),
]


@pytest.mark.parametrize("later", [False, True], ids=["first page", "later page"])
@pytest.mark.parametrize(("asked", "index"), PLANS)
def test_no_page_reads_or_sorts_a_whole_table(
    sqlite_database: Database, asked: listing.Listing[Any], index: str, later: bool
) -> None:
    after = "" if not later else "1767225600000000-9" if isinstance(asked, SeriesListing) else "9"
    statement = asked.query(51, after).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    with sqlite_database.read() as session:
        plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    assert any(index in step for step in plan), plan
    searches = isinstance(asked, SeriesListing) and bool(asked.wanted.search)
    for step in plan:
        if step.startswith("SCAN"):
            # Along an index, or the table itself, from its end: it stops after a page.
            assert not later or "USING" in step or "anon" in step, plan
        assert searches or "TEMP B-TREE" not in step, plan  # the few that a search finds are sorted
