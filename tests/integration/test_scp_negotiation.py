"""What the Storage SCP agrees to, asked by DCMTK and pynetdicom."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import MRImageStorage
from pynetdicom import AE, Association, build_context
from pynetdicom.presentation import PresentationContext

from node import scp
from node.peer import Peer
from node.settings import Node
from storage.instances import Incoming
from tests import objects
from tests.peers import dcmtk

Listening = Callable[..., Peer]

EXPLICIT, IMPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
BIG_ENDIAN, RLE = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"
JPEG, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_LS_LOSSY = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS, HTJ2K = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.203"


@pytest.fixture(scope="module", params=["fast", "stock"])
def node(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Give the address of an SCP that these tests share; it keeps nothing."""
    scp_of_module = scp.StorageScp(Node(port=0), lambda _incoming: None, path=request.param)
    scp_of_module.start()
    yield Peer("FORAMINA", "127.0.0.1", scp_of_module.port, "SCANNER", 20)
    scp_of_module.stop()


@contextmanager
def associated(peer: Peer, contexts: Sequence[PresentationContext]) -> Iterator[Association]:
    association = AE("SCANNER").associate(peer.host, peer.port, contexts=list(contexts))
    try:
        yield association
    finally:
        association.release()


def test_dcmtk_gets_its_echo(node: Peer) -> None:
    assert (
        "Received Echo Response (Success)"
        in dcmtk("echoscu", "-d", "-aec", "FORAMINA", node.host, node.port).stderr
    )


def test_any_called_ae_title_is_served(node: Peer) -> None:
    assert dcmtk("echoscu", "-aec", "WHATEVER", node.host, node.port).returncode == 0


def test_every_storage_sop_class_is_accepted(node: Peer) -> None:
    classes = scp.storage_sop_classes()
    accepted: list[str] = []
    for start in range(0, len(classes), 128):
        contexts = [build_context(uid, [IMPLICIT]) for uid in classes[start : start + 128]]
        with associated(node, contexts) as association:
            accepted += [context.abstract_syntax for context in association.accepted_contexts]
    assert sorted(accepted) == classes


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([JPEG, RLE, IMPLICIT, EXPLICIT], EXPLICIT),
        ([JPEG, RLE, BIG_ENDIAN, DEFLATED, IMPLICIT], IMPLICIT),
        ([JPEG_LS, BIG_ENDIAN], BIG_ENDIAN),
        ([JPEG, J2K, HTJ2K_LOSSLESS, J2K_LOSSLESS, JPEG_LS, JPEG_LOSSLESS, RLE], RLE),
        ([HTJ2K, JPEG_LS_LOSSY, JPEG_LOSSLESS], JPEG_LOSSLESS),
        ([HTJ2K, JPEG, HTJ2K_LOSSLESS], HTJ2K_LOSSLESS),
        ([JPEG], JPEG),
    ],
)
def test_our_order_of_preference_counts(node: Peer, proposed: list[str], chosen: str) -> None:
    with associated(node, [build_context(MRImageStorage, proposed)]) as association:
        [context] = association.accepted_contexts
        assert context.transfer_syntax == [chosen]


def test_dcmtk_offering_several_syntaxes_in_one_context_sends_uncompressed(
    listening: Listening, tmp_path: Path
) -> None:
    received: list[Incoming] = []
    peer = listening(received.append)
    path = objects.write(tmp_path / "image.dcm", objects.image())
    dcmtk("storescu", "-xs", "+C", "-R", peer.host, peer.port, path)
    assert [instance.transfer_syntax_uid for instance in received] == [EXPLICIT]


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2.4.94",  # JPIP Referenced
        "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
        "1.2.840.10008.1.2.4.204",  # JPIP HTJ2K Referenced
        "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
        "1.2.840.10008.1.2.4.100",  # MPEG2
        "1.2.840.10008.1.2.4.102",  # MPEG-4
        "1.2.840.10008.1.2.4.107",  # HEVC
        "1.2.840.10008.1.2.7.1",  # SMPTE ST 2110-20
    ],
)
def test_syntaxes_without_pixels_are_refused(node: Peer, syntax: str) -> None:
    contexts = [build_context(MRImageStorage, [syntax]), build_context(MRImageStorage, [EXPLICIT])]
    with associated(node, contexts) as association:
        [refused] = association.rejected_contexts
        assert refused.result == 0x04  # transfer syntaxes not supported, PS3.8 table 9-18
        assert len(association.accepted_contexts) == 1


def test_a_private_sop_class_is_accepted_by_setting_only(
    node: Peer, listening: Listening, tmp_path: Path
) -> None:
    private = "1.2.826.0.1.3680043.8.498.1"
    image = objects.image(SOPClassUID=private)
    received: list[Incoming] = []
    peer = listening(received.append, accept_private_sop_classes=(private,))
    with associated(peer, [build_context(private, [EXPLICIT])]) as association:
        assert association.send_c_store(objects.write(tmp_path / "x.dcm", image)).Status == 0
    assert [instance.sop_class_uid for instance in received] == [private]
    contexts = [build_context(private, [EXPLICIT]), build_context(MRImageStorage, [EXPLICIT])]
    with associated(node, contexts) as association:
        [refused] = association.rejected_contexts
        assert refused.result == 0x03  # abstract syntax not supported, PS3.8 table 9-18


def test_one_association_too_many_is_rejected_for_the_moment(listening: Listening) -> None:
    peer = listening(print, maximum_associations=1)
    contexts = [build_context(MRImageStorage, [EXPLICIT])]
    with associated(peer, contexts) as first, associated(peer, contexts) as second:
        assert first.is_established
        assert second.is_rejected
        answer = second.acceptor.primitive
        assert (answer.result, answer.result_source, answer.diagnostic) == (
            2,
            3,
            2,
        )  # PS3.8 table 9-21
