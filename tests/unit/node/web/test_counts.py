"""Figures are counted once for all who look, and anew when they are old."""

import threading

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from node.web import counts
from node.web.counts import Counts
from node.web.site import Site
from storage.database import Database
from storage.figures import Figures
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


def test_who_cannot_wait_gets_what_there_is(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    count = counts.figures.figures

    def slowly(session: Session) -> Figures:
        assert going_on.wait(30)
        return count(session)

    monkeypatch.setattr(counts.figures, "figures", slowly)
    found = Counts(sqlite_database, patience_s=0.05)
    assert found.soon() == (None, True)
    going_on.set()
    first = found.get()
    assert found.soon() == (first, False)
    going_on.clear()
    found._until = 0.0
    assert found.soon() == (first, True)
    going_on.set()
    assert found.get().at > first.at


def test_a_database_that_was_away_is_asked_again(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_session: Session) -> Figures:
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    found = Counts(sqlite_database, patience_s=60)
    with monkeypatch.context() as broken:
        broken.setattr(counts.figures, "figures", away)
        with pytest.raises(OperationalError):
            found.get()
        with pytest.raises(OperationalError):
            found.soon()
    assert found.soon()[1] is False


def test_the_page_says_that_it_counts(client: TestClient, site: Site) -> None:
    site.counts._counted().result()
    old = site.counts._figures
    site.counts.soon = lambda: (None, True)  # type: ignore[method-assign]
    text = client.get("/").text
    assert "being counted" in text
    assert "load delay:1s" in text
    assert "free on the disk" in text
    site.counts.soon = lambda: (old, True)  # type: ignore[method-assign]
    text = client.get("/").text
    assert "these are the numbers of" in text
    assert "jobs queued" in text
