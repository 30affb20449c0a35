"""Who may call, and what a caller may cost: rejected, refused or cut off, and never waited for."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, Association

from node.scp import StorageScp
from node.settings import Node, Storage
from node.watermark import Room, Watermark
from storage.incoming import Incoming
from tests import objects

ONLY_MR1 = [{"ae_title": "MR1", "hosts": ["127.0.0.0/8"]}]


class Listening:
    """A node's SCP with settings, and what it received."""

    def __init__(self, path: Any, watermark: Watermark | None = None, **settings: object) -> None:
        self.received: list[Incoming] = []
        node = Node.model_validate({"port": 0, **settings})
        self.scp = StorageScp(node, self.received.append, path=path, watermark=watermark)
        self.scp.start()

    def associate(self, calling: str = "MR1", called: str = "FORAMINA") -> Association:
        ae = AE(calling)
        ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
        return ae.associate("127.0.0.1", self.scp.port, ae_title=called)

    def store(self, path: Path) -> Any:
        association = self.associate()
        try:
            return association.send_c_store(path)
        finally:
            association.release()


Start = Callable[..., Listening]


@pytest.fixture(params=["fast", "stock"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    started: list[Listening] = []

    def start(**settings: Any) -> Listening:
        started.append(Listening(request.param, **settings))
        return started[-1]

    yield start
    for each in started:
        each.scp.stop()


def answer(association: Association) -> tuple[int, int, int]:
    assert association.is_rejected
    rejection = association.acceptor.primitive
    return rejection.result, rejection.result_source, rejection.diagnostic


def test_only_who_is_on_the_list_is_served(start: Start, image: Path, logged: list[Any]) -> None:
    node = start(allow=ONLY_MR1)
    assert node.store(image).Status == 0
    assert answer(node.associate("OTHER")) == (1, 1, 3)
    [line] = [line for line in logged if "rejected" in line["event"]]
    assert "node.allow has no such calling AE title" in line["event"]
    assert line["calling_ae_title"] == "OTHER"


def test_another_called_ae_title_is_rejected_on_demand(start: Start) -> None:
    node = start(check_called_ae_title=True)
    assert node.associate().is_established
    assert answer(node.associate(called="OTHER")) == (1, 1, 7)


def test_a_full_disk_is_told_before_it_is_full(
    start: Start, image: Path, logged: list[Any]
) -> None:
    free = [100]
    now = [0.0]
    watermark = Watermark(Storage(), lambda _storage: Room(free[0], 50), lambda: now[0])
    node = start(watermark=watermark)
    assert node.store(image).Status == 0
    free[0], now[0] = 49, 10.0
    for _ in range(2):
        refused = node.store(image)
        assert refused.Status == 0xA700
        assert "disk" in refused.ErrorComment
    assert len([line for line in logged if "disk almost full" in line["event"]]) == 1
    free[0], now[0] = 60, 20.0
    assert node.store(image).Status == 0
    assert len(node.received) == 2


def test_an_instance_may_be_too_large(start: Start, tmp_path: Path, image: Path) -> None:
    node = start(maximum_instance_bytes=1 << 20)
    large = objects.image(Rows=1024, Columns=1024, PixelData=bytes(2 << 20))
    association = node.associate()
    refused = association.send_c_store(objects.write(tmp_path / "large.dcm", large))
    assert refused.Status == 0xC000
    assert refused.ErrorComment == "instance larger than 1048576 bytes"
    assert association.send_c_store(image).Status == 0  # and the association lives on
    association.release()
    assert len(node.received) == 1


def ended_after_s(connection: socket.socket, part: bytes, pause_s: float) -> float:
    """Send byte after byte until the peer has closed the connection; how long that took."""
    started = time.monotonic()
    connection.settimeout(pause_s)
    for number in range(1000):
        try:
            connection.sendall(part[number : number + 1] or b"\0")
            if connection.recv(4096) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        pytest.fail("the connection was not closed")
    return time.monotonic() - started


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the peer ends a connection well before any time-out."""
    connection.settimeout(15)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_an_association_request_that_trickles_ends(start: Start, image: Path) -> None:
    node = start(association_timeout_s=1, pdu_timeout_s=1)
    request = struct.pack(">BBL", 0x01, 0, 500) + bytes(500)
    with socket.create_connection(("127.0.0.1", node.scp.port)) as slow:
        assert ended_after_s(slow, request, 0.1) < 20
    assert node.store(image).Status == 0


def test_a_pdu_that_trickles_ends(start: Start, image: Path) -> None:
    node = start(pdu_timeout_s=1)
    association = node.associate()
    raw = association.dul.socket.socket
    data = struct.pack(">BBL", 0x04, 0, 4000) + bytes(4000)
    assert ended_after_s(raw, data, 0.1) < 20
    assert node.store(image).Status == 0


def test_an_idle_association_is_left_alone_meanwhile(start: Start, image: Path) -> None:
    node = start(pdu_timeout_s=0.5, association_timeout_s=0.5)
    association = node.associate()
    time.sleep(2)
    assert association.send_c_store(image).Status == 0
    association.release()


@pytest.mark.parametrize("pdu_type", [0x01, 0x04])
def test_a_pdu_that_is_too_long_costs_no_memory(start: Start, image: Path, pdu_type: int) -> None:
    node = start()
    with socket.create_connection(("127.0.0.1", node.scp.port), 20) as connection:
        connection.sendall(struct.pack(">BBL", pdu_type, 0, 0xFFFFFFF0) + bytes(1000))
        assert is_closed(connection)
    assert node.store(image).Status == 0
