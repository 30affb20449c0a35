"""Wrong passwords cost time, more each time, and are forgotten at last."""

import pytest

from node.web import throttle
from node.web.throttle import Throttle


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(throttle.time, "monotonic", lambda: now[0])
    return now


def test_waiting_doubles_up_to_a_limit(clock: list[float]) -> None:
    tries = Throttle()
    waits = []
    for _ in range(12):
        tries.failed("h", "ann")
        waits.append(tries.wait_s("h", "ann"))
    assert waits[:8] == [0, 0, 0, 0, 30, 60, 120, 240]
    assert waits[-1] == 900
    clock[0] += 901
    assert tries.wait_s("h", "ann") == 0


def test_guesses_from_one_host_do_not_lock_a_person_out_elsewhere(clock: list[float]) -> None:
    tries = Throttle()
    for _ in range(6):
        tries.failed("here", "ann")
    assert tries.wait_s("here", "bob") == 60
    assert tries.wait_s("there", "ann") == 0


def test_guesses_of_one_person_from_many_hosts_have_to_wait(clock: list[float]) -> None:
    tries = Throttle()
    for number in range(20):
        tries.failed(f"host {number}", "ann")
    assert tries.wait_s("another", "ann") == 30
    assert tries.wait_s("another", "bob") == 0


def test_a_right_password_makes_up_for_wrong_ones(clock: list[float]) -> None:
    tries = Throttle()
    for _ in range(5):
        tries.failed("h", "ann")
    tries.succeeded("h", "ann")
    assert tries.wait_s("h", "ann") == 0


def test_what_is_remembered_has_a_limit(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "LIMIT", 10)
    tries = Throttle()
    for number in range(100):
        tries.failed(f"host {number}", f"name {number}")
    assert len(tries._failures) <= 12
    clock[0] += throttle.FORGOTTEN_S + 1
    tries.failed("h", "ann")
    assert len(tries._failures) == 2
