"""`foramina series`: what was received, what became of it, and every reason."""

from typing import Annotated, Any, Literal

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption
from node.cli.database import LimitOption, opened
from node.cli.output import JsonOption, missing, print_history, print_json, print_rows, row

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


@app.command()
def show(
    series_instance_uid: str, path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False
) -> None:
    """Show one series: its history, every rule's verdict, its instances and jobs."""
    data = _load(series_instance_uid, path)
    if as_json:
        print_json({key: value for key, value in data.items() if key != "events"})
        return
    typer.echo(f"series {series_instance_uid}: {data['state']}")
    if data["reason"]:
        typer.echo(f"reason: {data['reason']}")
    typer.echo(f"{len(data['instances'])} instances, revision {data['revision']}")
    print_history(data["events"])
    _print_evidence(data["evidence"])
    _print_verdict(data["verdict"])
    if data["jobs"]:
        columns = ("id", "kind", "state", "attempts", "finished_at", "error")
        print_rows(data["jobs"], columns, False)


def _load(series_instance_uid: str, path: Any) -> dict[str, Any]:
    from storage import instances, jobs, series

    with opened(path) as database, database.read() as session:
        found = series.by_uid(session, series_instance_uid)
        if found is None:
            raise missing(f"no series {series_instance_uid} was ever received")
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


@app.command()
def resolve(
    series_instance_uid: str,
    keep: Annotated[
        Literal["current", "newest"],
        typer.Option(help="Which of the conflicting versions is the true one."),
    ],
    path: ConfigOption = DEFAULT_PATH,
) -> None:
    """Decide which pixels are true where one instance was received with two."""
    from node.errors import ForaminaError
    from storage import instances, series

    with opened(path) as database, database.begin() as session:
        found = series.by_uid(session, series_instance_uid)
        if found is None:
            raise missing(f"no series {series_instance_uid} was ever received")
        decided = instances.resolve(session, found.id, keep)
        reason = found.reason
    if not decided:
        raise ForaminaError(
            "nothing to decide: no instance of this series has two versions"
            + (f"; it waits because {reason}: send corrected instances" if reason else "")
        )
    typer.echo(f"{decided} conflicts decided: the {keep} version is kept as the true one")
