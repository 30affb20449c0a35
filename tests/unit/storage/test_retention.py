"""Only what is decided, delivered and undisputed may lose its files."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from storage import deliveries, jobs, retention, series
from storage.database import Database, now
from storage.instances import InstanceStore
from storage.tables import (
    Delivery,
    Instance,
    InstanceState,
    Removal,
    Report,
    Series,
    SeriesState,
)
from tests import kept
from tests.factories import UID_ROOT, make_incoming


@pytest.fixture
def rejected(database: Database, tmp_path: Path) -> int:
    series_id = kept.receive(database, tmp_path)
    with database.begin() as session:
        kept.reject(session, series_id)
    return series_id


@pytest.fixture
def delivered(database: Database, tmp_path: Path) -> int:
    series_id = kept.receive(database, tmp_path, 2)
    with database.begin() as session:
        kept.report(session, tmp_path, series_id, "pacs", "archive")
        kept.deliver(session, "pacs", state="committed")
        kept.deliver(session, "archive", state="stored")
    return series_id


def candidates(database: Database, days: float = 0) -> list[int]:
    with database.read() as session:
        found = retention.candidates(session, kept.before(session, days))
    return [one.id for one in found]


def test_rejected_series_go_first_and_then_the_oldest(
    database: Database, tmp_path: Path, rejected: int, delivered: int
) -> None:
    older = kept.receive(database, tmp_path, 3)
    with database.begin() as session:
        kept.reject(session, older)
    kept.let_age(database, 30, older)
    kept.let_age(database, 90, delivered)
    kept.let_age(database, 10, rejected)
    assert candidates(database) == [older, rejected, delivered]
    assert candidates(database, 20) == [older, delivered]
    with database.read() as session:
        moment = now(session)
        found = retention.candidates(session, {SeriesState.ACCEPTED: moment})
    assert [(one.id, one.files) for one in found] == [(delivered, 3)]
    assert found[0].size_bytes == sum(
        (tmp_path / name).stat().st_size
        for name in kept.files(tmp_path, "instances")
        if f"{kept.SERIES_UID}.2/" in name
    )


@pytest.mark.parametrize("state", ["queued", "sending", "held", "failed"])
def test_nothing_goes_whose_report_has_not_arrived_everywhere(
    database: Database, delivered: int, state: str
) -> None:
    assert candidates(database) == [delivered]
    with database.begin() as session:
        kept.deliver(session, "archive", state=state)
    assert candidates(database) == []


def test_a_delivery_that_is_still_to_be_confirmed_counts_as_none(
    database: Database, delivered: int
) -> None:
    with database.begin() as session:
        session.execute(
            update(Delivery).where(Delivery.destination == "archive").values(check_at=now(session))
        )
    assert candidates(database) == []


def _open_job(session: Session, series_id: int) -> None:
    jobs.enqueue(session, session.get_one(Series, series_id), 3)


def _dispute(session: Session, series_id: int) -> None:
    session.execute(update(Report).values(dispute={"reason": "levels", "series_ids": [9]}))


def _conflict(session: Session, series_id: int) -> None:
    session.execute(
        update(Instance)
        .where(Instance.sop_instance_uid.endswith(".1"))
        .values(state=InstanceState.CONFLICT)
    )


def _no_report(session: Session, series_id: int) -> None:
    session.execute(update(Report).values(current=False))


def _held(session: Session, series_id: int) -> None:
    series.hold_locked(session, session.get_one(Series, series_id), "two patients")


def _reopened(session: Session, series_id: int) -> None:
    series.reopen(session, session.get_one(Series, series_id), "one more image")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_open_job, "a job of it is queued or running"),
        (_dispute, "its report is in dispute"),
        (_conflict, "two versions of an instance, not decided"),
        (_no_report, "accepted, but without a report"),
        (_held, "not decided: receiving, complete or held"),
        (_reopened, "not decided: receiving, complete or held"),
    ],
)
def test_what_is_not_at_its_end_is_kept_with_the_reason(
    database: Database, delivered: int, change: Callable[[Session, int], None], reason: str
) -> None:
    with database.read() as session:
        assert retention.kept(session, now(session)) == {}
    with database.begin() as session:
        change(session, delivered)
        moment = kept.before(session)
        assert retention.purge(session, delivered, moment, [], "test") == 0
    assert candidates(database) == []
    assert kept.purged(database, delivered) == [False] * 3
    with database.read() as session:
        assert retention.kept(session, now(session)) == {reason: 1}


def test_a_study_that_is_worked_on_keeps_all_its_series(
    database: Database, tmp_path: Path, delivered: int
) -> None:
    with database.read() as session:
        study = session.get_one(Series, delivered).study_instance_uid
    late = kept.receive(database, tmp_path, 5, StudyInstanceUID=study)
    assert candidates(database) == []
    with database.begin() as session:
        kept.reject(session, late)
    assert candidates(database) == [late, delivered]


def test_purging_marks_the_files_and_keeps_what_the_rows_tell(
    database: Database, tmp_path: Path, delivered: int
) -> None:
    with database.begin() as session:
        moment = kept.before(session)
        assert retention.purge(session, delivered, moment, ["crops"], "old") == 3
        assert retention.purge(session, delivered, moment, ["crops"], "old") == 0
    assert candidates(database) == []
    with database.read() as session:
        row = session.get_one(Series, delivered)
        assert row.state == SeriesState.ACCEPTED
        assert row.purged_at is not None
        assert [one.kind for one in series.events(session, delivered)][-1] == "purged"
        paths = [one.path for one in session.query(Removal).order_by(Removal.id)]
    assert paths[:3] == kept.files(tmp_path, "instances")
    assert paths[3:] == [f"crops/{row.series_instance_uid}"]
    assert kept.purged(database, delivered) == [True] * 3


def _purged(database: Database, series_id: int) -> None:
    with database.begin() as session:
        assert retention.purge(session, series_id, kept.before(session), [], "old") == 3


def test_what_is_received_anew_may_go_again(
    database: Database, tmp_path: Path, rejected: int
) -> None:
    _purged(database, rejected)
    kept.receive(database, tmp_path, images=1)  # the first of three
    assert kept.purged(database, rejected) == [False, True, True]
    assert candidates(database) == [rejected]


def test_what_was_received_before_and_filed_after_the_deletion_may_go_too(
    database: Database, tmp_path: Path, rejected: int
) -> None:
    """It waited in the journal meanwhile."""
    _purged(database, rejected)
    uid = f"{kept.SERIES_UID}.1"
    late = make_incoming(
        9,
        SeriesInstanceUID=uid,
        StudyInstanceUID=f"{UID_ROOT}.88.1",
        SOPInstanceUID=f"{uid}.9",
    )
    with database.read() as session:
        before = now(session) - timedelta(hours=1)
    InstanceStore(database, tmp_path).store(replace(late, received_at=before))
    with database.begin() as session:
        kept.reject(session, rejected)
    assert candidates(database) == [rejected]


def test_candidates_and_the_queue_are_read_along_their_indexes(sqlite_database: Database) -> None:
    """Or each look would cost more with every series that was ever received."""
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT series.id", "UPDATE deliveries")):
            rows = connection.connection.driver_connection.execute(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            plans.append(" ".join(str(row[3]) for row in rows))

    event.listen(sqlite_database._engine, "before_cursor_execute", explain)
    with sqlite_database.begin() as session:
        retention.candidates(session, kept.before(session))
        deliveries.claim(session, "pacs", 60)
    rejected, accepted, _sizes, claim = plans
    assert "INDEX series_with_files" in rejected
    assert "INDEX series_with_files" in accepted
    assert "USE TEMP B-TREE FOR ORDER BY" not in rejected
    assert "INDEX deliveries_waiting" in claim
    assert "USE TEMP B-TREE" not in claim


def test_who_receives_is_known(database: Database, tmp_path: Path) -> None:
    series_id = kept.receive(database, tmp_path)
    with database.read() as session:
        row = session.get_one(Series, series_id)
        assert retention.is_receiving(session, row.last_received_at)
        assert not retention.is_receiving(session, now(session))
