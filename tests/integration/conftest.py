"""Real peers for the tests of this folder; see `tests/peers.py`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.peer import Peer
from node.scp import StorageScp
from node.settings import Node
from storage.instances import Incoming
from tests.peers import StoreScp, silent_peer


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


@pytest.fixture
def listening() -> Iterator[Callable[..., Peer]]:
    """Start the node's SCP: `peer = listening(receive, maximum_associations=1)`."""
    started: list[StorageScp] = []

    def start(receive: Callable[[Incoming], object], **settings: object) -> Peer:
        scp = StorageScp(Node.model_validate({"port": 0, **settings}), receive)
        scp.start()
        started.append(scp)
        return Peer("FORAMINA", "127.0.0.1", scp.port, "SCANNER", 20)

    yield start
    for scp in started:
        scp.stop()
