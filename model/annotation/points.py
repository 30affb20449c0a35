"""Points of SCOORD and SCOORD3D content items (PS3.3 sections C.18.6 and C.18.9)."""

import math
from collections.abc import Mapping
from typing import Any, Final

from model.annotation.content import Item
from model.annotation.pairing import Found
from model.archive import Image, text
from model.landmark import Point

_TRACKING_UID: Final = "112040"
_VALUES_OF_A_POINT: Final = {"SCOORD": 2, "SCOORD3D": 3}
_SHAPES: Final = frozenset({"POINT", "MULTIPOINT", "ELLIPSE"})


def has_points(item: Item) -> bool:
    """Tell whether an item's shape is a point, several, or one with a middle."""
    shapes = _SHAPES | {"CIRCLE"} if item.value_type == "SCOORD" else _SHAPES
    return text(item.dataset, "GraphicType") in shapes


def points(item: Item) -> list[tuple[float, ...]]:
    """Give the points of an item that has some; of a circle or an ellipse its middle.

    Raises:
        ValueError: GraphicData does not hold whole points of finite numbers.
    """
    size = _VALUES_OF_A_POINT[item.value_type]
    value: Any = item.dataset.GraphicData
    numbers = [float(one) for one in (value if not isinstance(value, float | int) else [value])]
    rows = [tuple(numbers[at : at + size]) for at in range(0, len(numbers), size)]
    if not rows or len(rows[-1]) != size or not all(map(math.isfinite, numbers)):
        raise ValueError(f"GraphicData {numbers} does not hold {size} numbers for each point")
    shape = text(item.dataset, "GraphicType")
    if shape == "MULTIPOINT":
        return rows
    if shape == "ELLIPSE":
        return [tuple(sum(axis) / len(rows) for axis in zip(*rows, strict=True))]
    return rows[:1]  # viewers write an arrow's tail behind its head; a circle's rim follows too


def found(
    item: Item,
    label: str,
    point: tuple[float, ...],
    images: Mapping[str, Image],
    evidence: Mapping[str, str],
) -> Found:
    sop_instance_uid = _source_image(item)
    image = images.get(sop_instance_uid)
    point_mm: Point | None = None
    if item.value_type == "SCOORD3D":
        point_mm = (point[0], point[1], point[2])
    elif not sop_instance_uid:
        raise ValueError("an SCOORD names no image that it was selected from")
    elif image is not None:
        point_mm = _placed(image, point[0], point[1])
    series = image.series_instance_uid if image else evidence.get(sop_instance_uid, "")
    return Found(
        label=label,
        point_mm=point_mm,
        sop_instance_uid=sop_instance_uid,
        series_instance_uid=series,
        frame_of_reference_uid=(
            text(item.dataset, "ReferencedFrameOfReferenceUID")
            or (image.frame_of_reference_uid if image else "")
        ),
        tracking_uid=_tracking_uid(item),
        in_patient=item.value_type == "SCOORD3D",
    )


def _placed(image: Image, x: float, y: float) -> Point:
    plane = image.plane
    if plane is None:
        raise ValueError(
            f"image {image.path} does not say where it lies; expected ImagePositionPatient, "
            "ImageOrientationPatient and PixelSpacing"
        )
    if not (0 <= x <= plane.columns and 0 <= y <= plane.rows):
        raise ValueError(
            f"a point at column {x:g}, row {y:g} lies outside its image {image.path.name} of "
            f"{plane.columns} columns and {plane.rows} rows"
        )
    return plane.to_patient(x, y)


def _source_image(item: Item) -> str:
    """Give the UID of the image that a point was selected from, by value or by reference."""
    for child in (*item.children, *item.referred):
        references = child.dataset.get("ReferencedSOPSequence")
        if child.value_type == "IMAGE" and references:
            return text(references[0], "ReferencedSOPInstanceUID")
    return ""


def _tracking_uid(item: Item) -> str:
    for child in item.parent.children if item.parent is not None else ():
        if child.name[0] == _TRACKING_UID:
            return text(child.dataset, "UID")
    return ""
