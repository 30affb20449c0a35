"""A node's receiver under fire, and what must hold after every round."""

import gc
import hashlib
import os
import threading
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from pydicom.filereader import read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from sqlalchemy import select

from model import inflation
from node.scp import StorageScp
from node.settings import Node
from storage.database import Database
from storage.instances import InstanceStore
from storage.tables import Instance
from tests.upper_layer import (
    ASSOCIATE_AC,
    COMMAND,
    ECHO,
    RELEASE,
    VERIFICATION,
    Context,
    Line,
    associate_request,
    command,
    pieces,
)

CONTEXTS: Final[tuple[Context, ...]] = (
    (1, VERIFICATION, ImplicitVRLittleEndian),
    (3, MRImageStorage, ExplicitVRLittleEndian),
    (5, MRImageStorage, ImplicitVRLittleEndian),
    (7, MRImageStorage, DeflatedExplicitVRLittleEndian),
    (9, MRImageStorage, ExplicitVRBigEndian),
)
ASSOCIATE: Final = associate_request(CONTEXTS)
PATIENCE_S: Final = 60.0
"""The node's own time-outs are of one second; only a failure takes so long."""
_SETTLED_S: Final = 60.0
_GROWN_BYTES: Final = 64 << 20
"""Python's own pools and pydicom's caches grow with the first inputs; a leak passes this."""


class Target:
    """A receiver with its storage."""

    def __init__(self, path: Literal["fast", "stock"], folder: Path) -> None:
        self.folder = folder
        self.database = Database(f"sqlite:///{folder / 'fuzz.sqlite'}")
        self.database.migrate()
        self._store = InstanceStore(self.database, folder, inflation.check)
        settings = {
            "port": 0,
            "maximum_associations": 16,
            "pdu_timeout_s": 1,
            "association_timeout_s": 1,
            "network_timeout_s": 10,
            "maximum_instance_bytes": 1 << 20,
        }
        self._scp = StorageScp(Node.model_validate(settings), self._store.store, path=path)
        self._scp.start()
        self.port = self._scp.port
        assert self.unanswered() == []  # the first association loads what the later ones use
        self._before = _Resources()

    def connected(self) -> Line:
        """Open a connection."""
        return Line(self.port, PATIENCE_S)

    def associated(self) -> Line:
        """Open an association for `CONTEXTS`."""
        line = self.connected()
        line.send(ASSOCIATE)
        kind, content = line.read()
        if kind != ASSOCIATE_AC:
            raise ConnectionError(f"association not accepted: PDU {kind}, {content.hex()}")
        return line

    def faults(self) -> list[str]:
        """List what must not be after a round, whatever was sent; empty: all is well."""
        return [*self.unanswered(), *self._left_over(), *self._lies()]

    def unanswered(self) -> list[str]:
        """See that the node still answers a C-ECHO."""
        try:
            line = self.associated()
            line.send(pieces(1, COMMAND, command(ECHO, 7, VERIFICATION)))
            found = line.status()
            line.send(RELEASE)
            line.finish()
        except OSError as error:
            return [f"the node answers no C-ECHO: {error!r}"]
        return [] if found == 0x0000 else [f"C-ECHO is answered {found:#06x}"]

    def rows(self) -> Sequence[Instance]:
        """Read the rows of the instances."""
        with self.database.read() as session:
            return session.scalars(select(Instance)).all()

    def _left_over(self) -> list[str]:
        """See that nothing is left of the connections that came and went."""
        deadline = time.monotonic() + _SETTLED_S
        while (found := _Resources().exceed(self._before)) and time.monotonic() < deadline:
            gc.collect()
            time.sleep(0.05)
        return found

    def _lies(self) -> list[str]:
        """See that every row tells the truth about its file, and that every file has a row."""
        rows = self.rows()
        wrong = [f"{row.path} is not what its row says" for row in rows if not self._is_true(row)]
        files = (self.folder / "instances").rglob("*")
        kept = {str(file.relative_to(self.folder)) for file in files if file.is_file()}
        return wrong + [f"{path} has no row" for path in kept - {row.path for row in rows}]

    def _is_true(self, row: Instance) -> bool:
        file = self.folder / row.path
        if not file.is_file():
            return False
        data = file.read_bytes()
        digest = hashlib.sha256(data[_data_offset(data) :]).hexdigest()
        return (len(data), digest) == (row.size_bytes, row.data_sha256)

    def close(self) -> None:
        """Stop listening."""
        self._scp.stop()
        self.database.close()


class _Resources:
    """What this process holds at a moment."""

    def __init__(self) -> None:
        self._files = len(os.listdir("/proc/self/fd"))
        self._threads = threading.active_count()
        with open("/proc/self/statm", "rb") as file:
            self._memory_bytes = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def exceed(self, before: "_Resources") -> list[str]:
        """Name what has become more."""
        found = []
        if self._files > before._files:
            found.append(f"{before._files} files became {self._files}")
        if self._threads > before._threads:
            names = sorted(thread.name for thread in threading.enumerate())
            found.append(f"{before._threads} threads became {self._threads}: {names}")
        if self._memory_bytes > before._memory_bytes + _GROWN_BYTES:
            found.append(f"{before._memory_bytes} bytes became {self._memory_bytes}")
        return found


def _data_offset(data: bytes) -> int:
    """Find the data set behind the file meta information, whose length the node writes."""
    file = BytesIO(data)
    read_preamble(file, False)
    length = int.from_bytes(data[140:144], "little")
    return 144 + length
