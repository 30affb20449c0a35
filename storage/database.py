"""The database: one code path for SQLite (one host) and PostgreSQL (several hosts).

SQLite runs in WAL mode with `synchronous=FULL`: a commit that returned survives a power cut, and
readers never wait for the writer. Its write transactions start with BEGIN IMMEDIATE, because one
that reads first and writes later fails with "database is locked" if another wrote in between.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, create_engine, event, func, inspect, select, text
from sqlalchemy import exc as sql_exc
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.orm import Session, sessionmaker

BUSY_TIMEOUT_S: Final = 30.0
_MIGRATION_LOCK: Final = 0x464F52414D494E41  # "FORAMINA": the key of PostgreSQL's advisory lock
REVISION: Final = "0008"
"""The newest migration: what `Database.check` expects, without loading alembic."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class SchemaError(RuntimeError):
    """The database has a schema that this version of the program does not know."""


class Database:
    """Give transactions on one database; safe to share between threads, not across a fork."""

    def __init__(self, url: str, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Prepare the connection pool; SQLite's folder is created, no table is.

        Args:
            url: of a SQLite file or a PostgreSQL database.
            busy_timeout_s: how long to wait while another writes.

        Raises:
            ValueError: `url` names no SQLite file and no PostgreSQL database.
        """
        self.url = _checked_url(url)
        self._busy_timeout_s = busy_timeout_s
        self._turn: threading.Lock | None = None
        if self.is_sqlite:
            self._engine = _sqlite_engine(self.url, busy_timeout_s)
            # SQLite's own waiting is unfair (it polls); a lock gives this process' threads turns.
            self._turn = threading.Lock()
        else:
            self._engine = _postgresql_engine(self.url, busy_timeout_s)
        self._writing = self._engine.execution_options(foramina_write=True)
        reading = self._engine.execution_options(foramina_write=False)
        if not self.is_sqlite:
            reading = reading.execution_options(postgresql_readonly=True)
        self._write_session = sessionmaker(self._writing, expire_on_commit=False)
        self._read_session = sessionmaker(reading, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Tell SQLite from PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a write transaction: committed at the end of the block, undone by an exception."""
        with self._write_turn(), self._write_session.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a read-only transaction; an attempt to write in it is an error."""
        with self._read_session() as session:
            yield session

    def migrate(self) -> None:
        """Bring the schema up to date; several processes may start at once.

        The whole upgrade is one transaction behind one lock, so the second starter waits, and then
        finds nothing left to do.

        Raises:
            SchemaError: a newer version of the program has migrated this database.
        """
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        migrating = self._writing.execution_options(foramina_migrate=True)
        with self._write_turn(), migrating.begin() as connection:
            if not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise SchemaError(
                    f"database {self.url.render_as_string(hide_password=True)}: {error}; it was "
                    "probably migrated by a newer version: install that, or restore a backup"
                ) from error
            if self.is_sqlite:
                _check_references(connection)

    def check(self) -> None:
        """See that the schema is the one this version knows; change nothing.

        Raises:
            SchemaError: the database has no tables yet, or another version's.
        """
        name = self.url.render_as_string(hide_password=True)
        if self.is_sqlite and not Path(str(self.url.database)).is_file():
            raise SchemaError(f"there is no database {name}; `foramina serve` makes it")
        with self.read() as session:
            if not inspect(session.connection()).has_table("alembic_version"):
                raise SchemaError(f"database {name} has no tables; `foramina serve` makes them")
            found = session.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if found != [REVISION]:
            at = ", ".join(found) or "none"
            mend = "restart the node of this version, which migrates it"
            if found and at > REVISION:  # revisions are numbered
                mend = "a newer version made it; use that version, or restore a back-up"
            raise SchemaError(f"database {name} is at revision {at}; expected {REVISION}: {mend}")

    def shed(self) -> None:
        """Write SQLite's log back into its file and empty it: it still holds rows as they were.

        Does nothing on PostgreSQL, whose VACUUM is the administrator's.
        """
        if not self.is_sqlite:
            return
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        finally:
            connection.close()

    def close(self) -> None:
        """Close every idle connection; one in use is closed when its transaction ends."""
        self._engine.dispose()

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        with self._turn_lock() if self._turn else nullcontext():
            yield

    @contextmanager
    def _turn_lock(self) -> Iterator[None]:
        turn = self._turn
        if turn is None or not turn.acquire(timeout=self._busy_timeout_s):
            raise sql_exc.TimeoutError(
                f"waited {self._busy_timeout_s:.0f} s for another thread's write transaction: "
                "expected a few milliseconds; look for a slow disk, or a transaction inside a "
                "transaction"
            )
        try:
            yield
        finally:
            turn.release()


def now(session: Session) -> datetime:
    """Tell the time, aware, in UTC: the database's where several hosts share one, else this host's.

    PostgreSQL's `clock_timestamp()` moves on inside a transaction, as this host's clock does.
    """
    if session.get_bind().dialect.name == "sqlite":
        return datetime.now(UTC)
    with session.no_autoflush:  # a row that is being filled in may ask
        moment: datetime = session.execute(_DATABASE_CLOCK).scalar_one()
    return moment.astimezone(UTC)


_DATABASE_CLOCK: Final[Select[tuple[Any]]] = select(func.clock_timestamp())


def _checked_url(url: str) -> URL:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError(
                f"database URL {url!r} names no file: expected sqlite:///folder/name.sqlite, "
                "because several processes share it"
            )
        return parsed
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(
        f"database URL with {backend!r}: expected sqlite:///... or postgresql+psycopg://..."
    )


def _postgresql_engine(url: URL, busy_timeout_s: float) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=busy_timeout_s,
        hide_parameters=True,  # errors are logged, and parameters are patient data
    )
    event.listen(engine, "handle_error", _drop_detail)
    return engine


def _drop_detail(context: ExceptionContext) -> None:
    """Take out of an error what PostgreSQL quotes of the row: errors are logged, rows are not."""
    original, shown = context.original_exception, context.sqlalchemy_exception
    detail = getattr(getattr(original, "diag", None), "message_detail", None)
    if detail:
        for error in filter(None, (original, shown)):
            error.args = tuple(str(text).replace(detail, "(hidden)") for text in error.args)


def _sqlite_engine(url: URL, busy_timeout_s: float) -> Engine:
    Path(str(url.database)).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=16,
        max_overflow=-1,
        connect_args={"timeout": busy_timeout_s},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # None: the driver begins no transaction of its own; `_begin_sqlite` does.
    connection.isolation_level = None
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # The switch needs the file for itself and does not honour the busy timeout, so starters that
    # meet on a new file have to try again here. Later connections find WAL already on.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _check_references(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        raise SchemaError(
            f"{len(broken)} rows refer to rows that are not there, the first in table "
            f"{broken[0][0]}; the database stays as it was: restore a backup"
        )


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    # SQLite changes a table by building it anew, and dropping the old one must not count as
    # deleting what others refer to (https://sqlite.org/lang_altertable.html#otheralter). Only
    # outside of a transaction can this be switched.
    switch = "OFF" if options.get("foramina_migrate") else "ON"
    connection.execute(text(f"PRAGMA foreign_keys = {switch}"))
    if options.get("foramina_write"):
        connection.execute(text("PRAGMA query_only = OFF"))
        connection.execute(text("BEGIN IMMEDIATE"))
    else:
        connection.execute(text("PRAGMA query_only = ON"))
        connection.execute(text("BEGIN"))
