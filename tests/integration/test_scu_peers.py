"""The SCU with Orthanc, DCMTK, and peers that refuse, abort, or say nothing."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage, generate_uid
from pynetdicom import evt

from node import scp, scu
from node.errors import PeerError
from node.peer import Interrupt, Peer
from storage.instances import Incoming
from tests import objects
from tests.peers import Orthanc, StoreScp, dcmtk, free_port, storage_peer

Listening = Callable[..., Peer]


def at(port: int, timeout_s: float = 20, ae_title: str = "PACS") -> Peer:
    return Peer(ae_title, "127.0.0.1", port, "FORAMINA", timeout_s)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return objects.write(tmp_path / "image.dcm", objects.image())


def failure(peer: Peer, path: Path) -> PeerError:
    with pytest.raises(PeerError) as caught:
        scu.store(peer, path)
    return caught.value


def test_orthanc_answers_and_keeps_the_bytes(orthanc: Orthanc, path: Path) -> None:
    peer = at(orthanc.dicom_port, ae_title=orthanc.ae_title)
    scu.echo(peer)
    assert scu.store(peer, path) == 0x0000
    kept = orthanc.file(dcmread(path).SOPInstanceUID)
    assert kept is not None
    assert objects.data_set_bytes(kept) == objects.data_set_bytes(path)


def test_dcmtk_gets_the_bytes(storescp: Callable[..., StoreScp], path: Path) -> None:
    system = storescp()
    assert scu.store(at(system.port), path) == 0x0000
    [kept] = system.files()
    assert objects.data_set_bytes(kept) == objects.data_set_bytes(path)


def test_a_rejected_association_names_the_reason(orthanc: Orthanc, path: Path) -> None:
    error = failure(at(orthanc.dicom_port, ae_title="NOBODY"), path)
    assert "Called AE title not recognised" in str(error)
    assert "check both AE titles" in str(error)
    stranger = Peer(orthanc.ae_title, "127.0.0.1", orthanc.dicom_port, "STRANGER", 20)
    error = failure(stranger, path)
    assert "Calling AE title not recognised" in str(error)
    assert error.retry


def test_a_rejection_is_heard_that_arrives_before_it_is_waited_for(
    orthanc: Orthanc, path: Path
) -> None:
    class Slow(Interrupt):
        def watch(self, connection: socket.socket | None) -> None:
            super().watch(connection)
            time.sleep(0.3)  # pynetdicom waits for the answer after this; Orthanc rejects sooner

    stranger = Peer(orthanc.ae_title, "127.0.0.1", orthanc.dicom_port, "STRANGER", 20)
    with pytest.raises(PeerError, match="Calling AE title not recognised"):
        scu.store(stranger, path, Slow())


def test_a_peer_that_is_down_is_told(path: Path) -> None:
    error = failure(at(free_port()), path)
    assert "no connection (Connection refused)" in str(error)
    assert error.retry
    assert error.status is None


def test_a_peer_that_says_nothing_is_told(silent_port: int, path: Path) -> None:
    error = failure(at(silent_port, timeout_s=0.5), path)
    assert str(error).endswith("did not answer A-ASSOCIATE within 0.5 s")
    assert error.retry


def test_a_peer_that_never_answers_a_request_is_told(path: Path) -> None:
    may_end = threading.Event()

    def answer(_event: evt.Event) -> int:
        may_end.wait(20)
        return 0x0000

    with storage_peer(answer) as port:
        error = failure(at(port, timeout_s=0.5), path)
        may_end.set()
    assert str(error).endswith("did not answer C-STORE within 0.5 s")
    assert error.retry


def test_a_peer_that_aborts_is_told(path: Path) -> None:
    def answer(event: evt.Event) -> int:
        event.assoc.abort()
        return 0x0000

    with storage_peer(answer) as port:
        error = failure(at(port), path)
    assert str(error).endswith("closed or aborted the association instead of answering C-STORE")
    assert error.retry


def test_waiting_can_be_interrupted(silent_port: int, path: Path) -> None:
    interrupt = Interrupt()
    timer = threading.Timer(0.3, interrupt.cut)
    timer.start()
    with pytest.raises(PeerError, match="interrupted"):
        scu.store(at(silent_port, timeout_s=250), path, interrupt)
    with pytest.raises(PeerError, match="interrupted"):
        scu.store(at(silent_port, timeout_s=250), path, interrupt)


@pytest.mark.parametrize("code", [0x0000, 0xB000, 0xB006, 0x0111])
def test_statuses_that_mean_stored_are_given(path: Path, code: int) -> None:
    with storage_peer(lambda _event: code) as port:
        assert scu.store(at(port), path) == code


@pytest.mark.parametrize(
    ("code", "retry", "words"),
    [
        (0xA700, True, "free space there"),
        (0x0110, True, "see the peer's log"),
        (0xA900, False, "does not match SOP Class"),
        (0xC123, False, "Cannot understand"),
        (0x0122, False, "allow it there"),
    ],
)
def test_other_statuses_are_errors_with_a_remedy(
    path: Path, code: int, retry: bool, words: str
) -> None:
    with storage_peer(lambda _event: code) as port:
        error = failure(at(port), path)
    assert error.status == code
    assert error.retry is retry
    assert f"0x{code:04X}" in str(error)
    assert words in str(error)


def test_a_refused_context_is_final_and_names_the_class(path: Path) -> None:
    ct_only = [("1.2.840.10008.5.1.4.1.1.2", [ExplicitVRLittleEndian])]
    with storage_peer(lambda _event: 0, ct_only) as port:
        error = failure(at(port), path)
    assert "accepts none of the presentation contexts for MR Image Storage" in str(error)
    assert not error.retry


def test_a_refused_syntax_is_final_and_named(tmp_path: Path, path: Path) -> None:
    compressed = tmp_path / "rle.dcm"
    dcmtk("dcmcrle", path, compressed)
    with storage_peer(lambda _event: 0) as port:
        error = failure(at(port), compressed)
        with pytest.raises(PeerError, match="MR Image Storage"):
            scu.send_folder(at(port), [compressed])
        results = scu.send_folder(at(port), [compressed, path])
    assert "MR Image Storage" in str(error)
    assert not error.retry
    assert results[path] == 0x0000
    assert "accepts no MR Image Storage in RLE Lossless" in scu.describe(results[compressed])


def test_an_uncompressed_file_is_converted_for_a_peer_that_takes_implicit_only(
    path: Path,
) -> None:
    received: list[bytes] = []

    def answer(event: evt.Event) -> int:
        received.append(event.encoded_dataset(include_meta=False))
        return 0x0000

    implicit_only = [(str(MRImageStorage), [ImplicitVRLittleEndian])]
    with storage_peer(answer, implicit_only) as port:
        assert scu.store(at(port), path) == 0x0000
    assert received == [objects.encoded(dcmread(path), ImplicitVRLittleEndian)]


def test_more_classes_than_an_association_proposes_are_sent_over_several(
    listening: Listening, tmp_path: Path
) -> None:
    received: list[str] = []
    peer = listening(lambda incoming: received.append(incoming.sop_class_uid))
    classes = scp.storage_sop_classes()[:100]
    for number, uid in enumerate(classes):
        objects.write(tmp_path / "many" / f"{number:03}.dcm", objects.image(SOPClassUID=uid))
    done: list[Path] = []
    results = scu.send_folder(peer, [tmp_path / "many"], done.append)
    assert set(results.values()) == {0x0000}
    assert sorted(received) == classes
    assert sorted(done) == sorted(results)
    assert len(done) == 100


def test_what_is_no_dicom_file_is_named_and_the_rest_is_sent(
    listening: Listening, tmp_path: Path, path: Path
) -> None:
    received: list[Incoming] = []
    peer = listening(received.append)
    (tmp_path / "notes.txt").write_text("no DICOM")
    results = scu.send_folder(peer, [tmp_path])
    assert results[path] == 0x0000
    assert "is no DICOM file" in str(results[tmp_path / "notes.txt"])
    assert len(received) == 1


def test_a_broken_association_is_opened_anew(tmp_path: Path) -> None:
    series = generate_uid()
    for number in range(6):
        image = objects.image(SeriesInstanceUID=series, InstanceNumber=number)
        objects.write(tmp_path / f"{number}.dcm", image)
    seen: list[int] = []

    def answer(event: evt.Event) -> int:
        seen.append(int(event.dataset.InstanceNumber))
        if len(seen) == 3:
            event.assoc.abort()
        return 0x0000

    with storage_peer(answer) as port:
        results = scu.send_folder(at(port), [tmp_path])
    assert list(results.values()) == [0x0000] * 6
    assert seen == [0, 1, 2, 2, 3, 4, 5]


def test_a_peer_that_dies_on_the_way_leaves_a_reason_for_each_file(tmp_path: Path) -> None:
    for number in range(4):
        objects.write(tmp_path / f"{number}.dcm", objects.image(InstanceNumber=number))

    def answer(event: evt.Event) -> int:
        if event.dataset.InstanceNumber >= 2:
            event.assoc.abort()
        return 0x0000

    with storage_peer(answer) as port:
        results = list(scu.send_folder(at(port), [tmp_path]).values())
    assert results[:2] == [0x0000, 0x0000]
    assert len(results) == 4
    assert all("instead of answering C-STORE" in str(result) for result in results[2:])


def test_nobody_there_for_a_folder_is_one_error(path: Path) -> None:
    with pytest.raises(PeerError, match="Connection refused"):
        scu.send_folder(at(free_port()), [path])
