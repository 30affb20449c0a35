"""Addresses of other systems, and how to stop talking to them."""

import socket

import pytest

from node.errors import PeerError
from node.peer import Interrupt, Peer


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN-LETTERS", "M\u00dcLLER", "TAB\t"])
def test_ae_titles_are_checked(title: str) -> None:
    with pytest.raises(PeerError, match="expected 1 to 16 ASCII characters") as caught:
        Peer(title, "127.0.0.1", 104, "FORAMINA")
    assert not caught.value.retry


def test_a_peer_is_named_by_title_and_address() -> None:
    assert str(Peer("PACS", "pacs.example", 104, "FORAMINA")) == "PACS at pacs.example:104"


def test_cutting_closes_the_connection_of_now_and_of_later() -> None:
    interrupt = Interrupt()
    ours, theirs = socket.socketpair()
    later, at_later = socket.socketpair()
    with ours, theirs, later, at_later:
        interrupt.watch(ours)
        assert not interrupt.is_cut
        interrupt.cut()
        assert interrupt.is_cut
        assert theirs.recv(1) == b""
        interrupt.watch(later)
        assert at_later.recv(1) == b""


def test_cutting_leaves_alone_what_is_no_longer_watched() -> None:
    interrupt = Interrupt()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        interrupt.watch(ours)
        interrupt.watch(None)
        interrupt.cut()
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
