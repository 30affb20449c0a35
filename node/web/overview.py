"""The first page: how much stands where, and what needs a person."""

import shutil
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.web.site import Site, render, site_of
from storage.tables import DeliveryState


def page(request: Request) -> Response:
    """Show the figures; the page asks for them again by itself."""
    site = site_of(request)
    found, counting = site.counts.soon()
    return render(
        request,
        "overview.html",
        figures=found,
        counting=counting,
        delivered={state: found.delivered(state) for state in DeliveryState} if found else {},
        bundle=site.bundle,
        filter_set=site.config.filter_set,
        disk=disk(site),
    )


def peers(request: Request) -> Response:
    """Show whether the destinations answer; a fragment, for it may take seconds."""
    return render(request, "peers.html", peers=site_of(request).peers.ask())


def disk(site: Site) -> dict[str, Any]:
    """Say how full the disk of the storage folder is; `error` when that cannot be told."""
    try:
        usage = shutil.disk_usage(site.config.storage.folder)
    except OSError as error:
        return {"error": error.strerror or type(error).__name__}
    return {"free": usage.free, "total": usage.total, "percent": 100 * usage.free / usage.total}


def routes() -> list[Route]:
    """List the routes."""
    return [Route("/", page, name="overview"), Route("/peers", peers, name="peers")]
