"""A hospital's day without kills: scanners that note every answer, and series of other kinds."""

import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.dsutils import encode

from tests import upper_layer
from tests.kill.campaign import Campaign, Node, Pacs, settle
from tests.kill.scans import Scan
from tests.peers import storage_peer

MINUTE_S: Final = 60.0
_WORKER: Final = {"lease_s": 30, "heartbeat_s": 1, "poll_s": 0.05, "retry_delay_s": 0.2}
"""Nobody is killed, and the machine may be so busy that a shorter lease runs out."""
_STORE_REQUEST: Final = 0x0001  # PS3.7 table E.1-1


@dataclass(frozen=True, slots=True)
class Foreign(Scan):
    """A series that is whole and not for this node: its images are axial."""

    padding_bytes: int = 0
    """Each image is so much larger, by a private attribute."""

    def instances(self) -> list[Dataset]:
        """Give the data sets in the order they are sent."""
        whole = Scan(self.number, whole=True)
        return [self._turned(each) for each in whole.instances()]

    def _turned(self, made: Dataset) -> Dataset:
        made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        if self.padding_bytes:
            block = made.private_block(0x0099, "FORAMINA TEST", create=True)
            block.add_new(1, "OB", bytes(self.padding_bytes))
        return made


def corrected(instance: Dataset) -> Dataset:
    """Give an instance as a scanner sends it again when the patient's name was wrong."""
    made = deepcopy(instance)
    made.PatientName = "Corrected^Name"
    return made


class Scanner:
    """Sends what it is told, and notes what the node has answered."""

    def __init__(self, port: int, title: str) -> None:
        self.title = title
        self.versions: dict[str, list[str]] = defaultdict(list)
        """SHA-256 of every different data set that was answered 0x0000, by SOPInstanceUID."""
        self.scans: list[Scan] = []
        self._port = port
        self._ae = AE(title)
        self._ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
        self._ae.connection_timeout = self._ae.acse_timeout = 10
        self._ae.dimse_timeout = self._ae.network_timeout = 40

    def send(self, instances: Sequence[Dataset], *, abort: bool = False) -> list[int | None]:
        """Send instances over one association, whatever is answered; the statuses.

        None: there was no answer, and the association is gone. `abort`: end it by A-ABORT.
        """
        association = self._ae.associate("127.0.0.1", self._port, ae_title="FORAMINA")
        answers: list[int | None] = []
        for instance in instances:
            status = None
            if association.is_established:
                status = association.send_c_store(instance).get("Status")
            if status == 0:
                self._note(instance)
            answers.append(status)
        if association.is_established:
            association.abort() if abort else association.release()
        return answers

    def break_off(self, instance: Dataset) -> None:
        """Send half of an instance, and break the connection in the middle of a PDU."""
        data = _encoded(instance)
        uid = str(instance.SOPInstanceUID)
        request = upper_layer.command(_STORE_REQUEST, 1, str(MRImageStorage), uid)
        with upper_layer.Connection(self._port, calling_ae_title=self.title) as connection:
            connection.send(upper_layer.p_data(1, 3, request))
            half = upper_layer.p_data(1, 0, data[: min(len(data) // 2, 16000)])
            connection.send(half, struct.pack(">BxL", 4, 12000), data[:100])

    def _note(self, instance: Dataset) -> None:
        digest = hashlib.sha256(_encoded(instance)).hexdigest()
        if digest not in self.versions[str(instance.SOPInstanceUID)]:
            self.versions[str(instance.SOPInstanceUID)].append(digest)


def _encoded(instance: Dataset) -> bytes:
    return encode(instance, is_implicit_vr=False, is_little_endian=True) or b""


class Day(Campaign):
    """A node, its PACS and its scanners, for `tests.kill.books` to balance."""

    @property
    def acknowledged(self) -> dict[str, list[str]]:
        """Join what all scanners were told is safe, every version in the order it was sent."""
        joined: dict[str, list[str]] = {}
        for one in self.senders:
            joined |= one.versions
        return joined

    def send(self, scan: Scan, scanner: int = 0) -> list[int | None]:
        """Send a series over one association, and have it in the books; the statuses."""
        sender = self.senders[scanner]
        if scan not in sender.scans:
            sender.scans.append(scan)
        return sender.send(scan.instances())

    def settle(self, timeout_s: float = 4 * MINUTE_S) -> None:
        """Wait until nothing is under way any more, and stop the node as its administrator does."""
        settle(self.node, timeout_s)
        self.node.stop()


@contextmanager
def day(folder: Path, database_url: str = "", scanners: int = 1, **sections: Any) -> Iterator[Day]:
    """Start a node with a stand-in for the network, and a PACS; what is still there is ended."""
    pacs = Pacs()
    sections = {"worker": _WORKER} | sections
    with ExitStack() as stack:
        port = stack.enter_context(storage_peer(pacs.answer))
        node = Node(folder, database_url, port, **sections)
        senders: Any = [Scanner(node.port, f"MR{number}") for number in range(scanners)]
        stack.callback(node.kill)
        begin(node)
        yield Day(node, pacs, senders)


def begin(node: Node) -> None:
    """Begin a life of the node that nothing ends, and wait until it receives and works."""
    before = node.logged("worker ready")
    node.live(None, 0)
    node.wait(lambda: node.logged("worker ready") > before, "a worker is ready", poll_s=0.1)
