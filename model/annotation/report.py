"""Points of DICOM Structured Reports, the node's own and other people's, as annotations.

Read are SCOORD on an image (PS3.3 section C.18.6), SCOORD3D in the patient (section C.18.9), and
both for one foramen, wherever they stand: in groups of TID 1410 and 1411, below a NUM of TID 1501,
or in a plain tree. `model.annotation.content` tells which foramen a point is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydicom import Dataset

from model.annotation.content import COORDINATES, Item, said_of, tree
from model.annotation.pairing import Found, on_nearest, paired
from model.annotation.points import found, has_points, points
from model.annotation.provenance import evidence, observer, written_at
from model.annotation.record import Annotation, Mark
from model.annotation.wording import Contradiction
from model.archive import UNREADABLE, DamagedError, Image, read_dicom, text
from model.labels import LABELS

SR_CLASSES: Final = "1.2.840.10008.5.1.4.1.1.88."
_NO_REPORTS: Final = frozenset({"59", "40"})  # Key Object Selection, Procedure Log


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read from one report.

    Attributes:
        report: the file.
        sop_instance_uid: of the report.
        annotations: one for each series that it marks.
        wording: text to label and number of points that it named; the label is None for points
            that were left out.
    """

    report: Path
    sop_instance_uid: str
    annotations: tuple[Annotation, ...]
    wording: Mapping[tuple[str, str | None], int]


def is_report(header: Dataset) -> bool:
    """Tell whether a data set is a Structured Report that may hold points."""
    uid = text(header, "SOPClassUID")
    return uid.startswith(SR_CLASSES) and uid.removeprefix(SR_CLASSES) not in _NO_REPORTS


def read_report(
    path: Path,
    images: Mapping[str, Image],
    *,
    known: Mapping[str, str | None] | None = None,
    series_instance_uid: str = "",
) -> Imported:
    """Read the points of a report.

    Args:
        path: the file.
        images: SOPInstanceUID to image. Needed for points that the report gives on an image
            only; without them a point keeps what the report itself says.
        known: normal form of a text (`wording.normal`) to label, or None for "no foramen".
        series_instance_uid: the series of SCOORD3D points where the report names several.

    Raises:
        ValueError: no report, no point with a foramen's name, a contradiction, an image that is
            not at hand, a point outside its image; the message names the file.
        OSError: the file cannot be read from the disk.
    """
    document = _read(path)
    try:
        return _imported(path, document, images, dict(known or {}), series_instance_uid)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except UNREADABLE as error:
        raise ValueError(
            f"{path}: its content cannot be read ({type(error).__name__}: {error}); expected a "
            "valid DICOM SR: check it with a validator such as dsrdump"
        ) from error


def _read(path: Path) -> Dataset:
    try:
        document = read_dicom(path)
    except DamagedError as error:
        raise ValueError(f"{path}: expected a DICOM SR; it is {error}") from error
    if not is_report(document):
        raise ValueError(
            f"{path}: expected a DICOM SR (SOP class {SR_CLASSES}*), got SOP class "
            f"{text(document, 'SOPClassUID') or 'none'}"
        )
    return document


def _imported(
    path: Path,
    document: Dataset,
    images: Mapping[str, Image],
    known: dict[str, str | None],
    series_instance_uid: str,
) -> Imported:
    root = tree(document)
    named = evidence(document)
    wording: Counter[tuple[str, str | None]] = Counter()
    marked: list[Found] = []
    for item in root.walk():
        if item.value_type not in COORDINATES or "GraphicData" not in item.dataset:
            continue
        label, words = _said(item, known)
        places = points(item) if label else []
        wording[words, label] += max(len(places), 1)
        if label:
            marked += [found(item, label, place, images, named) for place in places]
    if not marked:
        raise ValueError(_nothing(wording))
    by_series: dict[str, list[Found]] = {}
    for one in paired(marked):
        series = one.series_instance_uid or _series_of(one, series_instance_uid, images, named)
        by_series.setdefault(series, []).append(on_nearest(one, series, images))
    who, source = observer(root, document)
    at = written_at(document)
    return Imported(
        report=path,
        sop_instance_uid=text(document, "SOPInstanceUID"),
        annotations=tuple(
            _annotation(uid, points, source, who, at) for uid, points in sorted(by_series.items())
        ),
        wording=dict(wording),
    )


def _said(item: Item, known: dict[str, str | None]) -> tuple[str | None, str]:
    """Tell the foramen of an item and the words that say so; none for what has no points."""
    try:
        said = said_of(item, known)
    except Contradiction as error:
        if not has_points(item):
            return None, str(error)
        raise ValueError(
            f"{error}; expected one foramen: correct the report, or say with a file of labels what "
            "one of these texts means"
        ) from error
    return (said.label if has_points(item) else None), said.words


def _nothing(wording: Counter[tuple[str, str | None]]) -> str:
    if not wording:
        return "it holds no points; expected SCOORD or SCOORD3D items of type POINT"
    texts = "; ".join(f"{words!r}" for words, _ in list(wording)[:5])
    return (
        f"none of its {wording.total()} points is named as a lumbar foramen; found {texts}; "
        "expected words such as 'L4/L5 left': give a file of labels that maps these texts"
    )


def _series_of(
    one: Found, wanted: str, images: Mapping[str, Image], named: Mapping[str, str]
) -> str:
    """Tell the series of a point in the patient that names no image.

    It is the only series in the point's Frame of Reference among the report's evidence, or, when
    that names none, among the images at hand.
    """
    at_hand = [
        image
        for image in images.values()
        if image.frame_of_reference_uid == one.frame_of_reference_uid
    ]
    framed = {image.series_instance_uid for image in at_hand}
    series = set(named.values())
    possible = (series & framed) or series or framed
    if wanted:
        possible &= {wanted}
    if len(possible) == 1:
        return next(iter(possible))
    shown = ", ".join(sorted(possible)) or "none"
    raise ValueError(
        f"the series of the point of {one.label} is in doubt: {shown}; expected one in its Frame "
        f"of Reference {one.frame_of_reference_uid or '(none)'}: name the series by its UID"
    )


def _annotation(
    series_instance_uid: str, points: Sequence[Found], source: str, who: str, at: datetime | None
) -> Annotation:
    frames = sorted({one.frame_of_reference_uid for one in points} - {""})
    if len(frames) > 1:
        raise ValueError(f"its points lie in several Frames of Reference: {', '.join(frames)}")
    marks: dict[str, tuple[Mark, ...]] = {}
    for label in LABELS:
        mine = [one for one in points if one.label == label and one.point_mm is not None]
        if mine:
            marks[label] = tuple(_mark(one, who, at) for one in mine)
    return Annotation(
        series_instance_uid=series_instance_uid,
        frame_of_reference_uid=frames[0] if frames else "",
        source=source,
        marks=marks,
    )


def _mark(one: Found, who: str, at: datetime | None) -> Mark:
    if one.point_mm is None:
        raise ValueError(f"the point of {one.label} has no place in the patient")
    x, y, z = (round(value, 4) for value in one.point_mm)
    return Mark(point_mm=(x, y, z), sop_instance_uid=one.sop_instance_uid, annotator=who, at=at)
