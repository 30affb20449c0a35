"""`foramina audit`: the trail of receptions, exports, logins, acts and starts."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from node.cli.acts import LARGEST_ID
from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.database import LimitOption, opened
from node.cli.output import JsonOption, print_rows, row

if TYPE_CHECKING:
    from storage.database import Database
    from storage.listing import ActionListing
    from storage.tables import Action

COLUMNS: Final = (
    "id", "at", "person", "host", "action", "subject", "subject_id", "done", "detail",
)  # fmt: skip
PersonOption = Annotated[str, typer.Option(help="Only what this person, or AE title, did.")]
SubjectOption = Annotated[
    Literal["", "series", "job", "delivery"], typer.Option(help="Only what was done to these.")
]
NumberOption = Annotated[
    int | None, typer.Option("--id", max=LARGEST_ID, help="Only to the one with this id.")
]
app = typer.Typer(help="The audit trail, which can only be added to.", no_args_is_help=True)


@app.command("list")
def list_(
    path: ConfigOption = DEFAULT_PATH,
    person: PersonOption = "",
    subject: SubjectOption = "",
    subject_id: NumberOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List what was done, newest first; that it was read is added to the trail."""
    from storage import listing

    asked = _listing(person, subject, subject_id)
    with opened(path) as database:
        _note(database, f"list of {limit}")
        with database.read() as session:
            found = listing.page(session, asked, limit).rows
    rows = [row(each, *COLUMNS, *(("facts",) if as_json else ())) for each in found]
    print_rows(rows, COLUMNS, as_json)


@app.command()
def export(
    path: ConfigOption = DEFAULT_PATH,
    out: Annotated[
        Path | None, typer.Option(help="A file that does not exist; by default standard output.")
    ] = None,
    form: Annotated[
        Literal["json", "csv", "dicom"],
        typer.Option(
            "--format", help="json: an object a line; dicom: an audit message (XML) a line."
        ),
    ] = "json",
    person: PersonOption = "",
    subject: SubjectOption = "",
    subject_id: NumberOption = None,
) -> None:
    """Write the whole trail, newest first, however long; that it was is added to the trail."""
    from node.errors import ForaminaError

    asked = _listing(person, subject, subject_id)
    with opened(path) as database:
        _note(database, f"export as {form}")
        lines = _lines(database, asked, form, path)
        if out is None:
            sys.stdout.writelines(lines)
            return
        try:
            with out.open("x", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise ForaminaError(f"cannot write {out}: {error.strerror}; name another") from error


def _listing(person: str, subject: str, subject_id: int | None) -> "ActionListing":
    from storage.listing import ActionFilter, ActionListing

    return ActionListing(ActionFilter(person=person, subject=subject, subject_id=subject_id))


def _note(database: "Database", detail: str) -> None:
    from node.audit.message import READ
    from node.audit.start import operator
    from storage import trail

    with database.begin() as session:
        trail.record(session, operator(), READ, detail=detail)


def _lines(database: "Database", asked: "ActionListing", form: str, path: Path) -> Iterator[str]:
    from storage.listing import chunks

    if form == "csv":
        yield _csv_line(COLUMNS)
    for chunk in chunks(database, asked):
        if form == "dicom":
            yield from _messages(database, chunk, path)
            continue
        for action in chunk:
            values = row(action, *COLUMNS, "facts")
            values["at"] = action.at.isoformat()
            yield (
                _csv_line([values[name] for name in COLUMNS])
                if form == "csv"
                else (json.dumps(values, ensure_ascii=False) + "\n")
            )


def _messages(database: "Database", chunk: "Iterable[Action]", path: Path) -> Iterator[str]:
    from node.audit import message
    from node.audit.start import source
    from storage import subjects

    reporter = source(configured(path))
    actions = list(chunk)
    with database.read() as session:
        found = subjects.of_actions(session, actions)
    for action in actions:
        written = message.write(action, found.get(action.id), reporter).decode()
        yield written.replace("\r", "&#13;").replace("\n", "&#10;") + "\n"


def _csv_line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(
        # No spreadsheet may take a cell for a formula (OWASP, CSV injection).
        [f"'{each}" if isinstance(each, str) and each[:1] in tuple("=+-@\t\r") else each
         for each in values]
    )  # fmt: skip
    return out.getvalue()
