"""Progress on standard error, and errors of the model as one sentence."""

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_S: Final = 30.0


class Report(Protocol):
    """Called with what is being done, how many are done, of how many, and a word on it."""

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """Show the report."""


@contextlib.contextmanager
def reported() -> Iterator[Report]:
    """Show how far each step is, with the time left; say what is wrong in a sentence.

    A terminal gets a bar for each step; a file gets a line twice a minute.

    Raises:
        ForaminaError: what ran inside raised a ValueError or OSError.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from node.errors import ForaminaError

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    progress = Progress(*columns, console=console, transient=True)
    try:
        yield _Bars(progress) if console.is_terminal else _Lines()
    except (OSError, ValueError) as error:
        raise ForaminaError(str(error)) from error
    finally:
        if console.is_terminal:
            progress.stop()


class _Bars:
    """Shows a bar for each step."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """Show the report."""
        self._progress.start()  # a command that reports nothing draws nothing
        if what not in self._tasks:  # what was done before does not count for the speed
            self._tasks[what] = self._progress.add_task(
                what, total=total, completed=done, detail=detail
            )
        self._progress.update(self._tasks[what], completed=done, detail=detail)


class _Lines:
    """Writes a line now and then: the log of a training that runs for hours."""

    def __init__(self) -> None:
        self._began: dict[str, tuple[float, int]] = {}
        self._written_at = time.monotonic()

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        """Show the report."""
        now = time.monotonic()
        since, first = self._began.setdefault(what, (now, done))
        if now - self._written_at < _LINE_EVERY_S or done == first:
            return
        self._written_at = now
        left = timedelta(seconds=round((now - since) / (done - first) * (total - done)))
        line = f"{what}: {done} of {total}, {left} left"
        typer.echo(f"{line}, {detail}" if detail else line, err=True)
