"""The reactor of an association is paused when it says so, and not a moment longer."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom import Association

from node.checkpoint import Checkpoint
from node.peer import Peer
from node.scu import echo
from tests.peers import storage_peer


@pytest.fixture
def association() -> Any:
    return SimpleNamespace(_is_paused=False)


def test_who_passes_is_paused_no_more(association: Any) -> None:
    """With an event alone it would say so a moment later, and a sender would believe it paused."""
    checkpoint = Checkpoint(association)
    association._is_paused = True
    assert checkpoint.wait()
    assert not association._is_paused


def test_who_comes_to_a_closed_one_stays_paused(association: Any) -> None:
    checkpoint = Checkpoint(association)
    checkpoint.clear()
    association._is_paused = True
    assert not checkpoint.wait(0.01)
    assert association._is_paused
    reactor = threading.Thread(target=checkpoint.wait)
    reactor.start()
    checkpoint.set()
    reactor.join(10)
    assert not reactor.is_alive()
    assert not association._is_paused


def test_associations_that_the_node_opens_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names what is used of pynetdicom without being documented."""
    installed: list[Association] = []

    def install(association: Association) -> None:
        assert isinstance(association._reactor_checkpoint, threading.Event)
        assert not association._is_paused
        installed.append(association)

    monkeypatch.setattr(Checkpoint, "install", install)
    with storage_peer(lambda _event: 0x0000) as port:
        echo(Peer("PACS", "127.0.0.1", port, "FORAMINA", 10))
    assert len(installed) == 1
