"""What commands print: tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
NOT_FOUND = 3


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def row(record: Any, *fields: str) -> dict[str, Any]:
    """Take the named columns of a database row."""
    return {field: getattr(record, field) for field in fields}


def print_json(data: Any) -> None:
    """Print indented JSON on standard output."""
    typer.echo(json.dumps(data, indent=2, default=_plain))


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table; nothing is cut off when the output is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for record in rows:
        table.add_row(*(Text(_cell(record.get(column))) for column in columns))
    console = Console()
    if not console.is_terminal:
        console.width = 240
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print a listing in the form that was asked for."""
    if as_json:
        print_json(rows)
    elif rows:
        print_table(rows, columns)
    else:
        typer.echo("none")


def print_history(events: Iterable[Any]) -> None:
    """Print an append-only history, one line an event."""
    for event in events:
        at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        typer.echo(f"  {at}  {event.kind:<12} {event.detail}".rstrip())


def missing(what: str) -> typer.Exit:
    """Say that there is no such row; exit status 3."""
    typer.echo(f"foramina: {what}", err=True)
    return typer.Exit(NOT_FOUND)
