"""Series with their truth: `CASE/dicom/*` with `CASE/truth.json`, or images with an annotation.

Everything that could spoil a training is refused here, with the name of the file: mixed series,
missing slices, unknown or wrong labels, marks outside the images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.annotation.fit import require_inside, require_order, require_own
from model.annotation.record import SCHEMA, Annotation, is_annotation
from model.json_file import parse, read_json
from model.labels import LABELS
from model.landmark import Point
from model.series_folder import read_series
from model.volume import Volume


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """One series with its truth.

    Attributes:
        name: for reports.
        volume: the series.
        points: label to (x, y, z) mm.
        marks: label to the points an annotator clicked, one per slice; may lack labels.
        patient: pseudonym of the patient; empty when not known.
        series_instance_uid: of the images; empty when not known.
    """

    name: str
    volume: Volume
    points: Mapping[str, Point]
    marks: Mapping[str, Sequence[Point]]
    patient: str = ""
    series_instance_uid: str = ""


def case_folders(folder: Path) -> list[Path]:
    """List the cases of a folder: itself when it holds a truth.json, else those below it.

    Raises:
        ValueError: there is none.
    """
    found = [folder] if (folder / "truth.json").is_file() else []
    found = found or sorted(path.parent for path in folder.glob("*/truth.json"))
    if not found:
        raise ValueError(
            f"{folder} holds no case; expected CASE/truth.json with the images in CASE/dicom/. For "
            "scans with annotation files, `foramina model index build` makes an index to name here"
        )
    return found


def read_case(folder: Path) -> Case:
    """Read one case: its `truth.json` and the images in its folder `dicom`.

    Raises:
        ValueError: see `read_annotated`.
    """
    return read_annotated(folder / "dicom", folder / "truth.json", folder.name)


def read_annotated(images: Path, annotation: Path, name: str) -> Case:
    """Read one series with what is known of it.

    Args:
        images: folder with the images of one series, read recursively.
        annotation: an annotation (`model.annotation`), or a `truth.json`: `{"kind": "points",
            "points": {"L4-left": [x, y, z], ...}, "marks": {"L4-left": [[x, y, z], ...], ...}}`.
        name: for reports.

    Raises:
        ValueError: the annotation is broken, or names an unknown label; the images make no
            volume; they and the annotation do not fit. The message names the file.
        OSError: a file cannot be read from the disk.
    """
    data = read_json(annotation)
    if is_annotation(data):
        marked = parse(annotation, Annotation, data)
        points = marked.points
        marks: dict[str, Sequence[Point]]
        marks = {label: [one.point_mm for one in some] for label, some in marked.marks.items()}
    else:
        marked = None
        points, marks = _truth(annotation, data)
    pixels, first = read_series(images)
    if marked is not None:
        require_own(annotation, marked, pixels, first)
    require_inside(annotation, pixels, points, marks)
    require_order(annotation, points)
    return Case(name, pixels, points, marks, first.patient, first.series_instance_uid)


def _truth(path: Path, data: Any) -> tuple[dict[str, Point], dict[str, Sequence[Point]]]:
    """Read the points and marks of a truth.json."""
    kind = data.get("kind") if isinstance(data, dict) else None
    points = data.get("points") if isinstance(data, dict) else None
    if kind != "points" or not isinstance(points, dict) or not points:
        raise ValueError(
            f"{path}: kind is {kind!r}; expected 'points' with "
            f'{{"L4-left": [x, y, z], ...}} in patient mm, or an annotation ("schema": "{SCHEMA}")'
        )
    marks = data.get("marks") or {}
    return (
        {name: _point(path, name, point) for name, point in points.items()},
        {name: [_point(path, name, point) for point in some] for name, some in marks.items()},
    )


def _point(path: Path, name: str, values: Any) -> Point:
    broken = ValueError(
        f"{path}: {name!r}: {values!r}; expected a label of {', '.join(LABELS)} and three mm"
    )
    if name not in LABELS or not isinstance(values, list) or len(values) != 3:
        raise broken
    try:
        x, y, z = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise broken from error
    return x, y, z
