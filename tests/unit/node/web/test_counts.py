"""Figures are counted once for all who look, and anew when they are old."""

import pytest

from node.web import counts
from node.web.counts import Counts
from storage.database import Database
from tests.rows import add_job


def test_figures_are_kept_for_a_moment_and_longer_when_they_cost_much(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    cost = [0.0]

    def read_the_clock() -> float:
        clock[0] += cost[0]
        return clock[0]

    monkeypatch.setattr(counts.time, "monotonic", read_the_clock)
    found = Counts(sqlite_database)
    assert found.get().jobs["queued"] == 0
    with sqlite_database.begin() as session:
        add_job(session, 1)
    assert found.get().jobs["queued"] == 0
    clock[0] += 6
    cost[0] = 3.0  # counting takes three seconds from now on
    assert found.get().jobs["queued"] == 1
    cost[0] = 0.0
    with sqlite_database.begin() as session:
        add_job(session, 2)
    clock[0] += 59
    assert found.get().jobs["queued"] == 1
    clock[0] += 2
    assert found.get().jobs["queued"] == 2
