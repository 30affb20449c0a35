"""The demo's PACS: a receiver that keeps what it is sent in one folder. Not for clinical use."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    Verification,
)


@contextlib.contextmanager
def receiving(folder: Path, ae_title: str = "DEMOPACS", host: str = "127.0.0.1") -> Iterator[int]:
    """Receive reports into a folder, as `<SOP Instance UID>.dcm`, while the block runs.

    Yields:
        The port it listens on.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def store(event: evt.Event) -> int:
        part = folder / "part"
        part.write_bytes(event.encoded_dataset())
        part.rename(folder / f"{event.request.AffectedSOPInstanceUID}.dcm")
        return 0x0000

    ae = AE(ae_title)
    for sop_class in (Verification, Comprehensive3DSRStorage, ComprehensiveSRStorage):
        ae.add_supported_context(sop_class)
    server = ae.start_server((host, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
