"""The foramina to cut out of one series: predicted, or taken from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import defaults
from model.commands.progress import Report, silent
from model.landmark import Point, Prediction

if TYPE_CHECKING:
    from model.crop import Target
    from model.volume import Volume


def crop_targets(
    folder: Path,
    *,
    points: Path | None = None,
    bundle: str | Path = defaults.BUNDLE,
    device: str = "auto",
    report: Report = silent,
) -> "tuple[Volume, tuple[Target, ...]]":
    """Read a series, and give it with the foramina to cut out of it.

    Args:
        folder: the DICOM files of one series.
        points: a truth.json, an annotation, a prediction (`foramina model predict --json`) or a
            DICOM SR; None: the bundle predicts.
        bundle: name of a shipped bundle, or a bundle folder.
        device: where the network runs.
        report: told about progress.

    Raises:
        ValueError: the files make no volume; the points are none, or those of another series.
        OSError: a file cannot be read from the disk.
    """
    from model.series_folder import read_series

    if points is None:
        return _predicted(folder, bundle, device, report)
    if points.suffix.lower() != ".json":
        return _of_report(folder, points)
    from model.json_file import read_json

    data = read_json(points)
    if isinstance(data, dict) and "landmarks" in data:
        volume, _ = read_series(folder)
        return volume, _possible(_prediction(points, data))
    from model.cases import read_annotated
    from model.crop import targets_of_points

    case = read_annotated(folder, points, folder.name)
    return case.volume, targets_of_points(case.points, points.name)


def _predicted(
    folder: Path, bundle: str | Path, device: str, report: Report
) -> "tuple[Volume, tuple[Target, ...]]":
    from model.commands.prediction import predict
    from model.series_folder import read_series

    volume, _ = read_series(folder)  # says what is wrong with a file before a network is loaded
    return volume, _possible(predict(folder, bundle, device, report))


def _of_report(folder: Path, path: Path) -> "tuple[Volume, tuple[Target, ...]]":
    """Take the points that a DICOM SR gives for this series."""
    from model import archive
    from model.annotation.report import read_report
    from model.crop import targets_of_points
    from model.series_folder import read_series

    volume, first = read_series(folder)
    own = set(volume.sop_instance_uids)
    images = {
        one.sop_instance_uid: one
        for one in archive.images(archive.files(folder))
        if one.sop_instance_uid in own
    }
    uid = first.series_instance_uid
    found = read_report(path, images, series_instance_uid=uid)
    marked = {one.series_instance_uid: one.points for one in found.annotations}
    if uid not in marked:
        raise ValueError(
            f"{path}: marks series {', '.join(sorted(marked))}; expected that of {folder}, {uid}"
        )
    return volume, targets_of_points(marked[uid], path.name)


def _prediction(path: Path, data: Mapping[str, Any]) -> Prediction:
    try:
        return Prediction.from_json(dict(data))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: expected a prediction as `foramina model predict --json` prints it "
            f"({type(error).__name__}: {error})"
        ) from error


def _possible(prediction: Prediction) -> "tuple[Target, ...]":
    """Leave out points in impossible order, as a report does."""
    from model.crop import Target, targets
    from model.order import impossible

    points: dict[str, Point] = {
        mark.label: mark.point_mm for mark in prediction.found if mark.point_mm is not None
    }
    wrong = impossible(points)
    return tuple(
        Target(target.label, reason=wrong[target.label]) if target.label in wrong else target
        for target in targets(prediction)
    )
