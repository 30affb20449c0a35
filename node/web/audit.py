"""What was done: receptions, deliveries, logins, acts, exports, starts; done or refused."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.routing import Route

from node.web import lists
from storage.listing import ActionFilter, ActionListing
from storage.tables import Action

_COLUMNS: Final = (
    "id", "at", "person", "host", "action", "subject", "subject_id", "done", "detail",
)  # fmt: skip


def _listing(wanted: Mapping[str, str]) -> ActionListing:
    return ActionListing(
        ActionFilter(
            person=wanted["person"],
            subject=wanted["subject"],
            subject_id=lists.number(wanted, "subject_id"),
        )
    )


def _record(row: Action) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}


NOUN: Final = lists.Noun(
    name="actions",
    fields=("person", "subject", "subject_id"),
    columns=_COLUMNS,
    listing=_listing,
    record=_record,
)


def routes() -> list[Route]:
    """List the routes."""
    return NOUN.routes()
