"""What a person reads when something goes wrong: a sentence, never a stack trace."""

from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from node.web.security import TooLargeError, TooSlowError, put_headers
from node.web.site import render

logger = structlog.get_logger(__name__)

_NOT_FOUND: Final = "There is no such page, or no row of that number."
_DATABASE: Final = (
    "The database does not answer, so nothing was done. It may be busy, full or gone: look into "
    "the node's log, then try again."
)
_UNEXPECTED: Final = (
    "Something went wrong that should not have. The node's log has the details; images are "
    "received and reports are sent all the same."
)


def problem(request: Request, status: HTTPStatus, message: str) -> Response:
    """Say what is wrong, as a page or to a program."""
    if request.url.path.endswith((".json", ".csv", ".png")):
        return JSONResponse({"error": message}, status)
    return render(request, "problem.html", status, title=status.phrase, message=message)


def _of_http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    message = _NOT_FOUND if status == HTTPStatus.NOT_FOUND else error.detail
    return problem(request, status, message)


def _of_database(request: Request, error: Exception) -> Response:
    logger.error("database not usable", page=request.url.path, error=type(error).__name__)
    answer = problem(request, HTTPStatus.SERVICE_UNAVAILABLE, _DATABASE)
    answer.headers["Retry-After"] = "10"
    return answer


def _of_size(request: Request, error: Exception) -> Response:
    said = f"More than {error} were sent, so nothing was done."
    return problem(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, said)


def _of_slowness(request: Request, error: Exception) -> Response:
    said = f"The form was not there within {error}, so nothing was done."
    answer = problem(request, HTTPStatus.REQUEST_TIMEOUT, said)
    answer.headers["Connection"] = "close"
    return answer


def _unexpected(request: Request, _error: Exception) -> Response:
    """Answer; the error itself goes on to the server, which logs it with its traceback."""
    answer = problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, _UNEXPECTED)
    put_headers(answer.headers, request.url.path)  # Starlette answers this outside of all else
    return answer


HANDLERS: Final[dict[int | type[Exception], ExceptionHandler]] = {
    HTTPException: _of_http,
    SQLAlchemyError: _of_database,
    TooLargeError: _of_size,
    TooSlowError: _of_slowness,
    Exception: _unexpected,
}
