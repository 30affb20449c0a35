"""Series: the list, and what happened to one and why."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from node.web import forms, lists
from node.web.acts import Act, carry_out
from node.web.site import render, row_id, site_of
from storage import actions, instances, jobs, listing, reports, series
from storage.listing import ActionFilter, ActionListing, SeriesFilter, SeriesListing
from storage.tables import Series, SeriesState

_MOST_SHOWN: Final = 200
_COLUMNS: Final = (
    "id", "series_instance_uid", "study_instance_uid", "patient_id", "accession_number",
    "modality", "series_description", "calling_ae_title", "state", "reason", "revision",
    "first_received_at", "last_received_at", "completed_at",
)  # fmt: skip


def _listing(wanted: Mapping[str, str]) -> SeriesListing:
    return SeriesListing(
        SeriesFilter(
            search=wanted["search"],
            state=lists.chosen(wanted, "state", SeriesState),
            sender=wanted["sender"],
            since=lists.moment(wanted, "since"),
            until=lists.moment(wanted, "until", days=1),
        )
    )


def _record(row: Series) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COLUMNS}


NOUN: Final = lists.Noun(
    name="series",
    fields=("search", "state", "sender", "since", "until"),
    columns=_COLUMNS,
    listing=_listing,
    record=_record,
    choices=lambda _request: {"states": list(SeriesState)},
)


def page(request: Request) -> Response:
    """Show one series: its history, every rule's verdict, its instances, jobs and reports."""
    series_id = row_id(request, "series_id")
    with site_of(request).database.read() as session:
        row = series.get(session, series_id)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        received = instances.all_instances(session, series_id)
        by_hand = ActionListing(ActionFilter(subject="series", subject_id=series_id))
        return render(
            request,
            "one_series.html",
            series=row,
            events=series.events(session, series_id),
            instances=received[:_MOST_SHOWN],
            instance_count=len(received),
            conflicts=sum(each.state == "conflict" for each in received),
            jobs=jobs.by_series(session, series_id),
            reports=reports.by_series(session, series_id),
            actions=listing.page(session, by_hand, _MOST_SHOWN).rows,
        )


def by_uid(request: Request) -> Response:
    """Go to the series of a SeriesInstanceUID, for links from other systems."""
    with site_of(request).database.read() as session:
        row = series.by_uid(session, request.path_params["uid"].replace("\0", ""))
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return RedirectResponse(f"/series/{row.id}", HTTPStatus.SEE_OTHER)


def act(request: Request, form: FormData) -> Response:
    """Overrule the filters, or decide a conflict, for every series that the form names."""
    most = site_of(request).config.worker.max_attempts
    acts: dict[str, Act] = {
        "process-anyway": lambda session, person, series_id: actions.process_anyway(
            session, person, series_id, most
        ),
        "keep-current": lambda session, person, series_id: actions.resolve(
            session, person, series_id, "current"
        ),
        "keep-newest": lambda session, person, series_id: actions.resolve(
            session, person, series_id, "newest"
        ),
    }
    return carry_out(request, form, "series", acts)


def routes() -> list[Route]:
    """List the routes."""
    return [
        *NOUN.routes(),
        forms.post("/series", act, "series-act"),
        Route("/series/{series_id:number}", page, name="one-series"),
        Route("/series/uid/{uid}", by_uid, name="series-by-uid"),
    ]
