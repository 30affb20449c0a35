"""The only place where parts are joined: a configuration becomes a running node or a worker."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model import bundle as bundles
from model.bundle import ModelBundle
from node import tls
from node.assembler import Assembler
from node.config import Config
from node.delivery import DeliveryLoop
from node.errors import ConfigError
from node.filer import Filer
from node.filters import FilterSet
from node.reaper import Reaper
from node.retention import RetentionLoop
from node.settings import Destination, PeerTls
from node.signals import stopping_on_signals
from node.sources import Sources
from node.supervisor import ReceiverSupervisor, WebSupervisor, WorkerSupervisor
from node.telling import Telling
from storage.database import Database, SchemaError

if TYPE_CHECKING:
    from node.engine import Engine
    from node.web.server import Server

__all__ = [
    "App",
    "build",
    "build_web",
    "build_worker",
    "filter_set",
    "load_bundle",
    "open_database",
    "stopping_on_signals",
]

logger = structlog.get_logger(__name__)

_PAGE_WAITS_S = 5.0  # for another that writes: a person would not wait longer


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a receiving node; `run` is its life."""

    config: Config
    database: Database
    receivers: ReceiverSupervisor
    filer: Filer
    assembler: Assembler
    reaper: Reaper
    retention: RetentionLoop
    delivery: DeliveryLoop
    supervisor: WorkerSupervisor
    web: WebSupervisor
    telling: Telling

    def run(self, stop: threading.Event) -> None:
        """Receive, judge, supervise and deliver until told to stop."""
        loops = [
            threading.Thread(target=self.assembler.run, args=(stop,), name="assembler"),
            threading.Thread(target=self.reaper.run, args=(stop,), name="reaper"),
            threading.Thread(target=self.retention.run, args=(stop,), name="retention"),
        ]
        received = threading.Event()
        filer = threading.Thread(target=self.filer.run, args=(received,), name="filer")
        # First: a port that is taken must end the node before anything else runs.
        self.receivers.start()
        self.telling.start()
        for loop in (filer, *loops):
            loop.start()
        self.delivery.start()
        self.supervisor.start()
        self.web.start()
        self.receivers.wait(stop)
        logger.info(
            "node ready",
            ae_title=self.config.node.ae_title,
            host=self.config.node.host,
            port=self.receivers.port,
            bundle=self.config.model.bundle,
            filter_set=self.config.filter_set,
            destinations=[destination.name for destination in self.config.destinations],
        )
        stop.wait()
        logger.info("node stopping")
        self.receivers.stop()
        received.set()  # the filer ends when nothing is left that they wrote
        self.web.stop()
        self.supervisor.stop()
        self.delivery.stop()
        for loop in (filer, *loops):
            loop.join()
        self.telling.stop()
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
    """Join the parts of a receiving node.

    Raises:
        ConfigError: a certificate, the bundle, the folder or the database cannot be used.
    """
    tls.check(
        config.tls,
        [
            *_asked_by_tls(config.destinations),
            *((f"source {each.ae_title}", each.tls) for each in config.sources),
        ],
    )
    bundle = load_bundle(config)
    filters = filter_set(config, bundle)
    database = open_database(config)
    receivers = ReceiverSupervisor(config_path, config.node, config.receiver, config.storage.folder)
    filer = Filer(database, config.storage.folder)
    return App(
        config=config,
        database=database,
        receivers=receivers,
        filer=filer,
        assembler=Assembler(
            database,
            config.storage.folder,
            filters,
            config.assembler,
            config.worker.max_attempts,
            ask=Sources(config.sources, config.node.ae_title).evidence,
            alive=receivers.alive,
            horizon=filer.horizon,
        ),
        reaper=Reaper(database, config.worker),
        retention=RetentionLoop(
            database, config.storage.folder, config.retention, config.crops.folder
        ),
        delivery=DeliveryLoop(
            database,
            config.storage.folder,
            config.destinations,
            config.delivery,
            config.node.ae_title,
        ),
        supervisor=WorkerSupervisor(database, config_path, config.worker.processes),
        web=WebSupervisor(config_path, enabled=config.web.enabled),
        telling=Telling(database, config),
    )


def _asked_by_tls(destinations: Sequence[Destination]) -> Iterator[tuple[str, PeerTls | None]]:
    """Give the TLS settings of all peers behind destinations, with what the peers are called."""
    for each in destinations:
        yield f"destination {each.name}", each.tls
        if each.query is not None:
            yield f"query of destination {each.name}", each.query.tls
        if each.commitment_peer is not None:
            yield f"commitment_peer of destination {each.name}", each.commitment_peer.tls


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
