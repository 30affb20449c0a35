"""`foramina jobs`: what was run, how it ended, and why."""

from typing import Annotated, Any, Literal

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption
from node.cli.database import DELIVERY_COLUMNS, LimitOption, opened
from node.cli.output import JsonOption, missing, print_history, print_json, print_rows, row

COLUMNS = (
    "id", "series_id", "series_revision", "kind", "state", "attempts", "worker", "created_at",
    "started_at", "finished_at", "error",
)  # fmt: skip
OBJECT_COLUMNS = ("kind", "variant", "sop_instance_uid", "current", "path")
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
app = typer.Typer(help="Localisation jobs.", no_args_is_help=True)


@app.command("list")
def list_(
    path: ConfigOption = DEFAULT_PATH,
    state: Annotated[State | None, typer.Option(help="Only jobs in this state.")] = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first."""
    from storage import jobs

    with opened(path) as database, database.read() as session:
        rows = [row(job, *COLUMNS) for job in jobs.listing(session, state=state, limit=limit)]
    print_rows(rows, COLUMNS, as_json)


@app.command()
def show(job_id: int, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False) -> None:
    """Show one job: its history, its report and where that went."""
    from storage import deliveries, jobs, reports
    from storage.tables import Series

    with opened(path) as database, database.read() as session:
        job = jobs.get(session, job_id)
        if job is None:
            raise missing(f"there is no job {job_id}")
        series = session.get_one(Series, job.series_id)
        report = reports.by_job(session, job_id)
        events = jobs.events(session, job_id)
        data: dict[str, Any] = {
            **row(job, *COLUMNS, "reason", "fencing_token", "not_before", "seconds"),
            "series_instance_uid": series.series_instance_uid,
            "history": [row(event, "at", "kind", "detail") for event in events],
            "report": row(report, "located", "current", "dispute", "withdrawn", "prediction")
            if report
            else None,
            "objects": [
                row(made, *OBJECT_COLUMNS)
                for made in (reports.objects(session, report.id) if report else [])
            ],
            "deliveries": [
                {**row(record, *DELIVERY_COLUMNS), "kind": record.object.kind}
                for record in (deliveries.by_report(session, report.id) if report else [])
            ],
        }
    if as_json:
        print_json(data)
        return
    typer.echo(f"job {job_id}: {data['state']}, series {data['series_instance_uid']}")
    if data["error"]:
        typer.echo(f"error: {data['error']}")
    print_history(events)
    if data["seconds"]:
        steps = ", ".join(f"{step} {value:.2f} s" for step, value in data["seconds"].items())
        typer.echo(f"time: {steps}")
    if report:
        _print_report(data)


def _print_report(data: dict[str, Any]) -> None:
    report = data["report"]
    typer.echo(f"report: {report['located']} of 10 foramina located")
    if report["dispute"]:
        typer.echo(f"not sent: {report['dispute']['reason']}")
    if report["withdrawn"]:
        typer.echo(f"withdrawn: {report['withdrawn']}")
    for made in data["objects"]:
        typer.echo(f"  {made['kind']} {made['sop_instance_uid']} ({made['variant'] or 'one form'})")
    columns = ("id", "destination", "kind", "state", "attempts", "error", "finished_at")
    print_rows(data["deliveries"], columns, as_json=False)


@app.command()
def retry(job_id: int, path: ConfigOption = DEFAULT_PATH) -> None:
    """Queue a finished, failed or cancelled job again."""
    _change(job_id, path, "retry")


@app.command()
def cancel(
    job_id: int,
    path: ConfigOption = DEFAULT_PATH,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "cancelled by hand",
) -> None:
    """Cancel a job that has not finished."""
    _change(job_id, path, "cancel", reason)


def _change(job_id: int, path: Any, action: str, *arguments: str) -> None:
    from node.errors import ForaminaError
    from storage import jobs

    with opened(path) as database, database.begin() as session:
        if jobs.get(session, job_id) is None:
            raise missing(f"there is no job {job_id}")
        try:
            job = getattr(jobs, action)(session, job_id, *arguments)
        except jobs.JobStateError as error:
            raise ForaminaError(str(error)) from error
        typer.echo(f"job {job.id} is {job.state}")
