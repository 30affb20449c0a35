"""Series with their truth, read from folders: `CASE/dicom/*` and `CASE/truth.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import volume
from model.labels import LABELS
from model.landmark import Point
from model.volume import Volume


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """One series with its truth.

    Attributes:
        name: for reports.
        volume: the series.
        points: label to (x, y, z) mm.
        marks: label to the points an annotator clicked, one per slice; may lack labels.
    """

    name: str
    volume: Volume
    points: Mapping[str, Point]
    marks: Mapping[str, Sequence[Point]]


def case_folders(folder: Path) -> list[Path]:
    """List the cases of a folder: itself when it holds a truth.json, else those below it.

    Raises:
        ValueError: there is none.
    """
    found = [folder] if (folder / "truth.json").is_file() else []
    found = found or sorted(path.parent for path in folder.glob("*/truth.json"))
    if not found:
        raise ValueError(
            f"{folder} holds no case; expected CASE/truth.json with the images in CASE/dicom/"
        )
    return found


def read_case(folder: Path) -> Case:
    """Read one case.

    Raises:
        ValueError: truth.json has no points, or unknown labels; or the images make no volume.
    """
    path = folder / "truth.json"
    truth: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if truth.get("kind") != "points" or not truth.get("points"):
        raise ValueError(
            f"{path}: kind is {truth.get('kind')!r}; expected 'points' with "
            '{"L4-left": [x, y, z], ...} in patient mm'
        )
    images = [entry for entry in sorted((folder / "dicom").rglob("*")) if entry.is_file()]
    return Case(
        name=folder.name,
        volume=volume.load(images),
        points={name: _point(path, name, point) for name, point in truth["points"].items()},
        marks={
            name: [_point(path, name, point) for point in points]
            for name, points in truth.get("marks", {}).items()
        },
    )


def _point(path: Path, name: str, values: Sequence[Any]) -> Point:
    if name not in LABELS or len(values) != 3:
        raise ValueError(
            f"{path}: {name!r}: {values!r}; expected a label of {', '.join(LABELS)} and three mm"
        )
    x, y, z = (float(value) for value in values)
    return x, y, z
