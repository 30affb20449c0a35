"""Pictures of results as PNG: distances, Dice curves, recalls, p-values, a search.

Figures are made without pyplot, so that nothing global is left behind. Colours are those of Okabe
and Ito, which colour-blind readers can tell apart.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.labels import LEVELS, SIDES, split

if TYPE_CHECKING:
    from model.compare import Comparison
    from model.search import Trial

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
_MARKERS: Final = {"left": "o", "right": "^"}
_DPI: Final = 130
_X_LIMIT_MM: Final = 10.0  # the thesis's bearable error in x (section 7.1.2)

Curve = Sequence[tuple[int, float]]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def scatter(report: Mapping[str, Any], path: Path) -> None:
    """Draw the y-z distance of every found point against its x distance (Figures 7.5 and 7.8)."""
    figure = _figure(7.5, 5.5)
    axes = figure.add_subplot()
    found = [line for line in report["foramina"] if line["yz_mm"] is not None]
    for level, colour in zip(LEVELS, COLOURS, strict=False):
        for side in SIDES:
            points = [(line["x_mm"], line["yz_mm"]) for line in found
                      if split(line["label"]) == (level, side)]  # fmt: skip
            x, yz = zip(*points, strict=True) if points else ((), ())
            axes.scatter(x, yz, s=22, color=colour, marker=_MARKERS[side], alpha=0.65,
                         edgecolors="none", label=f"{level} {side}")  # fmt: skip
    limit = report["within_mm"]
    axes.axhline(limit, color="0.35", linewidth=1, linestyle="--")
    axes.axvline(_X_LIMIT_MM, color="0.35", linewidth=1, linestyle=":")
    axes.set_xlim(left=-0.2, right=max([12.0, *(line["x_mm"] * 1.05 for line in found)]))
    axes.set_ylim(bottom=-0.2, top=max([10.0, *(line["yz_mm"] * 1.05 for line in found)]))
    axes.set_xlabel("distance in x, mm")
    axes.set_ylabel("distance in y-z, mm")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    every = report["groups"]["all"]
    name = f"{report['bundle']['name']} {report['bundle']['version']}"
    axes.set_title(
        f"{name}: {every['within_5_mm']} of {every['foramina']} foramina within {limit:.0f} mm "
        f"in y-z (dashed), {every['missed']} missed",
        fontsize=10,
    )
    figure.savefig(path)


def dice_curves(curves: Mapping[str, Curve], path: Path, what: str = "validation Dice") -> None:
    """Draw the Dice of one or several runs over their steps (Figures 7.4, B.1 and C.1).

    Args:
        curves: name of a run to its (step, Dice) pairs.
        path: of the PNG.
        what: which Dice it is, for the axis.

    Raises:
        ValueError: no run has a value.
    """
    if not any(curves.values()):
        raise ValueError("no run has a Dice yet; train until the first checkpoint")
    figure = _figure(7.5, 4.5)
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(curves.items()):
        steps, dice = zip(*curve, strict=True) if curve else ((), ())
        style = "-" if index < len(COLOURS) else "--"
        axes.plot(steps, dice, style, color=COLOURS[index % len(COLOURS)], linewidth=1.6,
                  marker="." if len(curve) < 60 else None, label=name)  # fmt: skip
    axes.set_ylim(0.0, 1.0)
    axes.set_xlim(left=0)
    axes.set_xlabel("step")
    axes.set_ylabel(what)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path)


def recalls(comparison: "Comparison", path: Path) -> None:
    """Draw each model's recall within 5 mm with its intervals, the best at the top."""
    rows = sorted(comparison.models, key=lambda model: model.recall)
    figure = _figure(7.5, 1.4 + 0.42 * len(rows))
    axes = figure.add_subplot()
    for height, row in enumerate(rows):
        low, high = (100 * value for value in row.recall_interval)
        axes.plot([low, high], [height, height], color=COLOURS[0], linewidth=5, alpha=0.35,
                  label=None if height else "Wilson")  # fmt: skip
        if row.recall_by_patient is not None:
            low, high = (100 * value for value in row.recall_by_patient)
            axes.plot([low, high], [height, height], color="0.2", linewidth=1.2, marker="|",
                      label=None if height else "by patient")  # fmt: skip
        axes.plot(100 * row.recall, height, "o", color=COLOURS[3], markersize=6)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("foramina within 5 mm, %, with intervals at 95 %")
    axes.grid(axis="x", alpha=0.25)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2, frameon=False)
    figure.savefig(path)


def p_values(comparison: "Comparison", path: Path) -> None:
    """Draw the p-values of all pairs as a square; the darker, the surer the difference."""
    names = [model.name for model in comparison.models]
    place = {name: index for index, name in enumerate(names)}
    square = np.full((len(names), len(names)), np.nan)
    for pair in comparison.pairs:
        square[place[pair.a], place[pair.b]] = square[place[pair.b], place[pair.a]] = pair.p_value
    side = 3.2 + 0.62 * len(names)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    shown = np.log10(np.clip(square, 1e-3, 1.0))
    image = axes.imshow(shown, cmap="cividis", vmin=-3, vmax=0)
    for row, column in np.argwhere(~np.isnan(square)):
        value = square[row, column]
        text = f"{value:.2f}" if value >= 0.005 else "<.005"
        light = shown[row, column] < -1.5
        axes.text(column, row, text, ha="center", va="center", fontsize=8,
                  color="white" if light else "black")  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_title("exact binomial test on discordant foramina: p", fontsize=10)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, ticks=[-3, -2, np.log10(0.05), -1, 0])
    bar.ax.set_yticklabels(["≤ 0.001", "0.01", "0.05", "0.1", "1"], fontsize=8)
    figure.savefig(path)


def search(trials: "Sequence[Trial]", path: Path) -> None:
    """Draw the Dice of every finished trial against each hyper-parameter."""
    from model.search import NAMES

    figure = _figure(9.5, 5.6)
    done = [trial for trial in trials if trial.dice is not None]
    grid = figure.subplots(2, 3, sharey=True)
    for index, (axes, (name, title)) in enumerate(zip(grid.flat, NAMES.items(), strict=True)):
        values = [trial.parameters[name] for trial in done]
        axes.scatter(values, [100 * (trial.dice or 0.0) for trial in done], s=26,
                     color=COLOURS[index], alpha=0.8, edgecolors="none")  # fmt: skip
        axes.set_xlabel(title)
        if name == "learning_rate":
            axes.set_xscale("log")
        if index % 3 == 0:
            axes.set_ylabel("Dice, %")
        axes.grid(alpha=0.25)
    figure.suptitle(f"{len(done)} networks of a random search", fontsize=10)
    figure.savefig(path)
