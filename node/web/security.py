"""What holds for every request: its size, where it comes from, and what a browser may do with us.

OWASP Secure Headers Project; content security policy without inline scripts and styles.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES: Final = 256 << 20
MAX_FORM_BYTES: Final = 1 << 20
"""Of a form without files: whoever sends one is not logged in yet, and it is held in memory."""
MAX_BODY_S: Final = 600.0
MAX_FORM_S: Final = 30.0
"""A body must be there after so long: who sends it slowly holds a connection."""
_TAKES_FILES: Final = "/rules"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK: Final = ("127.", "::1")
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer, browsers send our own forms with `Origin: null` (Fetch, section 3.2).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def put_headers(headers: MutableHeaders, path: str) -> None:
    """Add to an answer what holds for all of them."""
    for name, value in _HEADERS.items():
        headers[name] = value
    headers["Cache-Control"] = "max-age=3600" if path.startswith("/static/") else "no-store"


class SecurityHeaders:
    """Puts the headers on every answer; nothing but static files is kept by a browser."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with its headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                put_headers(MutableHeaders(scope=message), scope["path"])
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class TooLargeError(Exception):
    """A request is larger than anything that is asked of the page; the message is the limit."""


class TooSlowError(Exception):
    """The body of a request did not come in time; the message is the limit."""


class BodyLimit:
    """Ends the reading of a body that is too long or comes too slowly, whatever its header says."""

    def __init__(
        self, app: ASGIApp, limit: int = MAX_BODY_BYTES, form_s: float = MAX_FORM_S
    ) -> None:
        self._app = app
        self._limit = limit
        self._form_s = form_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count what is read of it."""
        files = scope.get("path") == _TAKES_FILES
        limit = left = self._limit if files else min(self._limit, MAX_FORM_BYTES)
        limit_s = MAX_BODY_S if files else self._form_s
        deadline = asyncio.get_running_loop().time() + limit_s
        whole = False

        async def counted() -> Message:
            nonlocal left, whole
            try:
                # After the body comes, at some time, that the client has gone.
                async with asyncio.timeout_at(None if whole else deadline):
                    message = await receive()
            except TimeoutError as error:
                raise TooSlowError(f"{limit_s:g} seconds") from error
            whole = not message.get("more_body", False)
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLargeError(f"{limit >> 20} MiB")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


def from_elsewhere(method: str, headers: Headers) -> bool:
    """Tell whether another site's page made a browser send a request that changes something."""
    if method in SAFE_METHODS:
        return False
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc != headers.get("host")
        except ValueError:
            return True  # no browser sends an origin that is no URL
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def is_local(host: str, headers: Headers) -> bool:
    """Tell whether a request comes from this host itself, and not through a proxy on it."""
    passed_on = any(name in headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
    return host.startswith(_LOOPBACK) and not passed_on
