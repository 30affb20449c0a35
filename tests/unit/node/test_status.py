"""Statuses of a C-STORE response."""

import errno

import pytest
from sqlalchemy import exc

from node import status
from node.status import Outcome


def test_every_code_belongs_to_one_row() -> None:
    for code in range(0x10000):
        assert sum(code in row for row in status.STATUSES) <= 1


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0x0000, Outcome.STORED),
        (0xB000, Outcome.STORED),
        (0xB007, Outcome.STORED),
        (0x0111, Outcome.STORED),
        (0xA700, Outcome.RETRY_LATER),
        (0xA7FF, Outcome.RETRY_LATER),
        (0x0110, Outcome.RETRY_LATER),
        (0x0124, Outcome.RETRY_LATER),
        (0x4711, Outcome.RETRY_LATER),
        (0xA900, Outcome.REFUSED),
        (0xC000, Outcome.REFUSED),
        (0xCFFF, Outcome.REFUSED),
        (0x0122, Outcome.REFUSED),
    ],
)
def test_a_peers_status_is_classified(code: int, outcome: Outcome) -> None:
    assert status.classify(code).outcome is outcome


def test_description_names_code_meaning_clause_and_remedy() -> None:
    sentence = status.describe(0xA700)
    assert sentence == (
        "status 0xA700 (Refused: Out of resources, PS3.4 table B.2-1, PS3.7 C.5.5): the peer has "
        "no room or no database; free space there"
    )


def _database_error(kind: type[exc.DBAPIError]) -> exc.DBAPIError:
    statement = "INSERT INTO instances VALUES (?)"
    return kind(statement, ("Doe^John",), Exception("database is locked"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), status.OUT_OF_RESOURCES),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), status.OUT_OF_RESOURCES),
        (OSError(errno.EIO, "Input/output error"), status.OUT_OF_RESOURCES),
        (MemoryError(), status.OUT_OF_RESOURCES),
        (exc.TimeoutError("no connection left"), status.OUT_OF_RESOURCES),
        (_database_error(exc.OperationalError), status.OUT_OF_RESOURCES),
        (_database_error(exc.ProgrammingError), status.PROCESSING_FAILURE),
        (ValueError("UID"), status.CANNOT_UNDERSTAND),
        (KeyError("a bug"), status.PROCESSING_FAILURE),
        (
            status.InstanceRefusedError(status.DATA_SET_MISMATCH, "differs"),
            status.DATA_SET_MISMATCH,
        ),
    ],
)
def test_an_exception_becomes_a_status(error: Exception, expected: status.Status) -> None:
    assert status.of_error(error) is expected
    assert expected in status.GIVEN


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        _database_error(exc.OperationalError),
        _database_error(exc.ProgrammingError),
        ValueError("PatientName Doe^John"),
        status.InstanceRefusedError(status.CANNOT_UNDERSTAND, "é\\" * 60),
    ],
)
def test_comment_fits_its_value_representation_and_names_no_patient(error: Exception) -> None:
    comment = status.comment(error)
    assert 0 < len(comment) <= 64
    assert comment.isascii()
    assert comment.isprintable()
    assert "\\" not in comment
    assert "Doe" not in comment


def test_reason_repeats_what_the_system_says() -> None:
    assert status.reason(OSError(errno.ENOSPC, "No space left")) == "storage: No space left"
    assert status.reason(_database_error(exc.OperationalError)) == "database: database is locked"


def test_origin_names_places_and_no_values() -> None:
    def fails() -> None:
        raise ValueError("Doe^John")

    with pytest.raises(ValueError, match="Doe") as caught:
        fails()
    [*_, last] = status.origin(caught.value)
    assert last.startswith("test_status.py:")
    assert last.endswith(" fails")
