"""Fixtures for all tests: databases of both kinds, and small objects to fill them with."""

import logging
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from sqlalchemy import text

from storage.database import Database
from storage.instances import Incoming, InstanceStore
from storage.tables import Base
from tests import ending, factories, postgres, secrecy, steady
from tests.scheduling import pytest_xdist_make_scheduler

if TYPE_CHECKING:
    from tests.peers import Orthanc

__all__ = ["pytest_xdist_make_scheduler"]  # the hooks that are written elsewhere

LONG_GROUPS = (
    "kill-sqlite", "tensorflow", "acceptance", "acceptance-bad-days", "viewer", "kill-postgresql",
    "browser", "durability",
)  # fmt: skip
"""The groups of `xdist_group`, in the order of beginning: what takes minutes must not come last."""


steady.install()
logging.raiseExceptions = False  # threads may outlive the streams that pytest gives to a test


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long groups and the fuzzing, so that all processes end at about one time.

    For `--no-loadscope-reorder`: pytest-xdist would begin with the groups of most tests.

    What needs other processes to answer in time is tried a second time, and then listed as RERUN:
    a machine that stands still for seconds fails nobody, a defect fails twice.
    """

    def turn(item: pytest.Item) -> int:
        mark = item.get_closest_marker("xdist_group")
        if mark is not None and mark.args[0] in LONG_GROUPS:
            return LONG_GROUPS.index(mark.args[0])
        return len(LONG_GROUPS) + ("fuzz" not in item.path.parts)

    items.sort(key=turn)
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        browses = mark is not None and mark.args[0] in ("browser", "viewer")
        if browses or {"acceptance", "integration"} & set(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    """Name what hangs in the last teardown, in which the fixtures of the session end."""
    if nextitem is not None:
        return (yield)
    over = ending.guard(ending.LAST_TEARDOWN_S, 1, "the last teardown")
    try:
        return (yield)
    finally:
        over.set()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """Name what holds a process whose tests are done; every result is known by now."""
    over = ending.guard(ending.EXIT_S, int(exitstatus), "the process of a session that has ended")
    try:
        return (yield)
    finally:
        if hasattr(session.config, "workerinput"):  # it may well wait for the other processes
            over.set()


@pytest.fixture(scope="session", autouse=True)
def secret_to_the_end() -> Iterator[None]:
    """Fail the last test when a node that outlived its tests has logged who a patient is."""
    yield
    assert secrecy.NODES.naming() == []


@pytest.fixture(autouse=True)
def secret() -> Iterator[None]:
    """Fail a test in which a node has logged who a patient is."""
    yield
    assert secrecy.NODES.naming() == []


@pytest.fixture
def make_part10() -> Callable[..., bytes]:
    """Give the factory of PS3.10 files: `make_part10(3, PatientID="P2")`."""
    return factories.make_part10


@pytest.fixture
def make_incoming() -> Callable[..., Incoming]:
    """Give the factory of arriving instances; takes what `make_part10` takes."""
    return factories.make_incoming


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """Start a private PostgreSQL server, once for the tests of this process that need one."""
    binaries = postgres.find_binaries()
    if binaries is None:
        pytest.skip("no initdb and pg_ctl found: install the Debian package `postgresql`")
    cluster = postgres.Cluster(binaries)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def postgres_migrated(postgres_cluster: postgres.Cluster) -> str:
    """Migrate one database, which the tests use one after the other; its URL."""
    url = postgres_cluster.url(postgres_cluster.create())
    database = Database(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Name a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'database' / 'foramina.sqlite'}"


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """Give the URL of a PostgreSQL database without any table."""
    name = postgres_cluster.create()
    yield postgres_cluster.url(name)
    postgres_cluster.drop(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one file, of which each test gets a copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()  # the last to close writes the log back into the file
    return path


@pytest.fixture
def sqlite_database(sqlite_url: str, sqlite_template: Path) -> Iterator[Database]:
    """Give a migrated, empty SQLite database."""
    database = Database(sqlite_url)
    shutil.copyfile(sqlite_template, str(database.url.database))
    yield database
    database.close()


@pytest.fixture
def postgres_database(postgres_migrated: str) -> Iterator[Database]:
    """Give a migrated, empty PostgreSQL database; ids start at 1."""
    database = Database(postgres_migrated)
    with database.begin() as session:  # five times faster than a database per test
        session.execute(text("SET LOCAL lock_timeout = '10s'"))
        tables = ", ".join(Base.metadata.tables)
        session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give a migrated, empty database, once of each kind."""
    kind = {"sqlite": "sqlite_database", "postgresql": "postgres_database"}[request.param]
    found: Database = request.getfixturevalue(kind)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """Name a database without any table, once of each kind."""
    kind = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(kind)
    return url


@pytest.fixture(scope="session")
def process_pool() -> Iterator[ProcessPoolExecutor]:
    """Give two other processes, started when first needed, for what `tests.processes` holds."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Orthanc]":
    """Start one Orthanc per session, when first asked for: objects need fresh UIDs per test."""
    from tests.peers import Orthanc

    system = Orthanc(tmp_path_factory.mktemp("orthanc"))
    system.start()
    yield system
    system.stop()


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Undo what `node.log.configure` does to the logging of this process.

    Every command does it that a test runs in this process; its handler writes to a stream that is
    closed when the test ends.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.is_configured():
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
        structlog.reset_defaults()


@pytest.fixture
def storage_folder(tmp_path: Path) -> Path:
    """Name the folder where received files and reports are kept."""
    return tmp_path / "storage"


@pytest.fixture
def store(database: Database, storage_folder: Path) -> InstanceStore:
    """Give an instance store on each kind of database."""
    return InstanceStore(database, storage_folder)
