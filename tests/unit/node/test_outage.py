"""What is away is told once, and once that it is back."""

from typing import Any

import pytest
import structlog
from sqlalchemy.exc import OperationalError, ProgrammingError

from node import outage
from node.outage import Outage

LOCKED = OperationalError("SELECT 'Planted^Name'", {}, Exception("database is\nlocked"))


@pytest.fixture
def logged() -> Any:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def one(logged: list[Any]) -> Outage:
    return outage.of_database(structlog.get_logger("node.test"))


def test_an_outage_is_told_once_in_a_plain_line(one: Outage, logged: list[Any]) -> None:
    one.over()
    for _ in range(3):
        one.began(LOCKED)
        assert one.lasts
    for _ in range(2):
        one.over()
        assert not one.lasts
    assert logged == [
        {
            "event": "database not usable",
            "reason": "database: database is locked",
            "log_level": "error",
        },
        {"event": "database usable again", "log_level": "info"},
    ]


def test_each_outage_is_told(one: Outage, logged: list[Any]) -> None:
    for _ in range(2):
        one.began(LOCKED)
        one.over()
    assert [line["event"] for line in logged].count("database not usable") == 2


def test_what_waiting_does_not_mend_has_its_trace(one: Outage, logged: list[Any]) -> None:
    error = ProgrammingError("SELECT", {}, Exception("no such column"))
    one.began(error)
    one.began(error)
    [line] = logged
    assert line["error"] == "ProgrammingError"
    assert line["exc_info"] is error
