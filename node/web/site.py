"""What the pages share: configuration, database, logins, and the templates."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jinja2
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

import node
from model.bundle import ModelBundle
from node.config import Config
from node.filters import FilterSet
from node.web.counts import Counts
from node.web.peers import PeerStates
from node.web.pictures import Pictures
from node.web.readiness import Readiness
from node.web.sessions import Login, Sessions
from node.web.throttle import Throttle
from storage.actions import Person
from storage.database import Database

NONCE_COOKIE: Final = "foramina_form"
_LARGEST_ID: Final = 2**31 - 1
_TEMPLATES: Final = Path(__file__).parent / "templates"


class _NumberConvertor(IntegerConvertor):
    """A number in a path; Python reads no integer of more than 4300 digits."""

    regex = "[0-9]{1,20}"


register_url_convertor("number", _NumberConvertor())


class Site:
    """The parts that the pages use; one per process."""

    def __init__(
        self,
        config: Config,
        database: Database,
        bundle: ModelBundle,
        filter_sets: Mapping[str, FilterSet],
    ) -> None:
        self.config = config
        self.database = database
        self.bundle = bundle
        self.filter_sets = filter_sets
        self.sessions = Sessions(config.web)
        self.throttle = Throttle()
        self.counts = Counts(database)
        self.peers = PeerStates(config)
        self.readiness = Readiness(config)
        self.pictures = Pictures(config.storage.folder)
        self.templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters |= {"when": _when, "span": _span}

    @property
    def cookie(self) -> str:
        """Name the cookie of a login; browsers send `__Host-` cookies over TLS alone."""
        return "__Host-foramina" if self.config.web.behind_tls else "foramina"

    @property
    def reachable(self) -> set[str]:
        """Name the destinations to which something can be sent."""
        return {each.name for each in self.config.destinations if not each.shadow}


def site_of(request: Request) -> Site:
    """Give the site that a request was made to."""
    site: Site = request.app.state.site
    return site


def login_of(request: Request) -> Login | None:
    """Give the login that a request belongs to, or None."""
    login: Login | None = getattr(request.state, "login", None)
    return login


def host_of(request: Request) -> str:
    """Give the address that a request came from."""
    return request.client.host if request.client else ""


def row_id(request: Request, name: str) -> int:
    """Give the row number in a path.

    Raises:
        HTTPException: no row can have it.
    """
    number: int = request.path_params[name]
    if number > _LARGEST_ID:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return number


def person_of(request: Request) -> Person:
    """Say who asks."""
    login = login_of(request)
    return Person(login.person if login else "", host_of(request))


def form_token(request: Request) -> str:
    """Give the token that a form of this visitor has to carry; empty: none fits."""
    login = login_of(request)
    if login is not None:
        return login.form_token
    nonce = getattr(request.state, "nonce", "") or request.cookies.get(NONCE_COOKIE, "")
    return site_of(request).sessions.form_token(nonce) if nonce else ""


def render(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Fill in a template; every value is escaped."""
    site = site_of(request)
    login = login_of(request)
    text = site.templates.get_template(template).render(
        context,
        person=login.person if login else "",
        form_token=form_token(request),
        path=request.url.path,
        ae_title=site.config.node.ae_title,
        version=node.__version__,
    )
    return HTMLResponse(text, status)


def _when(moment: datetime | None) -> str:
    """Write a point in time as people here read it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _span(seconds: float) -> str:
    """Write a length of time in the unit that fits."""
    for limit, unit_s, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
