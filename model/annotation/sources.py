"""Annotations from files and folders, with the slice of each mark."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model import archive
from model.annotation.record import Annotation, Mark, is_annotation
from model.archive import Image
from model.json_file import parse, read_json
from model.landmark import Point

BySeries = dict[str, Annotation]


def load(path: Path, images: Sequence[Image] = ()) -> BySeries:
    """Read annotations: one file, or all below a folder; by SeriesInstanceUID.

    Args:
        path: an annotation file, a `truth.json` of a case, or a folder that holds such files;
            other JSON files are passed over.
        images: of the series; only for the series of a `truth.json` and for marks that do not
            name their slice: they get the nearest one.

    Raises:
        ValueError: a broken file, two annotations of one series, or no annotation at all; the
            message names the file.
        OSError: a file cannot be read from the disk.
    """
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder; expected annotations")
    by_series: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        by_series[image.series_instance_uid].append(image)
    found: BySeries = {}
    files: dict[str, Path] = {}
    for file in [path] if path.is_file() else archive.files(path):
        annotation = _read(file, images, alone=path.is_file()) if _maybe(file, path) else None
        if annotation is None:
            continue
        uid = annotation.series_instance_uid
        if uid in found:
            raise ValueError(
                f"{file}: annotates the same series as {files[uid]}; expected one annotation for "
                "a series on each side: put each annotator's files in a folder of their own"
            )
        found[uid] = with_slices(annotation, by_series[uid])
        files[uid] = file
    if not found:
        raise ValueError(f"{path}: holds no annotation; expected JSON files of marks")
    return found


def _maybe(file: Path, path: Path) -> bool:
    return file.suffix.lower() == ".json" or file == path


def _read(file: Path, images: Sequence[Image], *, alone: bool) -> Annotation | None:
    data = read_json(file)
    if is_annotation(data):
        return parse(file, Annotation, data)
    if isinstance(data, dict) and data.get("kind") == "points":
        return _of_truth(file, data, images)
    if alone:
        raise ValueError(f"{file}: is no annotation; expected a JSON file of marks")
    return None


def _of_truth(file: Path, data: Mapping[str, Any], images: Sequence[Image]) -> Annotation:
    """Make an annotation of a case's truth: its marks, or its points where it has none."""
    beside = [one for one in images if one.path.is_relative_to(file.parent)]
    if not beside:
        raise ValueError(
            f"{file}: its series is not known without its images; expected them beside it, or "
            "give the folder with the images"
        )
    marks = {
        label: data.get("marks", {}).get(label) or [point]
        for label, point in data.get("points", {}).items()
    }
    return parse(
        file,
        Annotation,
        {
            "schema": "foramina-annotation/1",
            "series_instance_uid": beside[0].series_instance_uid,
            "source": str(data.get("source", "truth.json")),
            "marks": {
                label: [{"point_mm": point} for point in some] for label, some in marks.items()
            },
        },
    )


def with_slices(annotation: Annotation, images: Sequence[Image]) -> Annotation:
    """Name the slice of each mark that names none: the one whose plane is the nearest."""
    planes = [(image, image.plane) for image in images if image.plane is not None]
    if not planes:
        return annotation

    def nearest(point_mm: Point) -> str:
        return min(planes, key=lambda one: one[1].distance_mm(point_mm))[0].sop_instance_uid

    def named(mark: Mark) -> Mark:
        if mark.sop_instance_uid:
            return mark
        return mark.model_copy(update={"sop_instance_uid": nearest(mark.point_mm)})

    marks = {label: tuple(map(named, some)) for label, some in annotation.marks.items()}
    return annotation.model_copy(update={"marks": marks})
