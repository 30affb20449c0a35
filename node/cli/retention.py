"""`foramina retention`: which received files would be deleted now, and why; and do it."""

import threading
from typing import TYPE_CHECKING, Any

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.database import opened
from node.cli.output import JsonOption, print_json, print_table

if TYPE_CHECKING:
    from pathlib import Path

    from node.retention import Plan, RetentionLoop
    from storage.database import Database

COLUMNS = ("id", "series_instance_uid", "state", "last_received_at", "files", "megabytes", "why")
app = typer.Typer(help="How long received files are kept.", no_args_is_help=True)


@app.command()
def plan(path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False) -> None:
    """Say which files would be deleted now and why, and which old ones stay; change nothing."""
    with opened(path) as database:
        found = _loop(path, database).plan()
    if as_json:
        print_json(_data(found))
        return
    data = _data(found)
    if data["doomed"]:
        print_table(data["doomed"], COLUMNS)
    files = sum(row["files"] for row in data["doomed"])
    typer.echo(
        f"{len(data['doomed'])} series with {files} files would be deleted now; "
        f"{data['free_megabytes']} MB are free"
        + (", which is short of low_free_bytes" if found.short else "")
    )
    for reason, count in data["kept"].items():
        typer.echo(f"{count} old series stay: {reason}")
    if found.waiting:
        typer.echo(f"{found.waiting} files and folders are on the list to be deleted already")


@app.command()
def run(path: ConfigOption = DEFAULT_PATH) -> None:
    """Delete now what `plan` names, slowly; the node may go on receiving."""
    from node.errors import ForaminaError

    if not configured(path).retention.is_on:
        raise ForaminaError(
            "retention is off: set rejected_after_days, delivered_after_days or low_free_bytes "
            "in the section `retention` of the configuration"
        )
    from node.app import stopping_on_signals

    with opened(path) as database, stopping_on_signals() as stop:
        loop = _loop(path, database)
        files = _guarded(loop, stop)
    typer.echo(f"{files} files deleted")


def _guarded(loop: "RetentionLoop", stop: threading.Event) -> int:
    from node.errors import ForaminaError

    try:
        return loop.step(stop)
    except OSError as error:
        raise ForaminaError(
            f"the disk refuses to delete: {error}; what is marked stays marked, run it again"
        ) from error
    finally:
        loop.close()


def _loop(path: "Path", database: "Database") -> "RetentionLoop":
    from node.retention import RetentionLoop

    config = configured(path)
    return RetentionLoop(database, config.storage.folder, config.retention, config.crops.folder)


def _data(found: "Plan") -> dict[str, Any]:
    doomed = [
        {
            "id": each.id,
            "series_instance_uid": each.series_instance_uid,
            "state": each.state,
            "last_received_at": each.last_received_at,
            "files": each.files,
            "megabytes": round(each.size_bytes / 1e6, 1),
            "why": why,
        }
        for each, why in found.doomed
    ]
    return {
        "doomed": doomed,
        "kept": dict(found.kept),
        "waiting": found.waiting,
        "free_megabytes": found.free_bytes // 1_000_000,
    }
