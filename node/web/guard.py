"""Who may pass: everything is closed but the login, static files and the signs of life."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from node.web.problems import problem
from node.web.security import from_elsewhere, is_local
from node.web.site import host_of, login_of, site_of

_OPEN: Final = frozenset({"/login", "/healthz", "/readyz"})
_METRICS: Final = "/metrics"
_STATIC: Final = "/static/"
_FORGED: Final = "Another site sent this form, so nothing was done."
_ENDED: Final = "Your login has ended, so nothing was done. Log in, and do it again."


class Guard:
    """Finds the login of a request, and sends away who has none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        site = site_of(request)
        polls = "hx-request" in request.headers  # an open page alone does not keep a login alive
        token = request.cookies.get(site.cookie, "")
        request.state.login = site.sessions.get(token, active=not polls) if token else None
        answer = None if _may_pass(request) else _sent_away(request)
        if from_elsewhere(request.method, request.headers):
            answer = problem(request, HTTPStatus.FORBIDDEN, _FORGED)
        await (answer or self._app)(scope, receive, send)


def _may_pass(request: Request) -> bool:
    path = request.url.path
    if login_of(request) is not None or path in _OPEN or path.startswith(_STATIC):
        return True
    if path != _METRICS:
        return False
    opened = site_of(request).config.web.open_metrics
    return opened or is_local(host_of(request), request.headers)


def _sent_away(request: Request) -> Response:
    """Answer as who asks understands it: a page, a fragment of one, a program, a form."""
    path = request.url.path
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/login"})
    if path.endswith((".json", ".csv", ".png", _METRICS)):
        return JSONResponse({"error": "log in first"}, HTTPStatus.UNAUTHORIZED)
    if request.method not in ("GET", "HEAD"):
        return problem(request, HTTPStatus.UNAUTHORIZED, _ENDED)
    wanted = path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?next={quote(wanted)}", HTTPStatus.SEE_OTHER)
