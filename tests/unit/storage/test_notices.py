"""Notices: told once, again when they go on, and that they are over; nothing told is lost."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from storage import notices
from storage.database import Database, now
from storage.notices import Condition
from storage.records import Notice, NoticeSend

BOTH = ("email", "webhook")
DOWN = Condition("destination-down", "pacs", {"destination": "pacs"}, lasts_s=600)
LOW = Condition("disk-low", "", {"free_bytes": 1})
EVENTS = ("destination-down", "disk-low")


def look(
    database: Database,
    *seen: Condition,
    remind_s: float | None = None,
    settle_s: float = 0.0,
    channels: tuple[str, ...] = BOTH,
) -> int:
    """Look once, as the loop does."""
    there = {(each.event, each.key) for each in seen}
    with database.begin() as session:
        known = notices.unfinished(session, EVENTS)
        queued = notices.see(session, known, seen, channels, remind_s)
        gone = [notice for place, notice in known.items() if place not in there]
        return queued + notices.end(session, gone, channels, settle_s)


def age(database: Database, seconds: float, *columns: str) -> None:
    """Let time pass for all notices."""
    with database.begin() as session:
        for notice in session.query(Notice):
            for column in columns:
                at = getattr(notice, column)
                setattr(notice, column, at and at - timedelta(seconds=seconds))


def states(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(row.event, row.state) for row in session.query(Notice).order_by(Notice.id)]


def sends(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.query(NoticeSend).order_by(NoticeSend.id)
        return [(row.channel, row.phase, row.state) for row in rows]


def take(database: Database, channel: str = "email", **limits: Any) -> list[NoticeSend]:
    values = {"window_s": 0.0, "lease_s": 60.0, "limit": 100} | limits
    with database.begin() as session:
        return notices.claim(session, channel, **values)


def taken(database: Database, channel: str = "email") -> list[NoticeSend]:
    """Claim and send."""
    claimed = take(database, channel)
    with database.begin() as session:
        notices.told(session, [each.id for each in claimed])
    return claimed


def test_a_condition_is_told_once_however_often_it_is_seen(database: Database) -> None:
    assert look(database, LOW) == 2
    assert look(database, LOW) == 0
    assert sends(database) == [("email", "raised", "queued"), ("webhook", "raised", "queued")]
    assert states(database) == [("disk-low", "raised")]


def test_what_is_young_is_not_told(database: Database) -> None:
    assert look(database, DOWN) == 0
    assert states(database) == [("destination-down", "pending")]
    age(database, 599, "began_at")
    assert look(database, DOWN) == 0
    age(database, 2, "began_at")
    assert look(database, DOWN) == 2
    assert states(database) == [("destination-down", "raised")]


def test_what_was_over_before_it_was_old_enough_leaves_nothing(database: Database) -> None:
    look(database, DOWN)
    assert look(database) == 0
    assert states(database) == []


def test_that_it_is_over_is_told_to_whom_was_told(database: Database) -> None:
    look(database, LOW)
    taken(database, "email")
    assert look(database) == 1
    assert sends(database) == [
        ("email", "raised", "sent"), ("webhook", "raised", "dropped"), ("email", "over", "queued"),
    ]  # fmt: skip
    assert states(database) == [("disk-low", "over")]
    (over,) = taken(database)
    assert (over.phase, over.notice.facts) == ("over", {"free_bytes": 1})


def test_what_comes_and_goes_is_told_once(database: Database) -> None:
    look(database, LOW)
    for _ in range(3):
        assert look(database, settle_s=60) == 0
        assert look(database, LOW, settle_s=60) == 0
    look(database, settle_s=60)
    age(database, 61, "gone_at")
    taken(database)
    assert look(database, settle_s=60) == 1
    assert look(database, LOW) == 2  # a new one
    assert states(database) == [("disk-low", "over"), ("disk-low", "raised")]


def test_what_goes_on_is_told_again(database: Database) -> None:
    look(database, LOW, remind_s=3600)
    assert look(database, LOW, remind_s=3600) == 0
    age(database, 3601, "told_at")
    assert look(database, LOW, remind_s=3600) == 2
    assert look(database, LOW, remind_s=3600) == 0
    assert [phase for _, phase, _ in sends(database)] == ["raised"] * 2 + ["reminder"] * 2


def test_an_attempt_that_failed_is_made_again_later(database: Database) -> None:
    look(database, LOW)
    (claimed,) = take(database)
    assert take(database) == []  # another has it
    with database.begin() as session:
        assert notices.not_told(session, [claimed.id], "away", delay_s=0, give_up_s=99) == 0
    (again,) = take(database)
    assert (again.id, again.attempts, again.error) == (claimed.id, 2, "away")


def test_what_nobody_takes_for_long_is_given_up(database: Database) -> None:
    look(database, LOW)
    (claimed,) = take(database)
    with database.begin() as session:
        assert notices.not_told(session, [claimed.id], "away", delay_s=0, give_up_s=0) == 1
    assert take(database) == []
    assert sends(database)[0] == ("email", "raised", "failed")


def test_a_sender_that_died_leaves_its_notices_to_the_next(database: Database) -> None:
    look(database, LOW)
    assert len(take(database, lease_s=0.0)) == 1
    assert len(take(database)) == 1


def test_a_channel_gets_one_message_in_a_window(database: Database) -> None:
    look(database, LOW)
    taken(database)
    with database.begin() as session:
        known = notices.unfinished(session, EVENTS)
        notices.see(session, known, [Condition("disk-low", "b", {})] * 1, BOTH)
        notices.see(session, {}, [Condition("disk-low", "c", {})], BOTH)
    assert take(database, window_s=300) == []
    assert len(take(database)) == 2  # in one message


def test_what_waits_for_a_channel_that_is_gone_is_dropped(database: Database) -> None:
    look(database, LOW)
    with database.begin() as session:
        assert notices.drop_others(session, ["webhook"]) == 1
    assert sends(database) == [("email", "raised", "dropped"), ("webhook", "raised", "queued")]


def test_what_nobody_looks_for_any_more_is_over_and_untold(database: Database) -> None:
    look(database, LOW, Condition("destination-down", "pacs", {}))
    with database.begin() as session:
        assert notices.end_others(session, ["destination-down"]) == 1
        assert notices.end_others(session, ["destination-down"]) == 0
    assert dict(states(database)) == {"disk-low": "over", "destination-down": "raised"}
    assert [send.notice.event for send in take(database)] == ["destination-down"]


def test_the_database_keeps_a_condition_from_being_told_twice(database: Database) -> None:
    look(database, LOW)
    with pytest.raises(IntegrityError), database.begin() as session:
        notices.see(session, {}, [LOW], BOTH)
    assert len(sends(database)) == 2


def test_a_listing_shows_what_is_open(database: Database) -> None:
    look(database, LOW)
    look(database, Condition("disk-low", "other", {}))
    with database.read() as session:
        assert [row.key for row in notices.listing(session)] == ["other", ""]
        (row,) = notices.listing(session, open_only=True)
        assert row.key == "other"
        assert [send.channel for send in row.sends] == list(BOTH)
        moment: datetime = now(session)
        assert row.began_at <= moment
