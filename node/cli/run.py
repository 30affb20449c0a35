"""`foramina serve`, `worker`, `demo` and `health`: what runs."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured
from node.cli.output import JsonOption, print_json


def serve(path: ConfigOption = DEFAULT_PATH) -> None:
    """Run the node: receive, judge, localise (in a worker process), deliver."""
    from node.app import build, stopping_on_signals

    config = configured(path)
    with stopping_on_signals() as stop:
        build(config, path.resolve()).run(stop)


def worker(
    path: ConfigOption = DEFAULT_PATH,
    name: Annotated[str, typer.Option(help="Name in the job table; by default made up.")] = "",
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Stop when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Run one worker: claim jobs and localise, until stopped."""
    from node.app import build_worker, stopping_on_signals
    from node.supervisor import worker_name

    config = configured(path)
    with stopping_on_signals(supervised=supervised) as stop:
        build_worker(config, name or worker_name()).run(stop)


def receive(
    descriptor: Annotated[int, typer.Option("--fd", help="Descriptor of the listening socket.")],
    name: Annotated[str, typer.Option(help="Name of this process, unique for ever.")],
    row: Annotated[int, typer.Option(min=0, help="Where this process counts in the tally.")] = 0,
    path: ConfigOption = DEFAULT_PATH,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Run one receiving process; `foramina serve` starts these."""
    from node.receiver.lean import leave_out_pixels

    leave_out_pixels()
    from node.receiver.process import ReceivingProcess
    from node.signals import stopping_on_signals

    config = configured(path)
    with stopping_on_signals(supervised=supervised) as stop:
        ReceivingProcess(config, descriptor, name, row).run(stop)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    timeout_s: Annotated[float, typer.Option(min=1, help="Give up after so long.")] = 170,
) -> None:
    """Show the whole line: a PACS, the node, a phantom series, and its report as a picture."""
    from node.demo import run

    run(out, timeout_s)


def health(path: ConfigOption = DEFAULT_PATH, as_json: JsonOption = False) -> None:
    """Ask the node's port, database and disk; exit status 1 when one is not well."""
    from node.health import checks

    answers = checks(configured(path))
    if as_json:
        print_json({check.name: {"ok": check.ok, "detail": check.detail} for check in answers})
    else:
        for check in answers:
            typer.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
    if not all(check.ok for check in answers):
        raise typer.Exit(1)
