"""The rule tester: which rule says what of files that are dropped here, or of a series."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydicom import Dataset
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.errors import SeriesUnusableError
from node.headers import read_headers
from node.web import forms
from node.web.site import render, site_of
from storage import instances, series

_PIECE: Final = 1 << 20


class UntestableError(Exception):
    """There is nothing that rules could judge; the message says why."""


def page(request: Request) -> Response:
    """Show the form."""
    return _answer(request, request.query_params.get("series_instance_uid", "")[:64], "")


def judge(request: Request, form: FormData) -> Response:
    """Judge dropped files, or a stored series, by a filter set; nothing is kept."""
    site = site_of(request)
    uid, name = forms.text(form, "series_instance_uid"), forms.text(form, "filter_set")
    filters = site.filter_sets.get(name)
    if filters is None:
        return _answer(request, uid, name, problem="There is no filter set of that name.")
    files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
    files = [each for each in files if each.filename]
    try:
        headers = _dropped(files) if files else _stored(request, uid)
    except UntestableError as error:
        return _answer(request, uid, name, problem=str(error))
    decision = filters.judge(headers)
    return _answer(request, uid, name, decision=decision)


def routes() -> list[Route]:
    """List the routes."""
    return [Route("/rules", page, name="rules"), forms.post("/rules", judge, "rules-judge")]


def _answer(request: Request, uid: str, name: str, **found: object) -> Response:
    site = site_of(request)
    context = {"problem": "", "decision": None, **found}
    return render(
        request,
        "rules.html",
        status=400 if context["problem"] else 200,
        uid=uid,
        filter_sets=list(site.filter_sets),
        chosen=name or site.config.filter_set,
        **context,
    )


def _stored(request: Request, uid: str) -> list[Dataset]:
    site = site_of(request)
    if not uid:
        raise UntestableError("Choose DICOM files, or give a SeriesInstanceUID.")
    with site.database.read() as session:
        row = series.by_uid(session, uid)
        rows = instances.current_instances(session, row.id) if row else []
    if not rows:
        raise UntestableError("No instance of such a series is stored.")
    try:
        return read_headers([site.config.storage.folder / each.path for each in rows])
    except SeriesUnusableError as error:
        raise UntestableError(str(error)) from error


def _dropped(files: Sequence[UploadFile]) -> list[Dataset]:
    headers: list[Dataset] = []
    with tempfile.TemporaryDirectory(prefix="foramina-rules-") as folder:
        for number, file in enumerate(files):
            path = Path(folder, f"{number}.dcm")
            _copy(file, path)
            try:
                headers += read_headers([path])
            except SeriesUnusableError as error:
                raise UntestableError(
                    f"File {number + 1} of {len(files)} ({file.filename}) is no DICOM file that "
                    "can be read: expected a PS3.10 file with a SOPInstanceUID."
                ) from error
            path.unlink()
    several = Counter(str(header.get("SeriesInstanceUID", "")) for header in headers)
    if len(several) > 1:
        raise UntestableError(
            f"The files belong to {len(several)} series; rules judge one: choose files of one."
        )
    return headers


def _copy(file: UploadFile, path: Path) -> None:
    with path.open("wb") as out:
        while piece := file.file.read(_PIECE):
            out.write(piece)
