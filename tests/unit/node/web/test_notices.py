"""Notices: what needs a person, and who was told of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from node.web.site import Site
from storage import notices
from storage.database import Database, now
from storage.notices import Condition
from storage.tables import Notice
from tests import web_pages

DOWN = {"destination": "pacs", "address": "PACS at 10.0.0.1:104", "path": "/deliveries"}


@pytest.fixture
def raised(site: Site) -> None:
    """One notice that was told by e-mail, and one of which nobody knows what it says."""
    with site.database.begin() as session:
        notices.see(session, {}, [Condition("destination-down", "pacs", DOWN)], ["email"])
        sends = notices.claim(session, "email", window_s=0, lease_s=60, limit=5)
        notices.told(session, [send.id for send in sends])
        notices.see(session, {}, [Condition("job-failed", "7", {})], [])


@pytest.mark.usefixtures("raised")
def test_the_page_says_what_is_wrong_and_who_was_told(client: TestClient) -> None:
    text = client.get("/notices").text
    assert '<a href="/deliveries">pacs does not answer</a>' in text
    assert "email raised: sent" in text
    assert "job-failed" in text  # its facts lack what the template wants
    assert "no channel is configured" in text
    assert "<b>2</b> notices not over" in client.get("/").text


@pytest.mark.usefixtures("raised")
@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({}, ["7", "pacs"]),
        ({"state": "raised"}, ["7", "pacs"]),
        ({"state": "over"}, []),
        ({"event": "destination-down"}, ["pacs"]),
        ({"limit": "1", "after": "2"}, ["pacs"]),
    ],
)
def test_notices_are_filtered(client: TestClient, query: dict[str, str], keys: list[str]) -> None:
    found = client.get("/notices.json", params=query).json()
    assert [row["key"] for row in found["rows"]] == keys


@pytest.mark.usefixtures("raised")
def test_what_is_over_is_shown_so(client: TestClient, site: Site) -> None:
    with site.database.begin() as session:
        gone = session.get_one(Notice, 1)
        gone.gone_at = now(session) - timedelta(hours=1)
        notices.end(session, [gone], ["email"], 120)
    assert [row["state"] for row in client.get("/notices.json").json()["rows"]] == [
        "raised",
        "over",
    ]
    assert "<b>1</b> notices not over" in client.get("/").text


def test_with_a_channel_nothing_is_said_of_channels(
    sqlite_database: Database, tmp_path: Path
) -> None:
    told = {"webhook": {"url": "https://chat.example/hook"}}
    config = web_pages.configured(tmp_path, sqlite_database, notifications=told)
    with web_pages.browser(web_pages.build_site(config, sqlite_database)) as client:
        web_pages.log_in(client)
        assert "no channel is configured" not in client.get("/notices").text
