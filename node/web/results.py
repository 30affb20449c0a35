"""Results: what was found in a series, on its slices, with the reason for every foramen missed."""

from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model.labels import spoken
from model.landmark import Prediction
from node.web.pictures import PictureError, Slices
from node.web.site import Site, render, row_id, site_of
from storage import deliveries, instances, purged, reports
from storage.tables import Job, Report


def page(request: Request) -> Response:
    """Show one result: the slices that carry markers, and the ten foramina."""
    site = site_of(request)
    with site.database.read() as session:
        report = _report(request, session)
        paths = _paths(session, report)
        job = session.get_one(Job, report.job_id)
        context: dict[str, Any] = {
            "report": report,
            "job": job,
            "changed": job.series_revision != job.series.revision,
            "objects": reports.objects(session, report.id),
            "deliveries": deliveries.by_report(session, report.id),
        }
    prediction = Prediction.from_json(report.prediction)
    slices, problem = _slices(site, paths)
    return render(
        request,
        "result.html",
        **context,
        prediction=prediction,
        spoken=spoken,
        slices=slices,
        marks=slices.marks(prediction.landmarks) if slices else {},
        problem=problem,
    )


def picture(request: Request) -> Response:
    """Give one slice as PNG."""
    site = site_of(request)
    with site.database.read() as session:
        paths = _paths(session, _report(request, session))
    slices, _problem = _slices(site, paths)
    try:
        if slices is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return Response(slices.png(request.path_params["number"]), media_type="image/png")
    except PictureError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND) from error


def routes() -> list[Route]:
    """List the routes."""
    return [
        Route("/reports/{report_id:number}", page, name="result"),
        Route("/reports/{report_id:number}/slices/{number:number}.png", picture, name="slice"),
    ]


def _report(request: Request, session: Session) -> Report:
    found = session.get(Report, row_id(request, "report_id"))
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _paths(session: Session, report: Report) -> list[str]:
    if purged.count(session, report.series_id):
        return []
    return [each.path for each in instances.current_instances(session, report.series_id)]


def _slices(site: Site, paths: list[str]) -> tuple[Slices | None, str]:
    if not paths:
        return None, "the images of this series are not stored any more"
    try:
        return site.pictures.slices(paths), ""
    except PictureError as error:
        return None, str(error)
