"""Transactions that write, transactions that read, and the time."""

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import exc as sql_exc
from sqlalchemy import select, text, update

from storage import database as module
from storage.database import Database, SchemaError, now
from storage.tables import Series
from tests.rows import add_series


def count(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Series)).all())


def test_a_block_that_ends_is_committed(database: Database) -> None:
    with database.begin() as session:
        row = add_series(session)
    assert count(database) == 1
    assert row.series_instance_uid == "1.2.3.1"  # readable after its transaction


def test_a_block_that_raises_is_undone(database: Database) -> None:
    def interrupted() -> None:
        with database.begin() as session:
            add_series(session)
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert count(database) == 0


def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(sql_exc.DBAPIError, match=r"readonly|read-only"), database.read() as session:
        add_series(session)
    with database.begin() as session:  # the same connection, to write
        add_series(session)
    assert count(database) == 1


def test_a_reader_does_not_wait_for_the_writer(database: Database) -> None:
    with database.begin() as session:
        add_series(session)
        assert count(database) == 0
    assert count(database) == 1


def test_the_time_is_aware_and_in_utc(database: Database) -> None:
    with database.read() as session:
        first, second = now(session), now(session)
    assert first.tzinfo is not None
    assert first.utcoffset() == timedelta(0)
    assert first < second
    assert abs(first - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_stored_time_comes_back_aware(database: Database) -> None:
    with database.begin() as session:
        stored = add_series(session).first_received_at
    with database.read() as session:
        read = session.scalars(select(Series.first_received_at)).one()
    assert read == stored
    assert read.tzinfo is not None


def test_a_time_without_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    with pytest.raises(sql_exc.StatementError, match="no time zone"), database.begin() as session:
        session.execute(update(Series).values(last_received_at=naive))


def test_errors_do_not_quote_what_was_to_be_stored(database: Database) -> None:
    with database.begin() as session:
        add_series(session)
    with pytest.raises(sql_exc.DBAPIError) as refusal, database.begin() as session:
        session.execute(update(Series).values(patient_id="SECRET", state="lost"))
    assert "state_known" in str(refusal.value)
    assert "SECRET" not in str(refusal.value)


def test_sqlite_survives_a_power_cut_after_the_commit(sqlite_database: Database) -> None:
    with sqlite_database.begin() as session:
        answers = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert answers == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 30000,
    }


def test_sqlite_locks_before_it_reads(sqlite_database: Database) -> None:
    """Two that read and then write would otherwise both read first, and one would fail."""
    another = Database(str(sqlite_database.url))  # as another process has it
    started = threading.Event()
    seen: list[int] = []

    def second() -> None:
        started.wait()
        with another.begin() as session:
            seen.append(len(session.scalars(select(Series)).all()))
            add_series(session, 2)

    thread = threading.Thread(target=second)
    thread.start()
    with sqlite_database.begin() as session:
        session.scalars(select(Series)).all()
        started.set()
        time.sleep(0.1)  # long enough for a second one that does not wait to be seen
        add_series(session)
    thread.join()
    another.close()
    assert seen == [1]


def test_a_transaction_inside_a_transaction_is_named(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "_busy_timeout_s", 0.01)
    inside = pytest.raises(sql_exc.TimeoutError, match="inside")
    with sqlite_database.begin(), inside, sqlite_database.begin():
        pytest.fail("two writers at once")
    with sqlite_database.begin() as session:  # the lock was given back
        add_series(session)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/foramina"])
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected sqlite:///"):
        Database(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_postgresql_is_reached_by_psycopg(scheme: str) -> None:
    database = Database(f"{scheme}://somebody@localhost/foramina")
    assert database.url.drivername == "postgresql+psycopg"
    assert not database.is_sqlite


def test_the_revision_that_is_expected_is_the_newest_migration(sqlite_database: Database) -> None:
    folder = Path(module.__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == module.REVISION
    sqlite_database.check()


def test_a_check_changes_nothing_and_says_what_is_missing(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(SchemaError, match="there is no database"):
        database.check()
    assert not Path(str(database.url.database)).exists()
    database.close()


def test_a_database_of_another_version_is_refused(database: Database) -> None:
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(SchemaError, match="9999"):
            database.check()
    finally:
        with database.begin() as session:
            session.execute(
                text("UPDATE alembic_version SET version_num = :known"),
                {"known": module.REVISION},
            )


def test_a_database_without_tables_is_refused(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(SchemaError, match="has no tables"):
        database.check()
    database.close()
