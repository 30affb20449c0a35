"""What the Storage SCP offers, without a peer."""

import socket

import pytest
from pydicom.uid import UID

from node import scp
from node.errors import ConfigError
from node.scp import StorageScp
from node.settings import Node


def test_transfer_syntaxes_are_known_once_and_carry_pixels() -> None:
    names = [UID(uid).name for uid in scp.TRANSFER_SYNTAXES]
    assert len(set(names)) == len(scp.TRANSFER_SYNTAXES)
    assert not [name for name in names if name[0].isdigit()]  # no name: a typing error
    assert not [
        name for name in names for word in ("JPIP", "MPEG", "HEVC", "SMPTE") if word in name
    ]


def test_uncompressed_is_preferred_to_lossless_and_lossless_to_lossy() -> None:
    order = [str(uid) for uid in scp.TRANSFER_SYNTAXES]
    assert order[:2] == ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]
    lossless = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201")
    lossy = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.203")
    assert max(map(order.index, lossless)) < min(map(order.index, lossy))
    assert order.index("1.2.840.10008.1.2.2") < min(map(order.index, lossless))


def test_storage_sop_classes_are_those_of_the_storage_service() -> None:
    classes = scp.storage_sop_classes()
    assert "1.2.840.10008.5.1.4.1.1.4" in classes  # MR Image Storage
    assert "1.2.840.10008.5.1.4.1.1.88.34" in classes  # Comprehensive 3D SR Storage
    assert "1.2.840.10008.5.1.4.1.1.5" in classes  # Nuclear Medicine Image Storage, retired
    assert "1.2.840.10008.5.1.4.1.1.66.7" in classes  # Label Map Segmentation Storage
    assert "1.2.840.10008.5.1.4.38.1" not in classes  # Hanging Protocol Storage: no study
    assert "1.2.840.10008.1.20.1" not in classes  # Storage Commitment
    assert len(classes) > 190


def test_a_private_sop_class_must_be_a_uid() -> None:
    config = Node(port=0, accept_private_sop_classes=("1.2.x",))
    with pytest.raises(ConfigError, match=r"node\.accept_private_sop_classes: UID '1\.2\.x'"):
        StorageScp(config, print)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"node\.port {port}: Address already in use"):
            StorageScp(Node(port=port), print).start()


def test_stopping_what_never_started_is_nothing() -> None:
    node = StorageScp(Node(port=11112), print)
    node.stop()
    assert node.port == 11112
