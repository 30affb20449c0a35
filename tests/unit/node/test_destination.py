"""Who is called under which address."""

from node.destination import Peers, is_confirmed
from node.settings import Delivery, Destination

PEERS = Peers(Delivery(timeout_s=30), "FORAMINA")


def destination(**values: object) -> Destination:
    fields = {"name": "pacs", "ae_title": "PACS", "host": "h", "port": 104, **values}
    return Destination.model_validate(fields)


def test_one_peer_does_all_unless_others_are_named() -> None:
    plain = destination(timeout_s=5)
    assert str(PEERS.storing(plain)) == str(PEERS.committing(plain)) == "PACS at h:104"
    assert PEERS.asked(plain) is None
    assert PEERS.storing(plain).timeout_s == 5
    other = destination(
        commitment_peer={"ae_title": "COMMITS", "host": "i", "port": 105},
        query={"ae_title": "FINDS", "host": "j", "port": 106},
    )
    asked = PEERS.asked(other)
    assert [str(one) for one in (PEERS.storing(other), PEERS.committing(other), asked)] == [
        "PACS at h:104", "COMMITS at i:105", "FINDS at j:106",
    ]  # fmt: skip
    assert asked is not None
    assert (asked.timeout_s, asked.calling_ae_title) == (30, "FORAMINA")


def test_who_can_confirm() -> None:
    query = {"ae_title": "FINDS", "host": "j", "port": 106}
    assert is_confirmed(destination())
    assert is_confirmed(destination(commitment="off", query=query))
    assert not is_confirmed(destination(commitment="off"))
