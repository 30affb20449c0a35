"""Acts on many rows at once: each in a transaction of its own, each with its own outcome."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from node.web import forms
from node.web.site import person_of, render, site_of
from storage import actions
from storage.actions import Person, RefusedError

Act = Callable[[Session, Person, int], str]
"""Does something to one row, and says what; RefusedError: it cannot be done."""

MOST: Final = 500
_AWAY: Final = (
    "not done: the database did not answer; it may be busy, full or gone: try again later"
)
_NOT_TRIED: Final = "not tried: the database did not answer"

logger = structlog.get_logger(__name__)


def carry_out(request: Request, form: FormData, subject: str, acts: Mapping[str, Act]) -> Response:
    """Do what a form asks for to every row that it names, and show each outcome.

    What was done stays done when the database goes away in the middle, and the page says so.

    Raises:
        HTTPException: the form asks for nothing that is known, or names no rows, or too many.
        sqlalchemy.exc.SQLAlchemyError: the database was away at the first row: nothing was done.
    """
    name, ids = forms.text(form, "action"), forms.ids(form)
    act = acts.get(name)
    if act is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form asks for nothing that can be done.")
    if not 1 <= len(ids) <= MOST:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST,
            f"{len(ids)} rows are chosen: choose 1 to {MOST}, then repeat it.",
        )
    outcomes = [_one(request, subject, name, act, ids[0])]
    for number, each in enumerate(ids[1:], start=1):
        try:
            outcomes.append(_one(request, subject, name, act, each))
        except SQLAlchemyError as error:
            logger.error("database not usable", act=name, error=type(error).__name__)
            outcomes.append((each, False, _AWAY))
            outcomes += [(other, False, _NOT_TRIED) for other in ids[number + 1 :]]
            break
    return render(
        request,
        "outcomes.html",
        action=name.replace("-", " "),
        outcomes=outcomes,
        done=sum(done for _, done, _ in outcomes),
        back=f"/{_PLURAL[subject]}",
        one=f"/{_PLURAL[subject]}/{ids[0]}" if len(ids) == 1 and subject != "delivery" else "",
    )


_PLURAL: Final = {"series": "series", "job": "jobs", "delivery": "deliveries"}


def _one(request: Request, subject: str, name: str, act: Act, row_id: int) -> tuple[int, bool, str]:
    """Act on one row; what is refused is kept too, in a transaction without the act."""
    database, person = site_of(request).database, person_of(request)
    try:
        with database.begin() as session:
            return row_id, True, act(session, person, row_id)
    except RefusedError as error:
        with database.begin() as session:
            actions.record(
                session,
                person,
                name.replace("-", " "),
                subject=subject,
                subject_id=row_id,
                done=False,
                detail=str(error),
            )
        return row_id, False, str(error)
