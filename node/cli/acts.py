"""What administrators do to rows, from the command line: as on the web page, and kept as there."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from node.cli.output import NOT_FOUND, print_json

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.database import Database
    from storage.trail import Person

Act = Callable[["Session", "Person", int], str]
"""Does something to one row, and says what; RefusedError: it cannot be done."""

WhyOption = Annotated[str, typer.Option(help="Why; kept in the history and in the audit.")]
REFUSED: Final = 1
LARGEST_ID: Final = 2**31 - 1  # of any row: ids are INTEGER


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row; `id` is what was typed."""

    id: str
    done: bool
    said: str
    found: bool = True


def carry_out(
    path: Path,
    name: str,
    subject: str,
    typed: Iterable[str],
    act: Act,
    find: Callable[["Session", str], int | None],
    as_json: bool,
) -> None:
    """Do something to every row that is named, each in a transaction of its own; say each outcome.

    Raises:
        typer.Exit: with 3 if a row was not found, else with 1 if one was refused.
    """
    from node.cli.database import opened

    with opened(path) as database:
        outcomes = [_one(database, name, subject, each, act, find) for each in typed]
    if as_json:
        keys = ("id", "done", "said")
        print_json([{key: asdict(outcome)[key] for key in keys} for outcome in outcomes])
    for outcome in outcomes:
        if not as_json or not outcome.done:
            typer.echo(
                outcome.said if outcome.done else f"foramina: {outcome.said}", err=not outcome.done
            )
    if not all(outcome.found for outcome in outcomes):
        raise typer.Exit(NOT_FOUND)
    if not all(outcome.done for outcome in outcomes):
        raise typer.Exit(REFUSED)


def _one(
    database: "Database",
    name: str,
    subject: str,
    typed: str,
    act: Act,
    find: Callable[["Session", str], int | None],
) -> Outcome:
    from node.audit.start import operator
    from storage import actions
    from storage.actions import RefusedError

    person = operator()
    with database.read() as session:
        row_id = find(session, typed)
    if row_id is None:
        return Outcome(typed, False, f"there is no {subject} {typed}", found=False)
    try:
        with database.begin() as session:
            return Outcome(typed, True, act(session, person, row_id))
    except RefusedError as error:
        with database.begin() as session:
            actions.record(
                session, person, name, subject=subject, subject_id=row_id, done=False,
                detail=str(error),
            )  # fmt: skip
        return Outcome(typed, False, str(error))


def by_number(
    get: Callable[["Session", int], object | None],
) -> Callable[["Session", str], int | None]:
    """Find a row by its id."""

    def find(session: "Session", typed: str) -> int | None:
        number = int(typed)
        return number if number <= LARGEST_ID and get(session, number) is not None else None

    return find


def series_of(session: "Session", typed: str) -> int | None:
    """Find a series by its SeriesInstanceUID, or by its id as the web page shows it."""
    from storage import series

    if typed.isascii() and typed.isdecimal() and len(typed) < 20 and int(typed) <= LARGEST_ID:
        row = series.get(session, int(typed))
        if row is not None:
            return row.id
    found = series.by_uid(session, typed)
    return found.id if found is not None else None
