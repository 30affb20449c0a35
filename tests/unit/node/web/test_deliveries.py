"""Deliveries: what the peer answered, and sending again."""

import pytest
from starlette.testclient import TestClient

from node.web.site import Site
from storage import confirmations, deliveries
from storage.states import Confirmation
from storage.tables import DeliveryState
from tests import web_pages
from tests.rows import add_report

OUT_OF_RESOURCES = 0xA700  # PS3.4 table B.2-1


def refused(site: Site, destination: str) -> int:
    """Add a delivery that the destination refused; its id."""
    with site.database.begin() as session:
        deliveries.enqueue(session, add_report(session), destination)
        found = deliveries.claim(session, destination, 60)
        assert found is not None
        deliveries.failed(
            session, found.id, found.fencing_token, "the peer is full",
            dimse_status=OUT_OF_RESOURCES, retry=False, delay_s=0,
        )  # fmt: skip
        return found.id


def test_a_delivery_is_sent_again(client: TestClient, site: Site) -> None:
    delivery_id = refused(site, "pacs")
    text = client.get("/deliveries?destination=pacs&state=failed").text
    assert "the peer is full" in text
    assert "0xA700" in text
    answer = web_pages.send(client, "/deliveries", id=delivery_id, action="send-again")
    assert "1 of 1 done" in answer.text
    with site.database.read() as session:
        assert deliveries.counts(session)["queued"] == 1
    assert "send again" in client.get("/actions?subject=delivery").text


@pytest.mark.parametrize(("destination", "id_"), [("elsewhere", 1), ("pacs", 2)])
def test_what_cannot_be_sent_says_why(
    client: TestClient, site: Site, destination: str, id_: int
) -> None:
    refused(site, destination)
    answer = web_pages.send(client, "/deliveries", id=id_, action="send-again")
    assert "0 of 1 done" in answer.text
    assert ("not configured" in answer.text) == (destination == "elsewhere")
    assert ("there is no delivery 2" in answer.text) == (id_ == 2)


def test_a_held_delivery_is_released(client: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs", DeliveryState.HELD, "merged")
    answer = web_pages.send(client, "/deliveries", id=1, action="release")
    assert "1 of 1 done" in answer.text
    with site.database.read() as session:
        found = deliveries.get(session, 1)
    assert found is not None
    assert (found.state, found.released) == (DeliveryState.QUEUED, True)
    assert "release" in client.get("/actions?subject=delivery").text


def test_a_delivery_is_not_called_more_than_it_is(client: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        deliveries.enqueue(session, add_report(session), "pacs")
        found = deliveries.claim(session, "pacs", 60)
        assert found is not None
        deliveries.stored(session, found.id, found.fencing_token, 0, 0)
    assert "not confirmed" in client.get("/deliveries").text
    assert "<b>1</b> deliveries stored, not confirmed" in client.get("/").text
    with site.database.begin() as session:
        (seen,) = confirmations.due(session, "pacs", 1, 60)
        confirmations.confirm(session, seen, Confirmation.C_FIND)
    text = client.get("/deliveries").text
    assert "by C-FIND" in text
    assert "not confirmed" not in text
