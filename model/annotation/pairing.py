"""Points that a report gives twice: on an image and in the patient; they become one mark."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from model.archive import Image
from model.landmark import Point

_SAME_MM: Final = 1.0  # of one point, in the patient: reports round, 0.5 mm is a pixel's half


@dataclass(frozen=True, slots=True)
class Found:
    """A point of a report with its foramen.

    Attributes:
        label: the foramen.
        point_mm: LPS mm; None for a point on an image that is not at hand.
        sop_instance_uid: the image it was selected from; empty when none is named.
        series_instance_uid: that image's series; empty when not known.
        frame_of_reference_uid: of `point_mm`; empty when not known.
        tracking_uid: Tracking Unique Identifier of its group; empty when there is none.
        in_patient: it was given as SCOORD3D.
    """

    label: str
    point_mm: Point | None
    sop_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    tracking_uid: str
    in_patient: bool


def paired(found: Sequence[Found]) -> list[Found]:
    """Join each point on an image with the same point in the patient.

    Where the image is at hand, points of one label within 1 mm are the same; where it is not, the
    points of one label and Tracking Unique Identifier are, in their order.

    Raises:
        ValueError: a point on an image that is not at hand has none in the patient.
    """
    on_images = [one for one in found if not one.in_patient]
    in_patient = [one for one in found if one.in_patient]
    joined = []
    for one in on_images:
        twin = _twin(one, in_patient)
        if twin is not None:
            in_patient.remove(twin)
        elif one.point_mm is None:
            raise ValueError(
                f"the point of {one.label} is given on image {one.sop_instance_uid} only, which is "
                "not at hand; expected the folder that holds the images of the report"
            )
        joined.append(_merged(one, twin))
    return joined + in_patient


def _twin(one: Found, others: Sequence[Found]) -> Found | None:
    same = [other for other in others if other.label == one.label]
    if one.point_mm is None:
        tracked = [other for other in same if other.tracking_uid == one.tracking_uid]
        return tracked[0] if tracked else None
    near = [other for other in same if _distance_mm(one, other) <= _SAME_MM]
    return min(near, key=lambda other: _distance_mm(one, other), default=None)


def _merged(one: Found, twin: Found | None) -> Found:
    if twin is None:
        return one
    return replace(
        one,
        point_mm=twin.point_mm,
        series_instance_uid=one.series_instance_uid or twin.series_instance_uid,
        frame_of_reference_uid=one.frame_of_reference_uid or twin.frame_of_reference_uid,
    )


def _distance_mm(one: Found, other: Found) -> float:
    if one.point_mm is None or other.point_mm is None:
        return math.inf
    return math.dist(one.point_mm, other.point_mm)


def on_nearest(one: Found, series_instance_uid: str, images: Mapping[str, Image]) -> Found:
    """Name the slice of a point that names none: of its series, the one whose plane is nearest."""
    if one.sop_instance_uid or one.point_mm is None:
        return one
    point_mm = one.point_mm
    near = [
        (image.plane.distance_mm(point_mm), uid)
        for uid, image in images.items()
        if image.plane is not None and image.series_instance_uid == series_instance_uid
    ]
    return replace(one, sop_instance_uid=min(near)[1]) if near else one
