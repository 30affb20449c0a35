"""What the Storage SCP keeps, and what it answers when it does not."""

import errno
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage, generate_uid
from pynetdicom import AE, build_context
from sqlalchemy import func, select

from node import scu
from node.errors import PeerError
from node.peer import Peer
from node.scp import StorageScp
from node.settings import Node
from storage.database import Database
from storage.instances import Incoming, InstanceStore
from storage.tables import Instance, Series
from tests import objects
from tests.peers import dcmtk

Listening = Callable[..., Peer]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database(f"sqlite:///{tmp_path / 'storage' / 'foramina.sqlite'}")
    found.migrate()
    return found


@pytest.fixture
def node(listening: Listening, database: Database, tmp_path: Path) -> Peer:
    """Give the address of an SCP with a real storage behind it."""
    return listening(InstanceStore(database, tmp_path / "storage").store)


@pytest.mark.parametrize(
    ("conversion", "proposal"),
    [
        (("dcmconv", "+te"), "-xe"),
        (("dcmconv", "+ti"), "-xi"),
        (("dcmconv", "+tb"), "-xb"),
        (("dcmconv", "+td"), "-xd"),
        (("dcmcrle",), "-xr"),
        (("dcmcjpeg", "+e1"), "-xs"),
        (("dcmcjpls", "+el"), "-xt"),
    ],
)
def test_the_data_set_is_kept_as_sent_by_dcmtk(
    node: Peer, database: Database, tmp_path: Path, conversion: tuple[str, ...], proposal: str
) -> None:
    plain = objects.write(tmp_path / "plain.dcm", objects.image())
    sent = tmp_path / "sent.dcm"
    dcmtk(*conversion, plain, sent)
    dcmtk("storescu", proposal, "-R", "-aet", "SCANNER", node.host, node.port, sent)
    with database.read() as session:
        [row] = session.scalars(select(Instance)).all()
    kept = tmp_path / "storage" / row.path
    data_set = objects.data_set_bytes(sent)
    # On the network DCMTK pads a deflated data set to even length (PS3.5 annex A.5).
    assert objects.data_set_bytes(kept) == data_set + b"\0" * (len(data_set) % 2)
    meta = dcmread(kept, stop_before_pixels=True).file_meta
    assert meta.TransferSyntaxUID == dcmread(sent).file_meta.TransferSyntaxUID
    assert row.transfer_syntax_uid == meta.TransferSyntaxUID
    assert meta.SourceApplicationEntityTitle == row.calling_ae_title == "SCANNER"


def test_a_repeated_instance_is_a_success_and_kept_once(
    node: Peer, database: Database, tmp_path: Path
) -> None:
    image = objects.image()
    explicit = objects.write(tmp_path / "explicit.dcm", image)
    implicit = objects.write(tmp_path / "implicit.dcm", image, ImplicitVRLittleEndian)
    assert [scu.store(node, path) for path in (explicit, explicit, implicit)] == [0, 0, 0]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 1
    assert len(list((tmp_path / "storage").rglob("*.dcm"))) == 1


def test_success_is_answered_only_after_the_instance_is_kept(
    listening: Listening, tmp_path: Path
) -> None:
    history: list[str] = []
    begun, may_end = threading.Event(), threading.Event()

    def receive(_incoming: Incoming) -> None:
        begun.set()
        may_end.wait(20)
        history.append("kept")

    peer = listening(receive)
    path = objects.write(tmp_path / "image.dcm", objects.image())

    def send() -> None:
        scu.store(peer, path)
        history.append("answered")

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        assert begun.wait(20)
        assert not sending.done()
        may_end.set()
        sending.result()
    assert history == ["kept", "answered"]


def _status(peer: Peer, path: Path) -> int | None:
    with pytest.raises(PeerError) as caught:
        scu.store(peer, path)
    return caught.value.status


def test_another_instance_than_announced_is_a900(node: Peer, tmp_path: Path) -> None:
    image = objects.image()
    path = objects.write(tmp_path / "x.dcm", image, announced=generate_uid())
    assert _status(node, path) == 0xA900


def test_a_data_set_without_study_is_c000(node: Peer, tmp_path: Path) -> None:
    image = objects.image(StudyInstanceUID=None)
    assert _status(node, objects.write(tmp_path / "x.dcm", image)) == 0xC000


def test_bytes_that_are_no_data_set_are_c000(node: Peer, tmp_path: Path) -> None:
    path = objects.write(tmp_path / "x.dcm", objects.image())
    data_set = objects.data_set_bytes(path)
    path.write_bytes(path.read_bytes()[: -len(data_set)] + b"\xff" * 200)
    assert _status(node, path) == 0xC000


