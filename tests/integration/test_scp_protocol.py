"""What either receiving path makes of PDUs that are split, mixed, broken or never come."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from pydicom import Dataset
from pydicom.uid import MRImageStorage, generate_uid

from node.receiver import reception
from node.scp import StorageScp
from node.settings import Node
from storage.instances import Incoming
from tests import objects
from tests.peers import wait_until
from tests.upper_layer import (
    ABORT,
    COMMAND,
    ECHO,
    LAST,
    P_DATA,
    RELEASE_RP,
    RELEASE_RQ,
    STORE,
    VERIFICATION,
    Connection,
    command,
    item,
    p_data,
    pdu,
    response,
)

WHOLE = COMMAND | LAST
Path = Literal["fast", "stock"]


class Receiver:
    """A listening node that keeps what it gets in a list."""

    def __init__(self, path: Path, **settings: object) -> None:
        self.kept: list[Incoming] = []
        self.ends: list[str] = []
        self.scp = StorageScp(
            Node.model_validate({"port": 0, **settings}),
            self.kept.append,
            lambda _name, ending, _title: self.ends.append(ending),
            path=path,
        )
        self.scp.start()

    def associate(self) -> Connection:
        return Connection(self.scp.port)

    @property
    def uids(self) -> list[str]:
        return [each.sop_instance_uid for each in self.kept]


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def start(path: Path, **settings: object) -> Receiver:
        started.append(Receiver(path, **settings))
        return started[-1]

    yield start
    for receiver in started:
        receiver.scp.stop()


@pytest.fixture
def receiver(receivers: Callable[..., Receiver], receiving_path: str) -> Receiver:
    return receivers(receiving_path)


def store(image: Dataset, message_id: int = 1) -> bytes:
    return command(STORE, message_id, MRImageStorage, image.SOPInstanceUID)


def data_of(incoming: Incoming) -> bytes:
    return bytes(incoming.part10)[incoming.data_offset :]


def test_a_command_and_a_data_set_may_come_in_any_number_of_pieces(receiver: Receiver) -> None:
    image = objects.image()
    asked, data = store(image), objects.encoded(image)
    with receiver.associate() as connection:
        for at in range(0, len(asked), 10):
            last = LAST if at + 10 >= len(asked) else 0
            connection.send(p_data(1, COMMAND | last, asked[at : at + 10]))
        for at in range(0, len(data), 300):  # and several of them in one PDU
            pieces = [data[at : at + 100], data[at + 100 : at + 200], data[at + 200 : at + 300]]
            last = LAST if at + 300 >= len(data) else 0
            items = item(1, 0, pieces[0]) + item(1, 0, pieces[1]) + item(1, last, pieces[2])
            connection.send(pdu(P_DATA, items))
        assert connection.status() == 0
    assert [data_of(each) for each in receiver.kept] == [data]


def test_bytes_may_come_one_at_a_time(receiver: Receiver) -> None:
    image = objects.image(PixelData=b"\0\0", Rows=1, Columns=1)
    whole = p_data(1, WHOLE, store(image)) + p_data(1, LAST, objects.encoded(image))
    with receiver.associate() as connection:
        for at in range(len(whole)):
            connection.send(whole[at : at + 1])
        assert connection.status() == 0
    assert receiver.uids == [image.SOPInstanceUID]


def test_a_response_names_what_it_answers(receiver: Receiver) -> None:
    image = objects.image()
    with receiver.associate() as connection:
        connection.send(
            p_data(1, WHOLE, store(image, 513)), p_data(1, LAST, objects.encoded(image))
        )
        _, content = connection.read()
    assert content[4:6] == bytes((1, WHOLE))
    found = response(content)
    assert found[0x0100] == b"\x01\x80"  # C-STORE-RSP
    assert found[0x0120] == (513).to_bytes(2, "little")
    assert found[0x0800] == b"\x01\x01"  # no data set
    assert found[0x0002].rstrip(b"\0").decode() == MRImageStorage
    assert found[0x1000].rstrip(b"\0").decode() == image.SOPInstanceUID


def test_requests_that_do_not_wait_for_each_other_are_all_answered(receiver: Receiver) -> None:
    images = [objects.image() for _ in range(5)]
    with receiver.associate() as connection:
        connection.send(
            *(
                p_data(1, WHOLE, store(image, number)) + p_data(1, LAST, objects.encoded(image))
                for number, image in enumerate(images)
            )
        )
        answers = [response(connection.read()[1]) for _ in images]
    assert sorted(answer[0x0120][0] for answer in answers) == list(range(5))
    assert {answer[0x0900] for answer in answers} == {b"\0\0"}
    assert sorted(receiver.uids) == sorted(image.SOPInstanceUID for image in images)


def test_other_services_go_on_between_instances(receiver: Receiver) -> None:
    with receiver.associate() as connection:
        for number in range(3):
            image = objects.image()
            connection.send(p_data(3, WHOLE, command(ECHO, 2 * number, VERIFICATION)))
            assert connection.status() == 0
            connection.send(
                p_data(1, WHOLE, store(image, 2 * number + 1)),
                p_data(1, LAST, objects.encoded(image)),
            )
            assert connection.status() == 0
        connection.release()
    assert len(receiver.kept) == 3
    wait_until(lambda: receiver.ends == ["released"], "the release is told")


def test_a_large_instance_leaves_memory_while_it_arrives(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.receiver.transfer.MEMORY_BYTES", 1 << 16)
    taken: list[int] = []
    more = reception.Parcel.more

    def counted(parcel: reception.Parcel, data: list[memoryview]) -> None:
        taken.append(sum(map(len, data)))
        more(parcel, data)

    monkeypatch.setattr(reception.Parcel, "more", counted)
    image = objects.image(Rows=1024, Columns=1024, PixelData=os.urandom(2 << 20))
    data = objects.encoded(image)
    with receiver.associate() as connection:
        connection.send(p_data(1, WHOLE, store(image)))
        for at in range(0, len(data), 16000):
            last = LAST if at + 16000 >= len(data) else 0
            connection.send(p_data(1, last, data[at : at + 16000]))
        assert connection.status() == 0
    assert [data_of(each) for each in receiver.kept] == [data]
    if receiver.scp._made["acceptor"].__name__ == "FastAcceptor":
        assert sum(taken) > len(data) - (1 << 20)


def test_an_instance_that_ends_in_the_middle_is_not_kept(receiver: Receiver) -> None:
    image = objects.image()
    begun = p_data(1, WHOLE, store(image)) + p_data(1, 0, objects.encoded(image)[:500])
    first = objects.image()
    for end in (pdu(ABORT, bytes(4)), b""):
        with receiver.associate() as connection:
            connection.send(p_data(1, WHOLE, store(first)), p_data(1, LAST, objects.encoded(first)))
            assert connection.status() == 0
            connection.send(begun, end)
    wait_until(lambda: len(receiver.ends) == 2, "both ends are told")
    assert receiver.ends == ["aborted", "aborted"]
    assert receiver.uids == [first.SOPInstanceUID] * 2


BROKEN = {
    "an item longer than its PDU": pdu(P_DATA, item(1, WHOLE, b"x" * 10)[:-4]),
    "an item shorter than its head": pdu(P_DATA, b"\0\0\0\1\1\3"),
    "an unknown PDU": pdu(0x42, b"what"),
    "a PDU larger than was negotiated": b"\4\0" + (1 << 24).to_bytes(4, "big") + bytes(1000),
    "a command set that is none": p_data(1, WHOLE, b"\xff" * 40),
    "a context that was not accepted": p_data(99, WHOLE, command(ECHO, 1, VERIFICATION)),
    "a second A-ASSOCIATE-RQ": pdu(1, bytes(100)),
    "a release response nobody asked for": pdu(RELEASE_RP, bytes(4)),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_who_breaks_the_protocol_loses_the_association_and_nobody_else(
    receiver: Receiver, broken: bytes
) -> None:
    with receiver.associate() as bystander, receiver.associate() as connection:
        connection.send(broken)
        assert connection.read()[0] in (ABORT, 0)
        image = objects.image()
        bystander.send(p_data(1, WHOLE, store(image)), p_data(1, LAST, objects.encoded(image)))
        assert bystander.status() == 0
    assert receiver.uids == [image.SOPInstanceUID]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda image: p_data(1, WHOLE, store(image)) * 2, id="two commands"),
        pytest.param(lambda _image: p_data(1, LAST, b"data"), id="data before a command"),
        pytest.param(
            lambda image: p_data(1, WHOLE, store(image)) + p_data(3, LAST, b"data"),
            id="data of another context",
        ),
        pytest.param(lambda _image: p_data(1, COMMAND, b"x" * 60000) * 2, id="endless command"),
    ],
)
def test_the_fast_path_holds_to_the_order_of_messages(
    receivers: Callable[..., Receiver], broken: Callable[[Dataset], bytes]
) -> None:
    receiver = receivers("fast")
    with receiver.associate() as connection:
        connection.send(broken(objects.image()))
        assert connection.read()[0] == ABORT
    assert receiver.kept == []


def test_an_instance_beyond_the_limit_is_refused_and_the_association_lives_on(
    receivers: Callable[..., Receiver], receiving_path: str
) -> None:
    receiver = receivers(receiving_path, maximum_instance_bytes=1 << 20)
    large = objects.image(Rows=1024, Columns=1024, PixelData=bytes(2 << 20))
    data = objects.encoded(large)
    small = objects.image()
    with receiver.associate() as connection:
        connection.send(p_data(1, WHOLE, store(large)))
        for at in range(0, len(data), 100000):
            last = LAST if at + 100000 >= len(data) else 0
            connection.send(p_data(1, last, data[at : at + 100000]))
        assert connection.status() == 0xC000
        connection.send(p_data(1, WHOLE, store(small)), p_data(1, LAST, objects.encoded(small)))
        assert connection.status() == 0
    assert receiver.uids == [small.SOPInstanceUID]


def test_a_peer_that_stops_inside_a_pdu_is_left(
    receivers: Callable[..., Receiver], receiving_path: str
) -> None:
    receiver = receivers(receiving_path, pdu_timeout_s=1)
    image = objects.image()
    with receiver.associate() as connection:
        connection.send(p_data(1, WHOLE, store(image)), p_data(1, LAST, b"x" * 100)[:50])
        started = time.monotonic()
        assert connection.read()[0] in (ABORT, 0)
        assert time.monotonic() - started < 30
    assert receiver.kept == []


def test_a_peer_that_trickles_is_left(
    receivers: Callable[..., Receiver], receiving_path: str
) -> None:
    receiver = receivers(receiving_path, pdu_timeout_s=1)
    with receiver.associate() as connection:
        connection.send(p_data(1, WHOLE, store(objects.image())), b"\4\0\0\0\xff\xff")
        wait_until(lambda: not _takes_a_byte(connection), "the connection is closed")
    assert receiver.kept == []
    with receiver.associate() as connection:
        connection.send(p_data(3, WHOLE, command(ECHO, 1, VERIFICATION)))
        assert connection.status() == 0


def _takes_a_byte(connection: Connection) -> bool:
    try:
        connection.send(b"x")
    except OSError:
        return False
    return True


def test_an_idle_association_stays_and_costs_nothing(
    receivers: Callable[..., Receiver],
) -> None:
    receiver = receivers("fast", pdu_timeout_s=1)
    connections = [receiver.associate() for _ in range(20)]
    try:
        time.sleep(0.5)
        before = time.process_time()
        time.sleep(3)
        spent_s = time.process_time() - before
        assert spent_s < 0.3  # pynetdicom's own loops take all of a core for so many
        for connection in connections:
            connection.send(p_data(3, WHOLE, command(ECHO, 1, VERIFICATION)))
            assert connection.status() == 0
    finally:
        for connection in connections:
            connection.socket.close()


def test_an_association_that_is_idle_for_too_long_is_aborted(
    receivers: Callable[..., Receiver], receiving_path: str
) -> None:
    receiver = receivers(receiving_path, network_timeout_s=1)
    with receiver.associate() as connection:
        started = time.monotonic()
        assert connection.read()[0] in (ABORT, 0)
        assert time.monotonic() - started > 0.5


def test_who_is_one_too_many_is_rejected_until_another_leaves(
    receivers: Callable[..., Receiver], receiving_path: str
) -> None:
    receiver = receivers(receiving_path, maximum_associations=2)
    first, second = receiver.associate(), receiver.associate()
    with pytest.raises(ConnectionError, match="PDU 3, 00020302"):  # PS3.8 table 9-21
        receiver.associate()
    first.release()
    wait_until(lambda: _gets_in(receiver), "there is room again")
    second.release()


def _gets_in(receiver: Receiver) -> bool:
    try:
        receiver.associate().release()
    except ConnectionError:
        return False
    return True


def test_nothing_is_left_of_associations_that_ended(receiver: Receiver) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def round_of_all() -> None:
        image = objects.image(SOPInstanceUID=generate_uid())
        for end in (pdu(RELEASE_RQ, bytes(4)), pdu(ABORT, bytes(4)), b"", b"\4\0\0\0\0\1"):
            with receiver.associate() as connection:
                connection.send(
                    p_data(1, WHOLE, store(image)), p_data(1, LAST, objects.encoded(image))
                )
                assert connection.status() == 0
                connection.send(end)

    threads = threading.active_count()
    round_of_all()
    wait_until(lambda: len(receiver.ends) == 4, "all ended")
    wait_until(lambda: threading.active_count() <= threads, "threads ended")
    before = descriptors()
    for _ in range(3):
        round_of_all()
    wait_until(lambda: len(receiver.ends) == 16, "all ended")
    wait_until(lambda: threading.active_count() <= threads, "threads ended")
    wait_until(lambda: descriptors() <= before + 4, "connections are closed")
