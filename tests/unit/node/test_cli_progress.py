"""Progress: bars on a terminal, lines in a file, and errors as a sentence."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from node.cli import progress
from node.cli.progress import reported
from node.errors import ForaminaError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("node.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_a_file_gets_a_line_now_and_then(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with reported() as report:
        for step in range(1000, 1101):  # a run that goes on at step 1000
            report("training", step, 2000, "loss 0.5")
            clock[0] += 0.5
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["training: 1060 of 2000, 0:07:50 left, loss 0.5"]


def test_what_is_done_at_once_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with reported() as report:
        report("reading", 3, 3)
    assert capsys.readouterr().err == ""


def test_bars_begin_where_the_work_begins() -> None:
    shown = Progress(console=Console(file=io.StringIO(), force_terminal=True))
    bars = progress._Bars(shown)
    bars("training", 1000, 2000)
    bars("training", 1010, 2000, "loss 0.5")
    bars("reading", 1, 4)
    shown.stop()
    first, second = shown.tasks
    assert (first.completed, first.total, first.fields["detail"]) == (1010, 2000, "loss 0.5")
    assert (second.description, second.completed) == ("reading", 1)


@pytest.mark.parametrize("error", [ValueError("bad.dcm: no image"), OSError("disk full")])
def test_what_is_wrong_with_the_input_is_a_sentence(error: Exception) -> None:
    with pytest.raises(ForaminaError, match=str(error)), reported():
        raise error


def test_a_fault_of_the_program_stays_a_fault() -> None:
    with pytest.raises(KeyError), reported():
        raise KeyError("x")
