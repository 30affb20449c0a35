"""`foramina web`: the administrator's web page, and who may log in there."""

from pathlib import Path
from typing import Annotated

import typer

from node.cli.config import DEFAULT_PATH, ConfigOption, configured

app = typer.Typer(help="The administrator's web page.", no_args_is_help=True)


@app.command()
def serve(
    path: ConfigOption = DEFAULT_PATH,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="Stop when standard input ends.", hidden=True)
    ] = False,
) -> None:
    """Serve the page alone; `foramina serve` does so in a process of its own."""
    from node.app import build_web, stopping_on_signals

    config = configured(path)
    with stopping_on_signals(supervised=supervised) as stop:
        build_web(config).run(stop)


@app.command()
def password(
    name: Annotated[str, typer.Option(help="Who logs in with it.")] = "admin",
    file: Annotated[
        Path | None,
        typer.Option(help="Put it there, instead of printing it: `web.password_file`."),
    ] = None,
) -> None:
    """Ask for a password, and make the line that lets a person log in: never the password."""
    from node import passwords

    asked = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    made = passwords.line(name, asked)
    if file is None:
        typer.echo(made)
        return
    passwords.write(file, made)
    typer.echo(f"{name} may log in; {file} is what web.password_file has to name", err=True)
