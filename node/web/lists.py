"""Lists of one kind of row: as a page, as CSV, as JSON; filtered and paged alike."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final, Generic
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from node.web.site import person_of, render, site_of
from storage import actions
from storage.listing import Listing, Page, Row, chunks
from storage.listing import page as read_page

ROWS: Final = 50
MOST: Final = 1000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Noun(Generic[Row]):
    """A kind of row, and how a list of it is asked for and written.

    Attributes:
        name: as in paths: `series`.
        fields: what one may filter by.
        columns: of CSV and JSON.
        listing: the list that filled-in fields ask for; ValueError: they cannot be understood.
        choices: what the page's form offers.
    """

    name: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    listing: Callable[[Mapping[str, str]], Listing[Row]]
    record: Callable[[Row], dict[str, Any]]
    choices: Callable[[Request], dict[str, Any]] = lambda _request: {}

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route(f"/{self.name}", self.page, name=self.name),
            Route(f"/{self.name}.csv", self.csv, name=f"{self.name}-csv"),
            Route(f"/{self.name}.json", self.json, name=f"{self.name}-json"),
        ]

    def page(self, request: Request) -> Response:
        """Show one page of the list."""
        wanted, found = self._read(request, ROWS)
        query = {name: value for name, value in wanted.items() if value}
        return render(
            request,
            f"{self.name}.html",
            rows=found.rows,
            wanted=wanted,
            query=urlencode(query),
            older=urlencode({**query, "after": found.next}) if found.next else "",
            first=not request.query_params.get("after"),
            **self.choices(request),
        )

    def json(self, request: Request) -> Response:
        """Give one page of the list to a program: `rows`, and `next` for `after`, or null."""
        limit = _limit(request.query_params)
        _, found = self._read(request, limit)
        self._note(request, "json")
        rows = [_written(self.record(row), self.columns) for row in found.rows]
        return JSONResponse({"rows": rows, "next": found.next or None})

    def csv(self, request: Request) -> Response:
        """Give the whole list, however long, as it is read."""
        wanted = self._wanted(request)
        asked = _understood(self.listing, wanted)
        self._note(request, "csv")
        headers = {"Content-Disposition": f'attachment; filename="{self.name}.csv"'}
        return StreamingResponse(
            self._lines(request, asked), media_type="text/csv; charset=utf-8", headers=headers
        )

    def _lines(self, request: Request, asked: Listing[Row]) -> Iterator[str]:
        yield _csv_line(self.columns)
        for chunk in chunks(site_of(request).database, asked):
            records = (_written(self.record(row), self.columns) for row in chunk)
            yield "".join(_csv_line(record.values()) for record in records)

    def _read(self, request: Request, limit: int) -> tuple[dict[str, str], Page[Row]]:
        wanted = self._wanted(request)
        asked = _understood(self.listing, wanted)
        try:
            with site_of(request).database.read() as session:
                after = request.query_params.get("after", "")
                return wanted, read_page(session, asked, limit, after)
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error

    def _wanted(self, request: Request) -> dict[str, str]:
        given = request.query_params
        # PostgreSQL knows no text with NUL; what was received is kept without it, too.
        return {name: given.get(name, "").replace("\0", "").strip()[:255] for name in self.fields}

    def _note(self, request: Request, form: str) -> None:
        """Keep who took a list away, for patient data leaves with it."""
        with site_of(request).database.begin() as session:
            actions.record(session, person_of(request), "export", detail=f"{self.name}.{form}")


def chosen(wanted: Mapping[str, str], name: str, choices: type[Any]) -> str:
    """Give a field that is empty or one of an enumeration's values.

    Raises:
        ValueError: it is neither.
    """
    value = wanted[name]
    known = [each.value for each in choices]
    if value and value not in known:
        raise ValueError(f"{name} {value[:40]!r}: expected one of {', '.join(known)}")
    return value


def moment(wanted: Mapping[str, str], name: str, *, days: int = 0) -> datetime | None:
    """Give the beginning of a day of this host's calendar, or of one `days` later; None: any.

    Raises:
        ValueError: the field holds no day.
    """
    if not wanted[name]:
        return None
    try:
        day = date.fromisoformat(wanted[name]) + timedelta(days=days)
        return datetime.combine(day, time.min).astimezone()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} {wanted[name][:40]!r}: expected a day such as 2026-01-31"
        ) from error


def number(wanted: Mapping[str, str], name: str) -> int | None:
    """Give a row id, None when the field is empty.

    Raises:
        ValueError: it is none.
    """
    value = wanted[name]
    if value and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise ValueError(f"{name} {value[:40]!r}: expected a whole number")
    return int(value) if value else None


def _understood(
    make: Callable[[Mapping[str, str]], Listing[Row]], wanted: Mapping[str, str]
) -> Listing[Row]:
    try:
        return make(wanted)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from error


def _limit(given: QueryParams) -> int:
    text = given.get("limit", str(ROWS))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST):
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"limit {text[:40]!r}: expected 1 to {MOST}; page with after"
        )
    return int(text)


def _written(record: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value := record[name], datetime) else value
        for name in columns
    }


def _csv_line(values: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Write a value so that no spreadsheet takes it for a formula (OWASP, CSV injection)."""
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
