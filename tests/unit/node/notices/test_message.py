"""Messages: what people read, for every event; what they never read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.notices.event import Event
from node.notices.message import Item, Templates, trial
from storage.states import Phase

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OF_SERIES = {"series": 7, "series_instance_uid": "1.2.3.7", "study_instance_uid": "1.2.3"}
OF_DELIVERY = {
    "delivery": 9, "destination": "pacs", "kind": "report", "sop_instance_uid": "2.25.9",
    "attempts": 3, "dimse_status": 0xA900, **OF_SERIES,
}  # fmt: skip
FACTS: dict[str, dict[str, Any]] = {
    "job-failed": {"job": 4, "attempts": 3, "error": "no slices", "path": "/jobs/4", **OF_SERIES},
    "series-held": {"reason": "two versions", "path": "/series/7", **OF_SERIES},
    "delivery-failed": OF_DELIVERY,
    "delivery-held": {**OF_DELIVERY, "dimse_status": None},
    "destination-down": {"destination": "pacs", "address": "PACS at 192.0.2.1:104"},
    "jobs-waiting": {"waiting": 12, "oldest_s": 5400, "running": 0},
    "disk-low": {"free_bytes": 2**30, "total_bytes": 2**40, "wanted_bytes": 5 * 2**30},
    "journal-damaged": {"damaged": 2},
    "instances-aside": {"refused": 1, "later": 3},
}


def item(event: str, phase: Phase = Phase.RAISED, **facts: Any) -> Item:
    over_at = AT if phase == Phase.OVER else None
    return Item(1, event, phase, AT, over_at, {**FACTS[event], **facts})


def test_every_event_has_facts_here() -> None:
    assert set(FACTS) == {event.value for event in Event}


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("event", list(Event))
def test_every_event_is_told_in_every_phase(event: Event, phase: Phase) -> None:
    message = Templates().message([item(event, phase)], "NODE")
    assert message.subject.startswith("[NODE] ")
    assert "\n" not in message.subject
    assert "{{" not in message.text
    assert "Since 2026-03-01" in message.text
    assert ("OVER since" in message.text) == (phase == Phase.OVER)
    assert ("STILL SO" in message.text) == (phase == Phase.REMINDER)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("job-failed", ["Job 4", "1.2.3.7", "no slices", "foramina jobs retry 4"]),
        ("series-held", ["two versions", "foramina series show 1.2.3.7"]),
        ("delivery-failed", ["0xA900", "pacs", "foramina deliveries send-again 9"]),
        ("destination-down", ["PACS at 192.0.2.1:104", "C-ECHO"]),
        ("jobs-waiting", ["are not: 12", "1.5 hours", "none is running"]),
        ("disk-low", ["1.0 GiB of 1024.0 GiB", "at least 5.0 GiB"]),
        ("journal-damaged", ["2 segments"]),
        (
            "instances-aside",
            ["3 received images wait", "1 received images cannot", "journal/refused"],
        ),
    ],
)
def test_a_message_says_what_to_do(event: str, words: list[str]) -> None:
    text = Templates().message([item(event)], "NODE").text
    for each in words:
        assert each in text


def test_several_notices_are_one_message() -> None:
    items = [item("disk-low"), item("job-failed"), item("journal-damaged")]
    message = Templates(link="https://node.example").message(items, "NODE")
    assert message.subject == "[NODE] little disk space is free (and 2 more)"
    assert message.text.count("Since ") == 3
    assert "https://node.example/jobs/4" in message.text
    assert [each["event"] for each in message.payload["notices"]] == [each.event for each in items]
    assert message.payload["notices"][1]["link"] == "https://node.example/jobs/4"
    json.dumps(message.payload)


def test_a_flood_is_cut_in_the_text_alone() -> None:
    message = Templates().message([item("journal-damaged")] * 120, "NODE")
    assert "... and 70 more" in message.text
    assert len(message.payload["notices"]) == 120


def test_what_came_from_outside_makes_no_second_header() -> None:
    message = Templates().message([item("delivery-failed", destination="a\r\nBcc: x")], "NODE")
    assert "\n" not in message.subject


def test_a_template_of_ones_own_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "subject.txt").write_text("!!! {{ items[0].event }}")
    message = Templates(tmp_path).message([item("disk-low")], "NODE")
    assert message.subject == "!!! disk-low"
    assert "1.0 GiB" in message.text


@pytest.mark.parametrize("text", ["{{ nothing.there }}", "{% if %}", "{{ 1 / 0 }}"])
def test_a_template_that_is_wrong_hides_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "message.txt").write_text(text)
    with capture_logs() as logged:
        message = Templates(tmp_path).message([item("disk-low")], "NODE")
    assert "1.0 GiB" in message.text
    assert [line["which"] for line in logged] == ["own"]


def test_a_template_cannot_reach_into_the_program(tmp_path: Path) -> None:
    (tmp_path / "message.txt").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    with capture_logs():
        message = Templates(tmp_path).message([item("disk-low")], "NODE")
    assert "subprocess" not in message.text
    assert "1.0 GiB" in message.text


def test_a_notice_of_another_version_is_told_all_the_same() -> None:
    """Facts are rows of the database: an older or newer version may have written them."""
    with capture_logs() as logged:
        message = Templates().message([Item(1, "wibble", Phase.RAISED, AT, None, {})], "NODE")
    assert "wibble since 2026-03-01" in message.text
    assert [line["which"] for line in logged] == ["shipped"]


def test_the_test_message_says_that_it_is_one() -> None:
    message = Templates().message([trial(AT)], "NODE")
    assert "test message" in message.subject
    assert "foramina notifications test" in message.text
