"""Wrong passwords cost time, more each time, and are forgotten at last."""

from concurrent.futures import ThreadPoolExecutor

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
        waits.append(tries.begin("h", "ann"))
        clock[0] += waits[-1]
        if waits[-1]:
            tries.begin("h", "ann")
    assert waits == [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    clock[0] += 901
    assert tries.begin("h", "ann") == 0


def test_a_try_counts_before_its_password_is_looked_at(clock: list[float]) -> None:
    """Whoever sends a hundred guesses at once gets five of them looked at."""
    tries = Throttle()
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda _: tries.begin("h", "ann"), range(100)))
    assert waits.count(0) == 5


def test_guesses_from_one_host_do_not_lock_a_person_out_elsewhere(clock: list[float]) -> None:
    tries = Throttle()
    for _ in range(5):
        tries.begin("here", "ann")
    assert tries.begin("here", "bob") == 30
    assert tries.begin("there", "ann") == 0


def test_guesses_of_one_person_from_many_hosts_have_to_wait(clock: list[float]) -> None:
    tries = Throttle()
    for number in range(20):
        tries.begin(f"host {number}", "ann")
    assert tries.begin("another", "ann") == 30
    assert tries.begin("another", "bob") == 0


def test_a_right_password_makes_up_for_wrong_ones(clock: list[float]) -> None:
    tries = Throttle()
    for _ in range(5):
        tries.begin("h", "ann")
    tries.succeeded("h", "ann")
    assert tries.begin("h", "ann") == 0


def test_what_is_remembered_has_a_limit(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "LIMIT", 10)
    tries = Throttle()
    for number in range(100):
        tries.begin(f"host {number}", f"name {number}")
    assert len(tries._failures) <= 12
    clock[0] += throttle.FORGOTTEN_S + 1
    tries.begin("h", "ann")
    assert len(tries._failures) == 2
