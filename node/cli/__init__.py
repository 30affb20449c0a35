"""The command line: `foramina`.

Modules of this package import what is heavy inside their commands, so that `foramina --help`
answers in under a second. Exit status: 0 done, 1 failed with a sentence on standard error,
2 wrong usage, 3 no such series, job or delivery.
"""

import sys

import typer

import node
from node.cli import (
    audit,
    config,
    database,
    dicom,
    erase,
    jobs,
    model,
    notifications,
    retention,
    run,
    series,
    web,
)
from node.discretion import keep_quiet
from node.errors import ForaminaError

app = typer.Typer(
    name="foramina",
    help=(
        "A DICOM network node that finds the ten lumbar neural foramina on sagittal T1 MRI and "
        "answers with a Structured Report. Research use only: not a medical device."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(run.serve)
app.command()(run.worker)
app.command(hidden=True)(run.receive)
app.command()(run.demo)
app.command()(run.health)
app.command()(dicom.send)
app.command()(dicom.echo)
app.add_typer(jobs.app, name="jobs")
app.add_typer(series.app, name="series")
app.add_typer(database.deliveries, name="deliveries")
app.command()(erase.erase)
app.add_typer(retention.app, name="retention")
app.add_typer(config.app, name="config")
app.add_typer(model.app, name="model")
app.add_typer(web.app, name="web")
app.add_typer(notifications.app, name="notifications")
app.add_typer(audit.app, name="audit")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(node.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    del version
    keep_quiet()


def main() -> None:
    """Run the command line; an expected error is one sentence, not a traceback."""
    try:
        app()
    except ForaminaError as error:
        typer.echo(f"foramina: {error}", err=True)
        sys.exit(1)
