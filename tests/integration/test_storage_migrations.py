"""The migrated schema is the one of `storage.tables`, however many start at once."""

import os
import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from storage import deliveries, jobs, reports
from storage.database import Database, SchemaError
from storage.tables import Base
from tests import postgres, processes

SQLITE_SCHEMA = """
    SELECT type, name, sql FROM sqlite_master
    WHERE sql IS NOT NULL AND name <> 'alembic_version' AND type <> 'trigger' ORDER BY name
"""
POSTGRESQL_SCHEMA = """
    SELECT 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable || ' '
        || coalesce(character_maximum_length::text, '') || coalesce(column_default, '')
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    UNION ALL
    SELECT 'index', indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""


def schema(engine: Engine) -> dict[tuple[str, str], str]:
    """Describe all that a database holds: columns, indexes with their conditions, checks."""
    query = SQLITE_SCHEMA if engine.dialect.name == "sqlite" else POSTGRESQL_SCHEMA
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    return {(kind, name): canonical(sql) for kind, name, sql in rows}


def canonical(sql: str) -> str:
    """Make the lines of a CREATE TABLE comparable: spacing and order of clauses mean nothing.

    Neither do the quotes that SQLite puts around the name of a table that was built anew, nor
    where it puts a column that was added later.
    """
    sql = re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", sql.strip())
    lines = re.split(r",\s*(?![^()]*\))", re.sub(r"[ \t]+", " ", sql))  # no comma in parentheses
    return "\n".join(sorted(line.strip(" \n\t()") for line in lines))


def assert_equals_metadata(engine: Engine, reference: Engine) -> None:
    Base.metadata.create_all(reference)
    found, expected = schema(engine), schema(reference)
    assert found == expected
    assert len(found) > 20
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_sqlite_gets_the_schema_of_the_tables(sqlite_database: Database) -> None:
    reference = create_engine("sqlite://")
    engine = create_engine(sqlite_database.url)
    assert_equals_metadata(engine, reference)
    for each in (engine, reference):
        each.dispose()


def test_postgresql_gets_the_schema_of_the_tables(
    postgres_database: Database, postgres_cluster: postgres.Cluster
) -> None:
    name = postgres_cluster.create()
    reference = create_engine(postgres_cluster.url(name))
    engine = create_engine(postgres_database.url)
    assert_equals_metadata(engine, reference)
    for each in (engine, reference):
        each.dispose()
    postgres_cluster.drop(name)


def revisions(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(text("SELECT version_num FROM alembic_version")))


def test_migrating_again_changes_nothing(database: Database) -> None:
    before = revisions(database)
    database.migrate()
    assert revisions(database) == before
    assert len(before) == 1


def test_many_processes_may_start_at_once(
    empty_url: str, process_pool: ProcessPoolExecutor
) -> None:
    found = [process_pool.submit(processes.migrate, empty_url) for _ in range(3)]
    assert os.getpid() not in {each.result() for each in found}
    check_complete(empty_url)


def test_many_threads_may_start_at_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(processes.migrate, [empty_url] * 6))) == 6
    check_complete(empty_url)


def check_complete(url: str) -> None:
    database = Database(url)
    assert len(revisions(database)) == 1
    with database.read() as session:
        assert set(Base.metadata.tables) <= set(inspect(session.connection()).get_table_names())
    database.close()


def test_a_schema_of_a_newer_version_is_named(empty_url: str) -> None:
    database = Database(empty_url)
    database.migrate()
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer version"):
        database.migrate()
    with pytest.raises(SchemaError, match="a newer version made it"):
        database.check()
    with database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(SchemaError, match="restart the node"):
        database.check()
    database.close()


def test_a_migration_that_fails_leaves_nothing(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_table = op.create_table

    def fail_late(name: str, *columns: Any, **options: Any) -> object:
        if name == "deliveries":
            raise ConnectionError("the power went away")
        return create_table(name, *columns, **options)

    database = Database(empty_url)
    with monkeypatch.context() as patched:
        patched.setattr(op, "create_table", fail_late)
        with pytest.raises(ConnectionError):
            database.migrate()
    with database.read() as session:
        assert inspect(session.connection()).get_table_names() == []
    database.migrate()
    check_complete(empty_url)
    database.close()


REVISION_1 = {
    "series": "(id, series_instance_uid, study_instance_uid, patient_id, accession_number, "
    "modality, series_description, calling_ae_title, state, revision, processed_revision, "
    "first_received_at, last_received_at) VALUES (1, '1.2.3.4', '1.2.3', '', '', 'MR', '', 'MR1', "
    "'accepted', 1, 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
    "jobs": "(id, series_id, series_revision, state, attempts, max_attempts, fencing_token, "
    "created_at, not_before) VALUES (1, 1, 1, 'succeeded', 1, 3, 1, '2026-01-01 00:00:00', "
    "'2026-01-01 00:00:00')",
    "job_events": "(job_id, at, kind, detail) VALUES (1, '2026-01-01 00:00:00', 'report', 'x')",
    "reports": "(id, job_id, series_id, sop_instance_uid, sop_class_uid, series_instance_uid, "
    "path, sha256, located, prediction, created_at, current) VALUES (7, 1, 1, '2.25.7', "
    "'1.2.840.10008.5.1.4.1.1.88.34', '2.25.8', 'reports/x.dcm', 'ab', 9, '{\"bundle\": \"b\"}', "
    "'2026-01-01 00:00:00', true)",
}
DELIVERIES_1 = (("sent", "stored", 1), ("tried", "queued", 3), ("new", "queued", 0))


def at_revision(url: str, revision: str) -> None:
    """Bring an empty database to an older revision, as that version's program left it."""
    database = Database(url)
    with pytest.MonkeyPatch.context() as patch:
        upgrade = command.upgrade
        patch.setattr(command, "upgrade", lambda config, _head: upgrade(config, revision))
        database.migrate()
    database.close()


def test_reports_of_the_first_schema_are_kept_as_objects(empty_url: str) -> None:
    at_revision(empty_url, "0001")
    database = Database(empty_url)
    with database.begin() as session:
        for table, values in REVISION_1.items():
            session.execute(text(f"INSERT INTO {table} {values}".replace(":", r"\:")))
        for name, state, attempts in DELIVERIES_1:
            session.execute(
                text(
                    "INSERT INTO deliveries (report_id, destination, state, attempts, "
                    "fencing_token, created_at, not_before) VALUES (7, :name, :state, :attempts, "
                    "0, '2026-01-01', '2026-01-01')"
                ),
                {"name": name, "state": state, "attempts": attempts},
            )
    database.migrate()
    with database.read() as session:
        past = reports.past(session, 1)
        report = reports.by_job(session, 1)
        assert report is not None
        (made,) = reports.objects(session, report.id)
        kept = {row.destination: row.state for row in deliveries.by_report(session, report.id)}
        job = jobs.get(session, 1)
    assert (report.id, report.located, report.study_instance_uid) == (7, 9, "1.2.3")
    assert report.prediction == {"bundle": "b"}
    assert (made.sop_instance_uid, made.path, made.kind) == ("2.25.7", "reports/x.dcm", "report")
    assert kept == {name: state for name, state, _ in DELIVERIES_1}
    assert sorted(past.standing()) == ["sent", "tried"]
    assert job is not None
    assert job.kind == "localisation"
    database.close()
