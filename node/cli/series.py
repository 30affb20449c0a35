"""`foramina series`: what was received, what became of it, and every reason."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from node.cli.acts import carry_out, series_of
from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.database import LimitOption, opened
from node.cli.output import JsonOption, missing, print_history, print_json, print_rows, row

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from storage.trail import Person

COLUMNS = (
    "id", "series_instance_uid", "modality", "series_description", "calling_ae_title", "state",
    "revision", "last_received_at", "reason",
)  # fmt: skip
DETAILS = (
    *COLUMNS, "study_instance_uid", "processed_revision", "first_received_at", "completed_at",
    "evidence", "verdict",
)  # fmt: skip
INSTANCE_COLUMNS = (
    "sop_instance_uid", "transfer_syntax_uid", "size_bytes", "calling_ae_title", "state",
    "received_at",
)  # fmt: skip
JOB_COLUMNS = (
    "id", "series_revision", "kind", "state", "attempts", "finished_at", "error",
)  # fmt: skip
State = Literal["receiving", "complete", "held", "accepted", "rejected"]
app = typer.Typer(help="Received series.", no_args_is_help=True)


@app.command("list")
def list_(
    path: ConfigOption = DEFAULT_PATH,
    state: Annotated[State | None, typer.Option(help="Only series in this state.")] = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List series, newest first, each with the reason for its state."""
    from storage import series

    with opened(path) as database, database.read() as session:
        rows = [row(item, *COLUMNS) for item in series.listing(session, state=state, limit=limit)]
    print_rows(rows, COLUMNS, as_json)


SeriesUid = Annotated[
    str,
    typer.Argument(metavar="SERIES", help="SeriesInstanceUID, or id as on the web page."),
]


@app.command()
def show(
    series_uid: SeriesUid, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Show one series: its history, every rule's verdict, its instances and jobs."""
    data = _load(series_uid, path)
    if as_json:
        print_json({key: value for key, value in data.items() if key != "events"})
        return
    typer.echo(f"series {data['series_instance_uid']}: {data['state']}")
    if data["reason"]:
        typer.echo(f"reason: {data['reason']}")
    typer.echo(f"{len(data['instances'])} instances, revision {data['revision']}")
    print_history(data["events"])
    _print_evidence(data["evidence"])
    _print_verdict(data["verdict"])
    if data["jobs"]:
        columns = ("id", "kind", "state", "attempts", "finished_at", "error")
        print_rows(data["jobs"], columns, False)


def _load(series_uid: str, path: Any) -> dict[str, Any]:
    from storage import instances, jobs, series
    from storage.tables import Series

    with opened(path) as database, database.read() as session:
        series_id = series_of(session, series_uid)
        if series_id is None:
            raise missing(f"no series {series_uid} was ever received")
        found = session.get_one(Series, series_id)
        events = series.events(session, found.id)
        return {
            **row(found, *DETAILS),
            "instances": [
                row(instance, *INSTANCE_COLUMNS)
                for instance in instances.all_instances(session, found.id)
            ],
            "jobs": [row(job, *JOB_COLUMNS) for job in jobs.by_series(session, found.id)],
            "events": events,
            "history": [row(event, "at", "kind", "detail") for event in events],
        }


def _print_evidence(evidence: dict[str, Any] | None) -> None:
    """Print what is known about missing images; nothing for a series judged by older versions."""
    if not evidence or "state" not in evidence:
        return
    typer.echo(f"evidence: {evidence['state']}")
    for piece in evidence.get("pieces", []):
        mark = {"proof": "MISSING", "doubt": "doubt"}.get(piece["weight"], "")
        typer.echo(f"  {mark:<7}  {piece['rule']}: {piece['says']}")


def _print_verdict(verdict: dict[str, Any] | None) -> None:
    if not verdict:
        return
    typer.echo(f"filter set {verdict.get('filter_set', '')}:")
    for rule in verdict.get("rules", []):
        mark = "pass" if rule["passed"] else "FAIL"
        typer.echo(f"  {mark}  {rule['attribute']} {rule['operator']}: {_received(rule)}")


def _received(rule: dict[str, Any]) -> str:
    """Say why a rule failed, or what it was satisfied with."""
    values = ", ".join(str(item["value"]) for item in rule.get("received", []))
    return str(rule["reason"] or values)


SeriesUids = Annotated[
    list[str],
    typer.Argument(metavar="SERIES...", help="SeriesInstanceUIDs, or ids as on the web page."),
]


@app.command("process-anyway")
def process_anyway(
    series_uids: SeriesUids, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Accept rejected series against the filters, and queue their jobs."""
    from storage import actions

    most = configured(path).worker.max_attempts

    def act(session: "Session", person: "Person", series_id: int) -> str:
        return actions.process_anyway(session, person, series_id, most)

    carry_out(path, "process anyway", "series", series_uids, act, series_of, as_json)


@app.command("keep-current")
def keep_current(
    series_uids: SeriesUids, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Decide that of instances received with two contents the version in force is the true one."""
    _keep(path, "current", series_uids, as_json)


@app.command("keep-newest")
def keep_newest(
    series_uids: SeriesUids, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Decide that of instances received with two contents the newest is the true one."""
    _keep(path, "newest", series_uids, as_json)


@app.command()
def resolve(
    series_uids: SeriesUids,
    keep: Annotated[
        Literal["current", "newest"],
        typer.Option(help="Which of the conflicting versions is the true one."),
    ],
    path: ConfigOption = DEFAULT_PATH,
    as_json: JsonOption = False,
) -> None:
    """Decide which pixels are true; the same as keep-current and keep-newest."""
    _keep(path, keep, series_uids, as_json)


def _keep(path: Path, keep: str, series_uids: list[str], as_json: bool) -> None:
    from storage import actions

    def act(session: "Session", person: "Person", series_id: int) -> str:
        return actions.resolve(session, person, series_id, keep)

    carry_out(path, f"keep {keep}", "series", series_uids, act, series_of, as_json)
