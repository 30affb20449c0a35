"""Notices: what needs a person, since when, and who was told of it."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from node.notices.event import Event
from node.notices.message import Item, Templates
from node.web import lists
from node.web.site import site_of
from storage.listing import NoticeFilter, NoticeListing
from storage.states import NoticeState, Phase
from storage.tables import Notice

_OWN: Final = ("id", "event", "key", "state", "began_at", "told_at", "over_at", "facts")
_COLUMNS: Final = (*_OWN, "told")


def _listing(wanted: Mapping[str, str]) -> NoticeListing:
    return NoticeListing(
        NoticeFilter(
            state=lists.chosen(wanted, "state", NoticeState),
            event=lists.chosen(wanted, "event", Event),
        )
    )


def _record(row: Notice) -> dict[str, Any]:
    told = ", ".join(f"{send.channel} {send.phase} {send.state}" for send in row.sends)
    return {**{name: getattr(row, name) for name in _OWN}, "told": told}


def _choices(request: Request) -> dict[str, Any]:
    settings = site_of(request).config.notifications
    templates = Templates(settings.templates)
    return {
        "states": list(NoticeState),
        "events": list(Event),
        "channels": settings.channels,
        "line": lambda row: templates.line(
            Item(row.id, row.event, Phase.RAISED, row.began_at, row.over_at, row.facts)
        ),
    }


NOUN: Final = lists.Noun(
    name="notices",
    fields=("state", "event"),
    columns=_COLUMNS,
    listing=_listing,
    record=_record,
    choices=_choices,
)


def routes() -> list[Route]:
    """List the routes."""
    return NOUN.routes()
