"""The curves of a run: its history as lines, CSV, picture and TensorBoard scalars."""

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from model.run import BOARD, HISTORY

Line = Mapping[str, Any]
"""One step: `step`, `loss`, `dice` per channel, and `validation_dice` where it was measured."""

_SMOOTHED_OVER: Final = 50  # steps, in the picture


class History:
    """Appends the lines of a run, to its history file and to TensorBoard alike."""

    def __init__(self, folder: Path, channels: Sequence[str], step: int) -> None:
        """Open the history of a run that goes on after a step; later lines are made again.

        TensorBoard's own package is needed to look at the scalars, not to write them.
        """
        import tensorflow as tf

        self._channels = channels
        kept = rewind(folder, step)
        self._file = (folder / HISTORY).open("a", encoding="utf-8")
        shutil.rmtree(folder / BOARD, ignore_errors=True)  # else the repeated steps show twice
        self._board: Any = tf.summary.create_file_writer(str(folder / BOARD))
        kind = tf.compat.v1.SummaryMetadata
        self._scalar = kind(data_class=1, plugin_data=kind.PluginData(plugin_name="scalars"))
        for line in kept:
            self._show(line)

    def append(self, line: Line) -> None:
        """Add the line of one step; it is safe from a kill of this process when this returns."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self._show(line)

    def _show(self, line: Line) -> None:
        import tensorflow as tf

        with self._board.as_default(step=line["step"]):
            for name, value in columns(line, self._channels).items():
                if name != "step":
                    tag = name.replace("_dice", "/dice", 1)
                    tf.summary.write(tag, np.float32(value), metadata=self._scalar)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._board.close()


def rewind(folder: Path, step: int) -> list[Line]:
    """Drop the lines of a run's history after a step, which are made again; give the rest."""
    kept = [line for line in read(folder) if line["step"] <= step]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    (folder / HISTORY).write_text(text, encoding="utf-8")
    return kept


def read(folder: Path) -> list[Line]:
    """Read the lines of a run's history; a line that a kill tore is left out."""
    path = folder / HISTORY
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def columns(line: Line, channels: Sequence[str]) -> dict[str, Any]:
    """Flatten a line: step, loss, and per part the mean Dice and that of each channel."""
    flat: dict[str, Any] = {"step": line["step"], "loss": line["loss"]}
    for part, key in (("training", "dice"), ("validation", "validation_dice")):
        dice = line.get(key) or []
        if dice:
            flat[f"{part}_dice"] = round(sum(dice) / len(dice), 5)
        if len(dice) > 1:
            flat |= {f"{part}_dice_{name}": one for name, one in zip(channels, dice, strict=True)}
    return flat


def write(folder: Path, channels: Sequence[str]) -> None:
    """Write curves.csv and curves.png beside the history."""
    rows = [columns(line, channels) for line in read(folder)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "curves.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    _draw(rows, names, folder / "curves.png")


def _draw(rows: Sequence[dict[str, Any]], names: Sequence[str], path: Path) -> None:
    """Draw loss and Dice over the steps; what every step gives is smoothed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    for axes, wanted in zip(figure.subplots(1, 2), ("loss", "dice"), strict=True):
        for name in (name for name in names if wanted in name):
            points = [(row["step"], row[name]) for row in rows if name in row]
            steps, values = zip(*points, strict=True)
            measured = name.startswith("validation")
            axes.plot(
                steps,
                values if measured else _smoothed(values),
                marker="." if measured else None,
                label=name.replace("_", " "),
                linewidth=1.2,
            )
        axes.set_xlabel("step")
        axes.set_title(f"{wanted}, training smoothed over {_SMOOTHED_OVER} steps", fontsize=9)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Give the mean of each value and those before it."""
    smooth, total = [], 0.0
    for index, value in enumerate(values):
        total += value
        if index >= _SMOOTHED_OVER:
            total -= values[index - _SMOOTHED_OVER]
        smooth.append(total / min(index + 1, _SMOOTHED_OVER))
    return smooth
