"""The clock of a prediction."""

import pytest

from model import clock as module
from model.clock import Clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the time, which stands still unless it is set."""
    time = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: time[0])
    return time


def test_the_time_of_a_step_that_comes_again_is_added_up(now: list[float]) -> None:
    clock = Clock()
    for took in (0.25, 0.5):
        with clock.step("fine"):
            now[0] += took
    with clock.step("levels"):
        now[0] += 2
    assert clock.seconds == {"fine": 0.75, "levels": 2.0}


def test_progress_is_told_from_beginning_to_end() -> None:
    told: list[tuple[str, float]] = []
    clock = Clock(lambda step, share: told.append((step, share)))
    with clock.step("network") as report:
        report(0.5)
    assert told == [("network", 0.0), ("network", 0.5), ("network", 1.0)]
