"""The only place where parts are joined: a configuration becomes a running node or a worker."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model import bundle as bundles
from model.bundle import ModelBundle
from node.assembler import Assembler
from node.config import Config
from node.delivery import DeliveryLoop
from node.errors import ConfigError
from node.filters import FilterSet
from node.reaper import Reaper
from node.scp import StorageScp
from node.sources import Sources
from node.supervisor import WebSupervisor, WorkerSupervisor
from storage import associations
from storage.database import Database, SchemaError
from storage.instances import InstanceStore
from storage.tables import AssociationEnding

if TYPE_CHECKING:
    from node.engine import Engine
    from node.web.server import Server

logger = structlog.get_logger(__name__)

_PAGE_WAITS_S = 5.0  # for another that writes: a person would not wait longer


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a receiving node; `run` is its life."""

    config: Config
    database: Database
    scp: StorageScp
    assembler: Assembler
    reaper: Reaper
    delivery: DeliveryLoop
    supervisor: WorkerSupervisor
    web: WebSupervisor

    def run(self, stop: threading.Event) -> None:
        """Receive, judge, supervise and deliver until told to stop."""
        loops = [
            threading.Thread(target=self.assembler.run, args=(stop,), name="assembler"),
            threading.Thread(target=self.reaper.run, args=(stop,), name="reaper"),
        ]
        self.scp.start()  # first: a port that is taken must end the node before anything else runs
        for loop in loops:
            loop.start()
        self.delivery.start()
        self.supervisor.start()
        self.web.start()
        logger.info(
            "node ready",
            ae_title=self.config.node.ae_title,
            host=self.config.node.host,
            port=self.scp.port,
            bundle=self.config.model.bundle,
            filter_set=self.config.filter_set,
            destinations=[destination.name for destination in self.config.destinations],
        )
        stop.wait()
        logger.info("node stopping")
        self.scp.stop()
        self.web.stop()
        self.supervisor.stop()
        self.delivery.stop()
        for loop in loops:
            loop.join()
        self.database.close()


def load_bundle(config: Config) -> ModelBundle:
    """Load the configured bundle, without TensorFlow.

    Raises:
        ConfigError: there is none of that name, or it is damaged.
    """
    try:
        return bundles.load(config.model.bundle)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"model.bundle {config.model.bundle!r} cannot be loaded: {error}; "
            f"shipped bundles: {', '.join(bundles.names()) or 'none'}"
        ) from error


def filter_set(config: Config, bundle: ModelBundle, name: str = "") -> FilterSet:
    """Make the filter set of this name, by default the one in force."""
    name = name or config.filter_set
    return FilterSet(name, config.filter_sets[name], bundle.handles)


def open_database(config: Config) -> Database:
    """Open the database and bring its tables up to date.

    Raises:
        ConfigError: folder or database cannot be used.
    """
    try:
        config.storage.folder.mkdir(parents=True, exist_ok=True)
        database = Database(config.storage.url)
        database.migrate()
    except OSError as error:
        raise ConfigError(
            f"storage.folder {config.storage.folder} cannot be used: {error.strerror}; name a "
            "folder that this user may write to"
        ) from error
    except (SQLAlchemyError, SchemaError, ValueError) as error:
        raise ConfigError(
            f"storage.database_url cannot be used: {error}; check that the database runs and that "
            "its user may make tables"
        ) from error
    return database


def build(config: Config, config_path: Path) -> App:
    """Join the parts of a receiving node."""
    bundle = load_bundle(config)
    filters = filter_set(config, bundle)
    database = open_database(config)
    store = InstanceStore(database, config.storage.folder)

    def ended(name: str, ending: str, calling_ae_title: str) -> None:
        with database.begin() as session:
            associations.end(session, name, AssociationEnding(ending), calling_ae_title)

    scp = StorageScp(config.node, store.store, ended)
    return App(
        config=config,
        database=database,
        scp=scp,
        assembler=Assembler(
            database,
            config.storage.folder,
            filters,
            config.assembler,
            config.worker.max_attempts,
            ask=Sources(config.sources, config.node.ae_title).evidence,
            run=scp.run,
        ),
        reaper=Reaper(database, config.worker),
        delivery=DeliveryLoop(
            database,
            config.storage.folder,
            config.destinations,
            config.delivery,
            config.node.ae_title,
        ),
        supervisor=WorkerSupervisor(database, config_path, config.worker.processes),
        web=WebSupervisor(config_path, enabled=config.web.enabled),
    )


def build_web(config: Config) -> "Server":
    """Join the parts of the web page; loads neither the networks nor highdicom."""
    from node.web.app import build as build_page
    from node.web.server import Server
    from node.web.site import Site

    bundle = load_bundle(config)
    sets = {name: filter_set(config, bundle, name) for name in config.filter_sets}
    open_database(config).close()
    database = Database(config.storage.url, busy_timeout_s=_PAGE_WAITS_S)
    return Server(config.web, build_page(Site(config, database, bundle, sets)))


def build_worker(config: Config, worker: str) -> "Engine":
    """Join the parts of a worker; loads highdicom and the networks."""
    # TensorFlow's own greeting on standard error is no line of our log.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    from model import predictor
    from node.engine import Engine
    from node.pipeline import Pipeline

    database = open_database(config)
    localiser = predictor.load(load_bundle(config), config.model.device)
    bundle = localiser.bundle
    logger.info(
        "model loaded", bundle=bundle.name, version=bundle.version, runtime=localiser.runtime
    )
    return Engine(database, Pipeline(database, config, localiser), config.worker, worker)


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal acts as it does by default."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
