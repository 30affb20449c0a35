"""Writes the list of all commands in docs/reference/cli.md: `python -m tests.cli_reference`.

What stands above the line that begins the list is written by hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import typer

from node import cli

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
BEGIN: Final = "<!-- from here on written by `python -m tests.cli_reference` -->"


def commands(group: Any = None, name: str = "foramina") -> Iterator[tuple[str, Any]]:
    """Give every command that is not hidden, by its full name, in the order of the help."""
    group = group or typer.main.get_command(cli.app)
    for word, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def written() -> str:
    """Write the list."""
    return "\n".join(line for name, command in commands() for line in _section(name, command))


def _section(name: str, command: Any) -> Iterator[str]:
    yield f"\n### `{name}`\n"
    yield " ".join((command.help or "").split()) + "\n"
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    rows = [_row(each) for each in shown if each.name != "help"]
    if rows:
        yield from ("| argument or option | default | meaning |", "|---|---|---|", *rows)


def _row(parameter: Any) -> str:
    is_option = parameter.opts[0].startswith("-")
    opts = (*parameter.opts, *parameter.secondary_opts) if is_option else (_metavar(parameter),)
    meaning = parameter.help or ""
    choices = [each for each in _choices(parameter.type_descriptor.annotation) if each]
    if choices:
        meaning += f" One of: {', '.join(choices)}."
    text = " ".join(meaning.split()).replace("|", "\\|")
    return f"| {', '.join(f'`{each}`' for each in opts)} | {_default(parameter)} | {text} |"


def _metavar(parameter: Any) -> str:
    return parameter.metavar or str(parameter.name).upper()


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(each) for each in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    default = parameter.default
    nothing = default is None or default is False or default in ("", ())
    return "" if nothing or callable(default) else f"`{default}`"


def page() -> str:
    """Give the whole page as it should be."""
    head = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    return f"{head}{BEGIN}\n{written()}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
