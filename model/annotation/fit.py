"""Whether an annotation and images belong together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from model.annotation.record import Annotation
from model.archive import Image
from model.landmark import Point
from model.order import impossible
from model.volume import Volume

_HALF_PIXEL: Final = 0.5
_OFF_SLICE: Final = 0.75  # slices that a mark may lie off the slice it names, for rounding
_AXES: Final = ("slice", "row", "column")


def require_own(path: Path, marked: Annotation, pixels: Volume, first: Image) -> None:
    """Check that an annotation is of these images, and every mark on the slice that it names.

    Args:
        path: of the annotation, for the message.
        marked: the annotation.
        pixels: the images.
        first: the header of one of them.

    Raises:
        ValueError: another series or Frame of Reference; a slice that is not there; a mark more
            than three quarters of a slice off its slice.
    """
    if marked.series_instance_uid != first.series_instance_uid:
        raise ValueError(
            f"{path}: annotates series {marked.series_instance_uid}; expected the series of "
            f"{first.path}, {first.series_instance_uid}"
        )
    frames = {marked.frame_of_reference_uid, pixels.frame_of_reference_uid} - {""}
    if len(frames) > 1:
        raise ValueError(
            f"{path}: its points lie in Frame of Reference {marked.frame_of_reference_uid}; "
            f"expected that of the images, {pixels.frame_of_reference_uid}"
        )
    order: dict[str, list[int]] = {}  # a multi-frame object has several slices
    for index, uid in enumerate(pixels.sop_instance_uids):
        order.setdefault(uid, []).append(index)
    for label, marks in marked.marks.items():
        for mark in marks:
            uid = mark.sop_instance_uid
            if uid and uid not in order:
                raise ValueError(
                    f"{path}: a mark of {label} names slice {uid}, which is not among the "
                    f"{len(order)} images in {first.path.parent}: a slice may be missing there"
                )
            place = float(pixels.to_index([mark.point_mm])[0][0])
            off = min((abs(place - index) for index in order.get(uid, ())), default=0.0)
            if off > _OFF_SLICE:
                raise ValueError(
                    f"{path}: a mark of {label} at {_said(mark.point_mm)} lies {off:.1f} slices "
                    f"off the slice that it names, {uid}"
                )


def require_inside(
    path: Path,
    pixels: Volume,
    points: Mapping[str, Point],
    marks: Mapping[str, Sequence[Point]],
) -> None:
    """Check that every point and mark lies inside the images, to half a pixel.

    Raises:
        ValueError: one does not, or a label has marks and no point.
    """
    sizes = pixels.pixels.shape
    unknown = [label for label in marks if label not in points]
    if unknown:
        raise ValueError(f"{path}: {unknown[0]} has marks and no point; expected both")
    for label in points:
        for point in (points[label], *marks.get(label, ())):
            index = pixels.to_index([point])[0]
            inside = [
                -_HALF_PIXEL <= place <= size - _HALF_PIXEL
                for place, size in zip(index, sizes, strict=True)
            ]
            if not all(inside):
                where = ", ".join(
                    f"{axis} {place:.1f} of 0..{size - 1}"
                    for axis, place, size in zip(_AXES, index, sizes, strict=True)
                )
                raise ValueError(
                    f"{path}: {label} at {_said(point)} lies outside the images: {where}; the "
                    "annotation may belong to another series, or slices may be missing"
                )


def _said(point: Point) -> str:
    return ", ".join(f"{value:.1f}" for value in point) + " mm"


def require_order(path: Path, points: Mapping[str, Point]) -> None:
    """Check that the points can be what they are called.

    Raises:
        ValueError: a level lies above a higher one, or left lies to the right.
    """
    wrong = impossible(points)
    if wrong:
        label, reason = next(iter(wrong.items()))
        raise ValueError(
            f"{path}: {label} is {reason}; expected levels from head to feet and left where x is "
            f"larger: correct the labels"
        )
