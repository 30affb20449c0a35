"""The web page as one application: routes, in front of them the guards."""

from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from node.web import (
    audit,
    auth,
    configuration,
    deliveries,
    jobs,
    notices,
    overview,
    results,
    rules,
    series,
    vital,
)
from node.web.guard import Guard
from node.web.problems import HANDLERS
from node.web.security import BodyLimit, SecurityHeaders
from node.web.site import Site

_STATIC: Final = Path(__file__).parent / "static"
_PAGES: Final = (
    auth, overview, series, jobs, deliveries, notices, results, rules, configuration, audit, vital,
)  # fmt: skip


def build(site: Site) -> Starlette:
    """Make the application."""
    app = Starlette(
        routes=[
            *(route for page in _PAGES for route in page.routes()),
            Mount("/static", StaticFiles(directory=_STATIC), name="static"),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(BodyLimit), Middleware(Guard)],
        exception_handlers=HANDLERS,
    )
    app.state.site = site
    return app
