"""A picture of synthetic T1 scans, of real ones below them: does one take the first for MRI?

Columns: mid-sagittal slice, then the slices through the left and the right foramina.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model import volume
from model.affine import FloatArray
from model.labels import LABELS, SIDES, split
from model.landmark import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS: Final = ("mid-sagittal", "left foramina", "right foramina")
_WINDOW_MM: Final = (230.0, 200.0)  # shown of a slice, rows and columns
_FORAMEN_FROM_MIDDLE_MM: Final = 17.0  # half the mean distance of L3/L4's foramina
_SPINE_MM: Final = (120.0, 70.0)  # rows and columns by which brightness is set: no back fat
_PANEL_INCHES: Final = (2.3, 2.65)
_STREAM: Final = 7302  # keeps these random numbers apart


@dataclass(frozen=True, eq=False, slots=True)
class _Row:
    """One scan: its three slices, and which (row, column) lies in the middle of the panels."""

    title: str
    pixels: npt.NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    slices: tuple[int, int, int]
    middle: tuple[float, float]


def draw(
    out: Path,
    seeds: Sequence[int],
    real: Path | None = None,
    *,
    anatomies: Path | None = None,
    dots_per_inch: int = 98,
    report: Callable[[int], None] | None = None,
) -> None:
    """Write the montage as PNG.

    Args:
        out: the file; its folder is made when missing.
        seeds: one row each.
        real: folder of series (CASE/dicom) for further rows; those whose folder is named after T1
            when there are such, else all.
        anatomies: folder of kept subjects to image in turn; None draws each.
        dots_per_inch: of the picture.
        report: called with the number of rows done.

    Raises:
        ValueError: nothing to draw, or a folder without series.
    """
    from matplotlib.figure import Figure

    folders = [] if real is None else series(real)
    if not seeds and not folders:
        raise ValueError("there is nothing to draw; expected a seed or a folder of real series")
    count = len(seeds) + len(folders)
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(3 * width, count * height), facecolor="black", dpi=dots_per_inch)
    grid = figure.subplots(
        count, 3, squeeze=False,
        gridspec_kw={"wspace": 0.01, "hspace": 0.01, "left": 0, "right": 1, "bottom": 0, "top": 1},
    )  # fmt: skip
    for done, row in enumerate(_rows(seeds, folders, anatomies)):
        for axes, column, number in zip(grid[done], COLUMNS, row.slices, strict=True):
            _show(axes, row, number, f"{row.title}, {column}")
        if report is not None:
            report(done + 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, facecolor="black")


def foraminal_slices(
    points: Mapping[str, Point], affine: FloatArray, count: int
) -> tuple[int, int, int]:
    """Choose the slice in the middle, and on each side the one that cuts most foramina best.

    Args:
        points: label to (x, y, z) mm.
        affine: of the scan.
        count: its slices.

    Raises:
        ValueError: a side has no point.
    """
    place = {}
    for side in SIDES:
        known = [points[name] for name in LABELS if name in points and split(name)[1] == side]
        if not known:
            raise ValueError(f"no foramen of the {side} side has a point; expected at least one")
        place[side] = float(np.median(affine_map.to_index(affine, known)[:, 0]))
    wanted = (sum(place.values()) / 2, place["left"], place["right"])
    middle, left, right = (int(np.clip(np.rint(one), 0, count - 1)) for one in wanted)
    return middle, left, right


def _rows(seeds: Sequence[int], folders: Sequence[Path], anatomies: Path | None) -> Iterator[_Row]:
    for place, seed in enumerate(seeds):
        yield _synthetic(seed, place, anatomies)
    for folder in folders:
        yield _real(folder)


def _synthetic(seed: int, place: int, anatomies: Path | None) -> _Row:
    from model.synthetic import acquisition
    from model.synthetic.contrast import Priors
    from model.synthetic.realism import take

    rng = np.random.default_rng([seed, _STREAM])
    priors = Priors(t1=1.0, t2=0.0, free=0.0)
    scan = acquisition.image(take(seed, place, anatomies), rng, priors=priors)
    index = affine_map.to_index(scan.affine, list(scan.points.values())).mean(axis=0)
    return _Row(
        title=f"synthetic {seed}",
        pixels=scan.pixels,
        spacing_mm=affine_map.spacing_mm(scan.affine),
        slices=foraminal_slices(scan.points, scan.affine, len(scan.pixels)),
        middle=(float(index[1]), float(index[2])),
    )


def _real(folder: Path) -> _Row:
    """Read a real series; without points its middle slice counts as the middle of the spine."""
    files = [path for path in sorted((folder / "dicom").rglob("*")) if path.is_file()]
    scan = volume.load(files)
    last = len(scan.pixels) - 1
    middle, away = (last + 1) // 2, _FORAMEN_FROM_MIDDLE_MM / scan.spacing_mm[0]
    left, right = min(round(middle + away), last), max(round(middle - away), 0)
    bright = scan.pixels[middle] > np.percentile(scan.pixels[middle], 60)
    columns = np.flatnonzero(bright.any(axis=0))
    return _Row(
        title=f"real {folder.name}",
        pixels=scan.pixels,
        spacing_mm=scan.spacing_mm,
        slices=(middle, left, right),
        middle=((scan.pixels.shape[1] - 1) / 2, float(np.mean(columns))),
    )


def series(folder: Path) -> list[Path]:
    """List the folders that hold a series; only those named after T1 when there are such.

    Raises:
        ValueError: there is none.
    """
    found = sorted(path.parent for path in folder.glob("*/dicom"))
    if not found:
        raise ValueError(f"{folder} holds no CASE/dicom; expected folders of series")
    weighted = [path for path in found if "T1" in path.name.upper()]
    return weighted or found


def _show(axes: "Axes", row: _Row, number: int, title: str) -> None:
    """Show a slice in mm, as a viewer does: near fat white, air black."""
    plane = row.pixels[number]
    _, down_mm, along_mm = row.spacing_mm
    rows, columns = plane.shape
    top, left = row.middle[0] * down_mm, row.middle[1] * along_mm
    axes.set_facecolor("black")
    axes.set_axis_off()
    axes.imshow(
        plane, cmap="gray", vmin=0.0, vmax=_white(row, plane), interpolation="bicubic",
        extent=(0.0, columns * along_mm, rows * down_mm, 0.0),
    )  # fmt: skip
    axes.set_ylim(top + _WINDOW_MM[0] / 2, top - _WINDOW_MM[0] / 2)
    axes.set_xlim(left - 0.55 * _WINDOW_MM[1], left + 0.45 * _WINDOW_MM[1])
    axes.text(
        0.02, 0.98, title, color="#ffd400", fontsize=6, va="top", transform=axes.transAxes
    )  # fmt: skip


def _white(row: _Row, plane: npt.NDArray[np.float32]) -> float:
    """Choose what is shown white: the brightest near the spine, as one windows to read bone."""
    reach = np.asarray(_SPINE_MM) / 2 / row.spacing_mm[1:]
    rows, columns = (
        slice(max(int(middle - away), 0), int(middle + away) + 1)
        for middle, away in zip(row.middle, reach, strict=True)
    )
    near = plane[rows, columns]
    return float(np.percentile(near, 98)) if near.size else 1.0
