"""What a search found: the best networks (Figure A.1), and what mattered (Table 7.2)."""

import csv
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from model import regression
from model.search.spec import NAMES
from model.search.trial import Trial

_TOP: Final = 20


def write_results(trials: Sequence[Trial], folder: Path) -> None:
    """Write `results.json`, `results.csv`, `results.md` and `search.png` into a search's folder.

    Args:
        trials: from `model.search.search` or `model.search.read_trials`.
        folder: the search's.
    """
    from model import plots

    fitted, why_not = _fit(trials)
    content = {
        "trials": [dataclasses.asdict(trial) for trial in trials],
        "regression": None if fitted is None else dataclasses.asdict(fitted),
        "no_regression_because": why_not,
    }
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _write_csv(trials, folder / "results.csv")
    page = markdown(trials)
    if any(trial.dice is not None for trial in trials):
        plots.search(trials, folder / "search.png")
        page += "\n![Dice against each hyper-parameter](search.png)\n"
    (folder / "results.md").write_text(f"# Random search\n\n{page}", encoding="utf-8")


def markdown(trials: Sequence[Trial]) -> str:
    """Write the best networks and the regression as Markdown."""
    done = sorted((one for one in trials if one.dice is not None), key=lambda one: -(one.dice or 0))
    failed = [one for one in trials if one.state == "failed"]
    fitted, why_not = _fit(trials)
    parts = [
        f"{len(done)} networks trained, {len(failed)} failed, "
        f"{len(trials) - len(done) - len(failed)} under way.\n",
        f"## The best {min(_TOP, len(done))}\n",
        _table(done[:_TOP]),
        "## What mattered\n",
        f"{why_not}.\n" if fitted is None else regression.markdown(fitted, NAMES),
    ]
    if failed:
        lines = [f"- trial {one.number}: {one.reason}" for one in failed]
        parts += ["## Failed\n", "\n".join(lines) + "\n"]
    return "\n".join(parts)


def _fit(trials: Sequence[Trial]) -> tuple[regression.Regression | None, str]:
    """Fit the regression, or say why there is none yet."""
    done = [trial for trial in trials if trial.dice is not None]
    try:
        fitted = regression.fit(
            [trial.parameters for trial in done], [trial.dice or 0.0 for trial in done]
        )
    except ValueError as error:
        return None, str(error)
    return fitted, ""


def _table(trials: Sequence[Trial]) -> str:
    columns = (*NAMES.values(), "Dice, %", "steps", "hours", "trial")
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for trial in trials:
        cells: tuple[Any, ...] = (
            *(f"{trial.parameters[name]:g}" for name in NAMES),
            f"{100 * (trial.dice or 0.0):.2f}",
            trial.steps,
            f"{trial.seconds / 3600:.2f}",
            trial.number,
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _write_csv(trials: Sequence[Trial], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", "state", *NAMES, "dice", "steps", "seconds", "reason"])
        for one in trials:
            values = [one.parameters.get(name, "") for name in NAMES]
            dice = "" if one.dice is None else round(one.dice, 5)
            writer.writerow(
                [one.number, one.state, *values, dice, one.steps, one.seconds, one.reason]
            )
