"""Forms: a route that changes something sees only forms that we gave to this very visitor."""

import hmac
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.web.site import form_token

MAX_FILES: Final = 500
MAX_FIELDS: Final = 600
Answer = Callable[[Request, FormData], Response]


def post(path: str, answer: Answer, name: str) -> Route:
    """Make the route of a form; `answer` runs in a thread, once the form's token is checked."""

    async def checked(request: Request) -> Response:
        async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS) as form:
            expected, received = form_token(request), form.get("form_token")
            if not (
                expected
                and isinstance(received, str)
                and hmac.compare_digest(expected.encode(), received.encode())
            ):
                raise HTTPException(
                    HTTPStatus.FORBIDDEN,
                    "This form is out of date, so nothing was done. Open its page again, and "
                    "repeat it.",
                )
            return await run_in_threadpool(answer, request, form)

    return Route(path, checked, methods=["POST"], name=name)


def text(form: FormData, name: str, default: str = "") -> str:
    """Give a field as text without NUL, which databases refuse; a file in its place is nothing."""
    value = form.get(name, default)
    return value.replace("\0", "").strip() if isinstance(value, str) else default


def ids(form: FormData, name: str = "id") -> list[int]:
    """Give the row ids that a form names, each once.

    Raises:
        HTTPException: one is no id.
    """
    found = [value for value in form.getlist(name) if isinstance(value, str)]
    if not all(value.isascii() and value.isdecimal() and len(value) < 10 for value in found):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form names rows that cannot exist.")
    return list(dict.fromkeys(map(int, found)))
