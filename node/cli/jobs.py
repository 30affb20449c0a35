"""`foramina jobs`: what was run, how it ended, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from node.cli.acts import LARGEST_ID, Act, WhyOption, by_number, carry_out
from node.cli.config import DEFAULT_PATH, ConfigOption
from node.cli.database import DELIVERY_COLUMNS, LimitOption, opened
from node.cli.output import JsonOption, missing, print_history, print_json, print_rows, row

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.trail import Person

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
        job = jobs.get(session, job_id) if job_id <= LARGEST_ID else None
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
    columns = (
        "id", "destination", "kind", "state", "confirmed_by", "attempts", "error", "finished_at",
    )  # fmt: skip
    print_rows(data["deliveries"], columns, as_json=False)


JobIds = Annotated[list[int], typer.Argument(min=1, metavar="JOB...", help="Ids of jobs.")]


@app.command()
def retry(job_ids: JobIds, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False) -> None:
    """Queue finished, failed or cancelled jobs again, with all their attempts."""
    from storage import actions

    _carry_out(path, "retry", job_ids, actions.retry_job, as_json)


@app.command()
def cancel(
    job_ids: JobIds,
    path: ConfigOption = DEFAULT_PATH,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cancel jobs that have not finished."""
    from storage import actions

    def act(session: "Session", person: "Person", job_id: int) -> str:
        return actions.cancel_job(session, person, job_id, why)

    _carry_out(path, "cancel", job_ids, act, as_json)


def _carry_out(path: Path, name: str, job_ids: list[int], act: Act, as_json: bool) -> None:
    from storage import jobs

    carry_out(path, name, "job", map(str, job_ids), act, by_number(jobs.get), as_json)
