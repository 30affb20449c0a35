"""Real peers for the tests of this folder; see `tests/peers.py`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from node.delivery import DeliveryLoop
from node.peer import Peer
from node.scp import StorageScp
from node.settings import Delivery as Settings
from node.settings import Destination, Node
from storage.instances import Incoming
from tests import objects
from tests.peers import StoreScp, silent_peer
from tests.queued_reports import QUICK, Reports


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[Callable[..., StoreScp]]:
    """Start DCMTK's storescp: `storescp("-aet", "PACS", port=0)`; stopped after the test."""
    started: list[StoreScp] = []

    def start(*options: str, port: int = 0) -> StoreScp:
        folder = tmp_path / f"storescp-{len(started)}"
        started.append(StoreScp(folder, *options, port=port))
        return started[-1]

    yield start
    for system in started:
        system.stop()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give the port of a peer that accepts connections and never answers."""
    with silent_peer() as port:
        yield port


@pytest.fixture(params=["fast", "stock"])
def receiving_path(request: pytest.FixtureRequest) -> str:
    """Name each of the receiving paths: all that is tested here holds for both."""
    return str(request.param)


@pytest.fixture
def listening(receiving_path: Literal["fast", "stock"]) -> Iterator[Callable[..., Peer]]:
    """Start the node's SCP: `peer = listening(receive, maximum_associations=1)`."""
    started: list[StorageScp] = []

    def start(receive: Callable[[Incoming], object], **settings: object) -> Peer:
        scp = StorageScp(Node.model_validate({"port": 0, **settings}), receive, path=receiving_path)
        scp.start()
        started.append(scp)
        return Peer("FORAMINA", "127.0.0.1", scp.port, "SCANNER", 20)

    yield start
    for scp in started:
        scp.stop()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Collect what this process logs through structlog, each line as a dictionary."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Write an MR image to send."""
    return objects.write(tmp_path / "image.dcm", objects.image())


@pytest.fixture
def queued(tmp_path: Path) -> Iterator[Reports]:
    """Give a database to which reports are added and queued."""
    found = Reports(tmp_path / "storage")
    yield found
    found.database.close()


@pytest.fixture
def loop(queued: Reports) -> Iterator[Callable[..., DeliveryLoop]]:
    """Make a loop to the given destinations; stopped after the test."""
    made: list[DeliveryLoop] = []

    def make(*destinations: Destination, settings: Settings = QUICK) -> DeliveryLoop:
        made.append(
            DeliveryLoop(queued.database, queued.folder, destinations, settings, "FORAMINA")
        )
        return made[-1]

    yield make
    for one in made:
        one.stop()
