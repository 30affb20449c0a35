"""Scanners that never give up: what is not acknowledged is sent again to the node's next life."""

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Final

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.dsutils import encode

from tests.kill.scans import Scan

_PAUSE_S: Final = 0.05
_BETWEEN_SERIES_S: Final = 1.2  # a worker has to keep up, or the campaign ends with a long queue


class Sender(threading.Thread):
    """One scanner: an association per series, one series after the other, until told to stop."""

    def __init__(self, port: int, scans: Iterator[Scan], title: str) -> None:
        super().__init__(name=title, daemon=True)
        self.acknowledged: dict[str, str] = {}
        """SHA-256 of the data set by SOPInstanceUID: what the node has answered 0x0000 for."""
        self.scans: list[Scan] = []
        """Every series that was begun; all but the last are done with when it has stopped."""
        self._source = scans
        self._port = port
        self._stop_wanted = threading.Event()
        self._ae = AE(title)
        self._ae.add_requested_context(MRImageStorage, ExplicitVRLittleEndian)
        self._ae.connection_timeout = self._ae.acse_timeout = 5
        self._ae.dimse_timeout = self._ae.network_timeout = 15

    def finish(self) -> None:
        """Send the rest of the series under way, and stop."""
        self._stop_wanted.set()

    def run(self) -> None:
        for scan in self._source:
            if self._stop_wanted.is_set():
                return
            self.scans.append(scan)
            waiting = scan.instances()
            while waiting := self._send(waiting):
                time.sleep(_PAUSE_S)
            self._stop_wanted.wait(_BETWEEN_SERIES_S)

    def _send(self, instances: list[Dataset]) -> list[Dataset]:
        """Send instances over one association; give those that were not acknowledged."""
        association = self._ae.associate("127.0.0.1", self._port, ae_title="FORAMINA")
        left = list(instances)
        while association.is_established and left:
            try:
                answer = association.send_c_store(left[0])
            except RuntimeError:  # it has just broken
                break
            if answer.get("Status") != 0:
                break
            sent = left.pop(0)
            data = encode(sent, is_implicit_vr=False, is_little_endian=True) or b""
            self.acknowledged[str(sent.SOPInstanceUID)] = hashlib.sha256(data).hexdigest()
        if association.is_established:
            association.release()
        return left
