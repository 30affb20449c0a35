"""The curves of a run: its losses as a table and as a picture."""

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.curves import read

_POINTS: Final = 400  # in the picture; each is the mean over its share of the steps


def write(folder: Path) -> None:
    """Write `curves.csv` (every step) and `curves.png` (averaged) beside the history."""
    rows = [dict(line) for line in read(folder)]
    names = list(rows[0]) if rows else ["step"]
    with (folder / "curves.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    if rows:
        _draw(rows, names[1:], folder / "curves.png")


def _draw(rows: list[dict[str, Any]], names: list[str], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4 * len(names), 3.4), layout="constrained")
    steps = _averaged(np.array([row["step"] for row in rows], float))
    for axes, name in zip(np.ravel(figure.subplots(1, len(names))), names, strict=True):
        axes.plot(steps, _averaged(np.array([row[name] for row in rows], float)), linewidth=1.2)
        axes.set_yscale("log")
        axes.set_xlabel("step")
        axes.set_title(name, fontsize=9)
        axes.grid(alpha=0.25, which="both")
    figure.savefig(path, dpi=110)


def _averaged(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    """Average runs of equal length, so that at most `_POINTS` values are left."""
    return [float(part.mean()) for part in np.array_split(values, min(_POINTS, len(values)))]