@pytest.mark.parametrize("uid", ["../../etc", "/etc/passwd", "1.2.3." + "4" * 70])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_uid_never_becomes_a_path_before_it_is_checked(
    node: Peer, tmp_path: Path, uid: str
) -> None:
    by_instance = objects.write(tmp_path / "a.dcm", objects.image(SOPInstanceUID=uid))
    by_series = objects.write(tmp_path / "b.dcm", objects.image(SeriesInstanceUID=uid))
    by_study = objects.write(tmp_path / "c.dcm", objects.image(StudyInstanceUID=uid))
    before = set(tmp_path.rglob("*.dcm"))
    assert _status(node, by_instance) == 0x0117
    assert _status(node, by_series) == 0xC000
    assert _status(node, by_study) == 0xC000
    assert set(tmp_path.rglob("*.dcm")) == before


@pytest.mark.parametrize(
    ("failure", "expected", "comment"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 0xA700, "No space left on device"),
        (KeyError("a bug"), 0x0110, "KeyError"),
    ],
)
def test_a_failure_is_answered_and_the_association_lives_on(
    listening: Listening, tmp_path: Path, failure: Exception, expected: int, comment: str
) -> None:
    kept: list[str] = []

    def receive(incoming: Incoming) -> None:
        if incoming.instance_number == 1:
            raise failure
        kept.append(incoming.sop_instance_uid)

    peer = listening(receive)
    first = objects.write(tmp_path / "1.dcm", objects.image(InstanceNumber=1))
    second = objects.image(InstanceNumber=2)
    association = AE().associate(
        peer.host, peer.port, contexts=[build_context(MRImageStorage, [ExplicitVRLittleEndian])]
    )
    refused = association.send_c_store(first)
    stored = association.send_c_store(objects.write(tmp_path / "2.dcm", second))
    association.release()
    assert refused.Status == expected
    assert comment in refused.ErrorComment
    assert stored.Status == 0x0000
    assert kept == [second.SOPInstanceUID]


def test_a_class_outside_its_presentation_context_is_0122(
    listening: Listening, tmp_path: Path
) -> None:
    peer = listening(print)
    ct = objects.image(SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    association = AE().associate(
        peer.host, peer.port, contexts=[build_context(MRImageStorage, [ExplicitVRLittleEndian])]
    )
    [context] = association.accepted_contexts
    context.abstract_syntax = ct.SOPClassUID  # only the requestor believes that
    answer = association.send_c_store(objects.write(tmp_path / "ct.dcm", ct))
    association.release()
    assert answer.Status == 0x0122


def test_parallel_associations_with_interleaved_series_lose_nothing(
    node: Peer, database: Database, tmp_path: Path
) -> None:
    study = generate_uid()
    series = [generate_uid() for _ in range(4)]
    images = [
        objects.image(
            StudyInstanceUID=study, SeriesInstanceUID=series[number % 4], InstanceNumber=number
        )
        for number in range(64)
    ]
    paths = [objects.write(tmp_path / "sent" / f"{n}.dcm", image) for n, image in enumerate(images)]
    with ThreadPoolExecutor(8) as pool:
        # Neighbours overlap: every second image is sent by two associations at once.
        shares = [paths[8 * n : 8 * n + 12] for n in range(8)]
        results = list(pool.map(lambda share: scu.send_folder(node, share), shares))
    assert all(scu.is_stored(result) for found in results for result in found.values())
    with database.read() as session:
        rows = {row.sop_instance_uid: row for row in session.scalars(select(Instance))}
        counted = session.execute(
            select(Series.series_instance_uid, func.count(Instance.id))
            .join(Series.instances)
            .group_by(Series.series_instance_uid)
        )
        per_series = {uid: count for uid, count in counted}
    assert per_series == dict.fromkeys(series, 16)
    for image, path in zip(images, paths, strict=True):
        kept = tmp_path / "storage" / rows[image.SOPInstanceUID].path
        assert objects.data_set_bytes(kept) == objects.data_set_bytes(path)


def test_stopping_ends_even_a_peer_that_fell_silent_inside_a_pdu(
    receiving_path: Literal["fast", "stock"],
) -> None:
    scp = StorageScp(Node(port=0), print, path=receiving_path)
    scp.start()
    with socket.create_connection(("127.0.0.1", scp.port), timeout=20) as silent:
        silent.sendall(b"\x01\x00\x00\x00\xff\xff half an A-ASSOCIATE-RQ")
        association = AE().associate(
            "127.0.0.1", scp.port, contexts=[build_context(MRImageStorage)]
        )
        assert association.is_established
        scp.stop()
        assert silent.recv(100) == b""
    association.join(20)
    assert association.is_aborted
