"""Deliveries: which object went where, what the peer answered, and sending it again."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node import status
from node.web import forms, lists
from node.web.acts import Act, carry_out
from node.web.site import site_of
from storage import actions
from storage.listing import DeliveryFilter, DeliveryListing
from storage.tables import Delivery, DeliveryState

_OWN: Final = (
    "id", "destination", "state", "confirmed_by", "attempts", "dimse_status", "error", "created_at",
    "not_before", "stored_at", "check_at", "finished_at",
)  # fmt: skip
_COLUMNS: Final = (*_OWN, "kind", "variant", "sop_instance_uid", "report_id", "series_id")


def _listing(wanted: Mapping[str, str]) -> DeliveryListing:
    return DeliveryListing(
        DeliveryFilter(
            state=lists.chosen(wanted, "state", DeliveryState), destination=wanted["destination"]
        )
    )


def _record(row: Delivery) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _OWN},
        "kind": row.object.kind,
        "variant": row.object.variant,
        "sop_instance_uid": row.object.sop_instance_uid,
        "report_id": row.object.report_id,
        "series_id": row.object.report.series_id,
    }


def _choices(request: Request) -> dict[str, Any]:
    names = [destination.name for destination in site_of(request).config.destinations]
    return {"states": list(DeliveryState), "destinations": names, "describe": status.describe}


NOUN: Final = lists.Noun(
    name="deliveries",
    fields=("state", "destination"),
    columns=_COLUMNS,
    listing=_listing,
    record=_record,
    choices=_choices,
)


def act(request: Request, form: FormData) -> Response:
    """Send every object again, or let it go, whose delivery the form names."""
    reachable = site_of(request).reachable
    acts: dict[str, Act] = {
        "send-again": lambda session, person, delivery_id: actions.send_again(
            session, person, delivery_id, reachable
        ),
        "release": lambda session, person, delivery_id: actions.send_again(
            session, person, delivery_id, reachable, release=True
        ),
    }
    return carry_out(request, form, "delivery", acts)


def routes() -> list[Route]:
    """List the routes."""
    return [*NOUN.routes(), forms.post("/deliveries", act, "deliveries-act")]
