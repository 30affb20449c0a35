"""Logins end: by the clock, by idleness, by logging out; and there are only so many."""

import pytest

from node.settings import Web
from node.web import sessions
from node.web.sessions import Sessions


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that tests set."""
    now = [1000.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now[0])
    return now


def made() -> Sessions:
    return Sessions(Web(session_s=100, idle_s=30))


def test_a_login_ends_when_nothing_is_asked(clock: list[float]) -> None:
    logins = made()
    token = logins.begin("ann")
    clock[0] += 29
    found = logins.get(token)
    assert found is not None
    assert found.person == "ann"
    clock[0] += 29
    assert logins.get(token, active=False) is not None
    clock[0] += 2
    assert logins.get(token) is None


def test_a_login_ends_however_busy_it_is(clock: list[float]) -> None:
    logins = made()
    token = logins.begin("ann")
    for _ in range(10):
        clock[0] += 10
        assert logins.get(token) is not None
    clock[0] += 1
    assert logins.get(token) is None


def test_a_logout_ends_one_login_alone(clock: list[float]) -> None:
    logins = made()
    first, second = logins.begin("ann"), logins.begin("ann")
    logins.end(first)
    assert logins.get(first) is None
    assert logins.get(second) is not None
    assert logins.get("made up") is None


def test_the_oldest_login_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LIMIT", 2)
    logins = made()
    tokens = [logins.begin(name) for name in ("ann", "bob", "cy")]
    assert [logins.get(token) is not None for token in tokens] == [False, True, True]


def test_every_login_has_a_form_token_of_its_own() -> None:
    logins = made()
    found = [logins.get(logins.begin("ann")) for _ in range(2)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].form_token != found[1].form_token
    assert logins.form_token("a") == logins.form_token("a") != made().form_token("a")
