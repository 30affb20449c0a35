"""The entrance of the port, at both ends of a pair of sockets."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from node.entrance import Entrance
from node.settings import Node, Tls

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def entrance(**settings: Any) -> Entrance:
    return Entrance(Node.model_validate({"association_timeout_s": 0.2, **settings}), Tls())


def test_what_was_looked_at_is_still_to_be_read(pair: Pair, logged: list[Any]) -> None:
    ours, theirs = pair
    theirs.sendall(b"\x01\x00\x00\x00\x00\x44")
    assert entrance().admitted(ours, "192.0.2.1") is ours
    assert ours.recv(6) == b"\x01\x00\x00\x00\x00\x44"
    assert logged == []


def test_a_host_on_no_list_is_not_even_read_from(pair: Pair, logged: list[Any]) -> None:
    ours, theirs = pair
    node = entrance(allow=[{"hosts": ["10.0.0.0/8"]}])
    assert node.admitted(ours, "192.0.2.1") is None
    assert theirs.recv(1) == b""
    [line] = logged
    assert "host is not in node.allow" in line["event"]
    assert line["calling_host"] == "192.0.2.1"


def test_a_client_that_says_nothing_is_cut_off(pair: Pair, logged: list[Any]) -> None:
    ours, theirs = pair
    assert entrance().admitted(ours, "192.0.2.1") is None
    assert theirs.recv(1) == b""
    assert "said nothing" in logged[0]["reason"]


def test_a_port_check_is_no_event(pair: Pair, logged: list[Any]) -> None:
    ours, theirs = pair
    theirs.close()
    assert entrance().admitted(ours, "192.0.2.1") is None
    assert logged == []
