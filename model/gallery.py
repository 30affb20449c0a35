"""The worst cases of an evaluation in one picture: truth and prediction on both sides' slices."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.cases import Case
from model.labels import SIDES, split
from model.landmark import Prediction
from model.metrics import Distance, shift
from model.volume import Volume

_TRUTH: Final = "#56D364"
_HIT: Final = "#56B4E9"
_WRONG: Final = "#FF5A36"
_RADIUS_MM: Final = 7.0  # of the disc that a network learns (thesis section 7.2)
_MARGIN_MM: Final = 45.0
_DPI: Final = 110
_TITLE_NAMES: Final = 4


@dataclass(frozen=True, eq=False, slots=True)
class SeenCase:
    """One evaluated scan, as the gallery keeps it."""

    case: Case
    distances: tuple[Distance, ...]

    @property
    def badness(self) -> tuple[int, float]:
        """Order scans: by foramina not within 5 mm, then by the greatest y-z distance."""
        far_mm = max((one.yz_mm for one in self.distances if one.yz_mm is not None), default=0.0)
        return sum(not one.hit for one in self.distances), far_mm


@dataclass(slots=True)
class WorstCases:
    """Keeps the worst of the scans that it sees, and no other in memory.

    Attributes:
        count: how many to keep.
    """

    count: int = 6
    _heap: list[tuple[tuple[int, float], int, SeenCase]] = field(default_factory=list)
    _number: "itertools.count[int]" = field(default_factory=itertools.count)

    def see(self, case: Case, prediction: Prediction, measured: Sequence[Distance]) -> None:
        """Look at one evaluated scan; fits the `observe` of `model.evaluate.evaluate`."""
        seen = SeenCase(case, tuple(measured))
        heapq.heappush(self._heap, (seen.badness, -next(self._number), seen))
        if len(self._heap) > self.count:
            heapq.heappop(self._heap)

    @property
    def cases(self) -> list[SeenCase]:
        """List what was kept, the worst first; of equal ones the first seen is first."""
        return [seen for _, _, seen in sorted(self._heap, key=lambda entry: entry[:2])[::-1]]


def draw(seen: Sequence[SeenCase], path: Path) -> None:
    """Draw scans into a PNG, two to a row, each with its right and its left side.

    The disc of 7 mm is the truth (dotted where it was missed), the cross the prediction, blue
    within 5 mm and red beyond; a line joins what belongs together. Points are projected on the
    slice in the middle of their side's true points. The picture shows patients: it does not
    belong into a bundle.

    Raises:
        ValueError: there is no scan.
    """
    if not seen:
        raise ValueError("there is no scan to draw; expected at least one")
    from matplotlib.figure import Figure

    across = min(2, len(seen))
    rows = -(-len(seen) // across)
    figure = Figure(figsize=(5.6 * across, 4.8 * rows + 0.3), dpi=_DPI, layout="constrained")
    figure.supxlabel(
        "disc: truth (dotted: missed); cross: prediction, blue within 5 mm in y-z, red beyond",
        fontsize=8,
    )
    parts = figure.subfigures(rows, across, squeeze=False).flat
    for part, one in zip(parts, seen, strict=False):
        part.suptitle(title(one), fontsize=9)
        for axes, side in zip(part.subplots(1, 2), reversed(SIDES), strict=True):
            _side(axes, one, side)
    figure.savefig(path)


def title(one: SeenCase) -> str:
    """Tell in two lines what is wrong with a scan."""
    wrong = [line for line in one.distances if not line.hit]
    if not wrong:
        return f"{one.case.name}: every foramen within 5 mm"
    off = shift(one.distances)
    words = [_in_words(line) for line in wrong[:_TITLE_NAMES]]
    if len(wrong) > _TITLE_NAMES:
        words.append(f"{len(wrong) - _TITLE_NAMES} more")
    whole = f", all by {abs(off)} level {'up' if off > 0 else 'down'}" if off else ""
    title = f"{one.case.name}: {len(wrong)} of {len(one.distances)} not within 5 mm{whole}"
    return f"{title}\n{', '.join(words)}"


def _in_words(line: Distance) -> str:
    return f"{line.label} missed" if line.yz_mm is None else f"{line.label} {line.yz_mm:.0f} mm"


def _side(axes: Any, one: SeenCase, side: str) -> None:
    """Draw one side's slice with its points."""
    volume = one.case.volume
    lines = [line for line in one.distances if split(line.label)[1] == side]
    axes.set_axis_off()
    if not lines:
        return
    truth = volume.to_index([one.case.points[line.label] for line in lines])
    index = int(np.clip(round(float(np.median(truth[:, 0]))), 0, len(volume.pixels) - 1))
    plane = volume.pixels[index]
    low, high = np.percentile(plane, [1, 99.5])
    _, row_mm, column_mm = volume.spacing_mm
    axes.imshow(plane, cmap="gray", vmin=low, vmax=max(high, low + 1), aspect=row_mm / column_mm)
    for line, (_, row, column) in zip(lines, truth, strict=True):
        _mark(axes, volume, line, row, column)
    _crop(axes, volume, lines, truth)
    axes.set_title(f"{side}, slice {index + 1} of {len(volume.pixels)}", fontsize=8)


def _mark(axes: Any, volume: Volume, line: Distance, row: float, column: float) -> None:
    """Draw one foramen: the true disc, the predicted cross, and what joins them."""
    from matplotlib.patches import Ellipse
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=2, foreground="black")]
    _, row_mm, column_mm = volume.spacing_mm
    size = (2 * _RADIUS_MM / column_mm, 2 * _RADIUS_MM / row_mm)
    style = "-" if line.found else ":"
    axes.add_patch(
        Ellipse((column, row), *size, fill=False, edgecolor=_TRUTH, linewidth=1.3, linestyle=style)
    )
    level = split(line.label)[0]
    word = level if line.found else f"{level} missed"
    axes.annotate(word, (column + size[0] / 2, row), xytext=(4, 0), textcoords="offset points",
                  color=_TRUTH, fontsize=8, va="center", path_effects=outline)  # fmt: skip
    if line.point_mm is None:
        return
    ((_, found_row, found_column),) = volume.to_index([line.point_mm])
    colour = _HIT if line.hit else _WRONG
    axes.plot(
        found_column,
        found_row,
        "+",
        color=colour,
        markersize=10,
        markeredgewidth=1.8,
        path_effects=outline,
    )
    if not line.hit:
        axes.plot([column, found_column], [row, found_row], color=colour, linewidth=0.9)
        axes.annotate(level, (found_column, found_row), xytext=(-6, 0), va="center", ha="right",
                      textcoords="offset points", color=colour, fontsize=8,
                      path_effects=outline)  # fmt: skip


def _crop(axes: Any, volume: Volume, lines: Sequence[Distance], truth: Any) -> None:
    """Show the points with a margin, and nothing beyond the image."""
    found = [line.point_mm for line in lines if line.point_mm is not None]
    points = np.concatenate([truth, volume.to_index(found)]) if found else truth
    _, row_mm, column_mm = volume.spacing_mm
    rows, columns = volume.pixels.shape[1:]
    margin_rows, margin_columns = _MARGIN_MM / row_mm, _MARGIN_MM / column_mm
    low_row, high_row = points[:, 1].min() - margin_rows, points[:, 1].max() + margin_rows
    low_column, high_column = (
        points[:, 2].min() - margin_columns,
        points[:, 2].max() + margin_columns,
    )
    axes.set_xlim(max(low_column, -0.5), min(high_column, columns - 0.5))
    axes.set_ylim(min(high_row, rows - 0.5), max(low_row, -0.5))
