"""How an association ends is told once, by the name that its instances carry."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from pynetdicom import AE, Association
from pynetdicom.sop_class import MRImageStorage, Verification

from node.scp import StorageScp
from node.settings import Node
from storage.instances import Incoming
from tests import objects
from tests.peers import wait_until


@dataclass
class Heard:
    """What the SCP told."""

    instances: list[Incoming] = field(default_factory=list)
    ends: list[tuple[str, str, str]] = field(default_factory=list)
    scp: StorageScp | None = None

    def end(self, name: str, ending: str, calling_ae_title: str) -> None:
        self.ends.append((name, ending, calling_ae_title))

    def associate(self) -> Association:
        assert self.scp is not None
        ae = AE("MR1")
        ae.add_requested_context(MRImageStorage)
        ae.add_requested_context(Verification)
        association = ae.associate("127.0.0.1", self.scp.port)
        assert association.is_established
        return association


@pytest.fixture
def heard(receiving_path: Literal["fast", "stock"]) -> Iterator[Heard]:
    found = Heard()
    found.scp = StorageScp(Node(port=0), found.instances.append, found.end, path=receiving_path)
    found.scp.start()
    yield found
    found.scp.stop()


def test_a_release_is_told_with_the_name_of_the_instances(heard: Heard, tmp_path: Path) -> None:
    association = heard.associate()
    for number in (1, 2):
        image = objects.write(tmp_path / f"{number}.dcm", objects.image())
        assert association.send_c_store(image).Status == 0
    association.release()
    wait_until(lambda: bool(heard.ends), "the end is told")
    (name,) = {one.association for one in heard.instances}
    assert heard.ends == [(name, "released", "MR1")]
    assert heard.scp is not None
    assert name.startswith(heard.scp.run)


def test_an_abort_and_a_lost_connection_are_told_as_such(heard: Heard, tmp_path: Path) -> None:
    image = objects.write(tmp_path / "1.dcm", objects.image())
    aborting, lost = heard.associate(), heard.associate()
    for association in (aborting, lost):
        assert association.send_c_store(image).Status == 0
    aborting.abort()
    lost.dul.socket.socket.shutdown(2)
    wait_until(lambda: len(heard.ends) == 2, "both ends are told")
    assert {ending for _, ending, _ in heard.ends} == {"aborted"}
    assert {name for name, _, _ in heard.ends} == {one.association for one in heard.instances}


def test_an_association_without_instances_is_not_told(heard: Heard) -> None:
    association = heard.associate()
    association.send_c_echo()
    association.release()
    after = heard.associate()
    after.release()
    assert heard.scp is not None
    heard.scp.stop()
    assert heard.ends == []


def test_a_record_that_fails_ends_no_association(
    tmp_path: Path, receiving_path: Literal["fast", "stock"]
) -> None:
    def refuse(*_words: str) -> None:
        raise OSError("disk full")

    kept: list[Incoming] = []
    scp = StorageScp(Node(port=0), kept.append, refuse, path=receiving_path)
    scp.start()
    heard = Heard(scp=scp)
    try:
        for _ in range(2):
            association = heard.associate()
            image = objects.write(tmp_path / "1.dcm", objects.image())
            assert association.send_c_store(image).Status == 0
            association.release()
            assert association.is_released
        assert len(kept) == 2
    finally:
        scp.stop()
