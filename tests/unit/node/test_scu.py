"""The SCU, as far as it needs no peer."""

from pathlib import Path

import pytest

from node import scu
from node.errors import ForaminaError, PeerError


def test_an_unknown_host_is_told_and_may_come_back() -> None:
    peer = scu.Peer("PACS", "no-such-host.invalid", 104, "FORAMINA", 5)
    with pytest.raises(
        PeerError, match=r"PACS at no-such-host\.invalid:104: the host is unknown"
    ) as caught:
        scu.echo(peer)
    assert caught.value.retry


def test_a_file_that_is_not_dicom_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no DICOM")
    peer = scu.Peer("PACS", "127.0.0.1", 104, "FORAMINA", 5)
    with pytest.raises(ForaminaError, match=r"notes\.txt is no DICOM file"):
        scu.store(peer, path)


@pytest.mark.parametrize(
    ("result", "stored", "sentence"),
    [
        (0x0000, True, "status 0x0000 (Success"),
        (0xB000, True, "status 0xB000 (Warning"),
        (0xA700, False, "status 0xA700 (Refused: Out of resources"),
        ("not sent: it is no DICOM file", False, "not sent: it is no DICOM file"),
    ],
)
def test_results_are_told_apart(result: scu.Result, stored: bool, sentence: str) -> None:
    assert scu.is_stored(result) is stored
    assert scu.describe(result).startswith(sentence)
