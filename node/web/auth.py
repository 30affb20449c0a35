"""Logging in and out."""

import secrets
from http import HTTPStatus
from typing import Final

import structlog
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from node import passwords
from node.errors import ConfigError
from node.web import forms
from node.web.site import NONCE_COOKIE, Site, host_of, login_of, person_of, render, site_of
from storage import actions
from storage.actions import Person

logger = structlog.get_logger(__name__)

_WRONG: Final = "Name or password is wrong."
_NOBODY: Final = (
    "Nobody may log in yet. On the node's host, run `foramina web password --file FILE`, and let "
    "web.password_file in config.yaml name that file."
)


def page(request: Request) -> Response:
    """Show the form, with a nonce that belongs to this visitor alone."""
    request.state.nonce = request.cookies.get(NONCE_COOKIE) or secrets.token_urlsafe(24)
    known, problem = _known(site_of(request))
    message = problem or ("" if known else _NOBODY)
    answer = render(
        request, "login.html", message=message, next=_safe(request.query_params.get("next", ""))
    )
    _set(answer, site_of(request), NONCE_COOKIE, request.state.nonce)
    return answer


def log_in(request: Request, form: FormData) -> Response:
    """Check name and password; who fails too often has to wait."""
    site, host = site_of(request), host_of(request)
    name, password = forms.text(form, "name"), form.get("password", "")
    wait_s = site.throttle.begin(host, name)
    if wait_s:
        message = f"Too many wrong passwords. Try again in {int(wait_s) + 1} seconds."
        answer = _again(request, form, message, HTTPStatus.TOO_MANY_REQUESTS)
        answer.headers["Retry-After"] = str(int(wait_s) + 1)
        return answer
    known, problem = _known(site)
    right = isinstance(password, str) and passwords.verified(known, name, password)
    if right:
        site.throttle.succeeded(host, name)
    _record(site, Person(name if right else "", host), "log in", done=right)
    if not right:
        logger.warning("login failed", host=host)
        return _again(request, form, problem or _WRONG, HTTPStatus.FORBIDDEN)
    logger.info("login", person=name, host=host)
    answer = RedirectResponse(_safe(forms.text(form, "next")), HTTPStatus.SEE_OTHER)
    _set(answer, site, site.cookie, site.sessions.begin(name))
    return answer


def log_out(request: Request, _form: FormData) -> Response:
    """End the login, here and not only in the browser."""
    site = site_of(request)
    if login_of(request) is not None:
        _record(site, person_of(request), "log out", done=True)
    site.sessions.end(request.cookies.get(site.cookie, ""))
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(
        site.cookie, secure=site.config.web.behind_tls, httponly=True, samesite="strict"
    )
    return answer


def routes() -> list[Route]:
    """List the routes."""
    return [
        Route("/login", page, name="login"),
        forms.post("/login", log_in, "log-in"),
        forms.post("/logout", log_out, "log-out"),
    ]


def _known(site: Site) -> tuple[dict[str, str], str]:
    """Read who may log in, and what is wrong with that: the log says more than the page."""
    try:
        return passwords.hashes(site.config.web), ""
    except ConfigError as error:
        logger.error("passwords cannot be read", reason=str(error))
        return {}, "The passwords cannot be read; the node's log says why."


def _again(request: Request, form: FormData, message: str, status: HTTPStatus) -> Response:
    return render(
        request, "login.html", status, message=message, next=_safe(forms.text(form, "next"))
    )


def _safe(path: str) -> str:
    """Give a path of this site, whatever was asked for."""
    local = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if local and path.isprintable() else "/"


def _set(answer: Response, site: Site, name: str, value: str) -> None:
    answer.set_cookie(
        name, value, httponly=True, samesite="strict", secure=site.config.web.behind_tls, path="/"
    )


def _record(site: Site, person: Person, action: str, *, done: bool) -> None:
    """Keep who logged in; of a wrong login the name is left out: it may be a password."""
    with site.database.begin() as session:
        actions.record(session, person, action, done=done)
