"""Jobs: the list, and one with its history, times and report."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.web import forms, lists
from node.web.acts import Act, carry_out
from node.web.site import render, row_id, site_of
from storage import actions, deliveries, jobs, listing, reports
from storage.listing import ActionFilter, ActionListing, JobFilter, JobListing
from storage.tables import Job, JobState

_OWN: Final = (
    "id", "series_id", "series_revision", "kind", "reason", "state", "attempts", "max_attempts",
    "worker", "created_at", "started_at", "finished_at", "error", "seconds",
)  # fmt: skip
_COLUMNS: Final = (*_OWN, "series_instance_uid")


def _listing(wanted: Mapping[str, str]) -> JobListing:
    return JobListing(
        JobFilter(
            state=lists.chosen(wanted, "state", JobState),
            series_id=lists.number(wanted, "series_id"),
        )
    )


def _record(row: Job) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in _OWN}
    return {**own, "series_instance_uid": row.series.series_instance_uid}


NOUN: Final = lists.Noun(
    name="jobs",
    fields=("state", "series_id"),
    columns=_COLUMNS,
    listing=_listing,
    record=_record,
    choices=lambda _request: {"states": list(JobState)},
)


def page(request: Request) -> Response:
    """Show one job: its history, the time of every step, its report and where that went."""
    job_id = row_id(request, "job_id")
    with site_of(request).database.read() as session:
        job = jobs.get(session, job_id)
        if job is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        report = reports.by_job(session, job_id)
        by_hand = ActionListing(ActionFilter(subject="job", subject_id=job_id))
        return render(
            request,
            "one_job.html",
            job=job,
            events=jobs.events(session, job_id),
            report=report,
            objects=reports.objects(session, report.id) if report else [],
            deliveries=deliveries.by_report(session, report.id) if report else [],
            actions=listing.page(session, by_hand, lists.ROWS).rows,
        )


def act(request: Request, form: FormData) -> Response:
    """Retry or cancel every job that the form names."""
    why = forms.text(form, "why")[:200]
    acts: dict[str, Act] = {
        "retry": actions.retry_job,
        "cancel": lambda session, person, job_id: actions.cancel_job(session, person, job_id, why),
    }
    return carry_out(request, form, "job", acts)


def routes() -> list[Route]:
    """List the routes."""
    return [
        *NOUN.routes(),
        forms.post("/jobs", act, "jobs-act"),
        Route("/jobs/{job_id:number}", page, name="one-job"),
    ]
