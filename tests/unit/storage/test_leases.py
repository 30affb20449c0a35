"""A loop runs once over all hosts."""

from datetime import timedelta

from sqlalchemy import update

from storage import leases
from storage.database import Database, now
from storage.tables import Lease


def hold(database: Database, holder: str) -> bool:
    with database.begin() as session:
        return leases.hold(session, "retention", holder, 60)


def test_one_holds_and_prolongs_and_the_other_waits(database: Database) -> None:
    assert hold(database, "a")
    assert hold(database, "a")
    assert not hold(database, "b")
    with database.begin() as session:
        assert leases.hold(session, "another loop", "b", 60)


def test_who_is_silent_loses_it(database: Database) -> None:
    assert hold(database, "a")
    with database.begin() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Lease).values(expires_at=past))
    assert hold(database, "b")
    assert not hold(database, "a")


def test_it_is_given_up_by_its_holder_alone(database: Database) -> None:
    assert hold(database, "a")
    with database.begin() as session:
        leases.let_go(session, "retention", "b")
    assert not hold(database, "b")
    with database.begin() as session:
        leases.let_go(session, "retention", "a")
    assert hold(database, "b")
