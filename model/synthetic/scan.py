"""A scan: pixels, their place in the patient, and the true points in them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model import affine as affine_map
from model.affine import FloatArray
from model.landmark import Point
from model.synthetic.augmentation import swapped
from model.synthetic.contrast import Kind
from model.synthetic.survey import Protocol

if TYPE_CHECKING:
    from model.synthetic.foramen import Foramen

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Scan:
    """One imaged subject; everything in the scan's patient frame, LPS mm.

    Attributes:
        pixels: float32 (slice, row, column), >= 0; slices from the patient's right to the left,
            rows from head to feet, columns from front to back.
        affine: float64 (4, 4), maps (slice, row, column, 1) of pixel centres to mm; right-handed.
        slice_thickness_mm: of the slices; their distance stands in the affine.
        contrast: "T1", "T2" or "free".
        protocol: with which it was made.
        points: the foramina; those outside the imaged volume too.
        decoys: foramina above and below the ten.
        anchors: centres of bodies and of S1's endplate.
        foramina: canals of the foramina.
    """

    pixels: Floats
    affine: FloatArray
    slice_thickness_mm: float
    contrast: Kind
    protocol: Protocol
    points: Mapping[str, Point]
    decoys: Mapping[str, Point]
    anchors: Mapping[str, Point]
    foramina: "Mapping[str, Foramen]"


def flipped(scan: Scan) -> Scan:
    """Mirror left and right about the middle slice; names of sides are exchanged."""
    normal = scan.affine[:3, 0] / np.linalg.norm(scan.affine[:3, 0])
    mirror = np.eye(3) - 2 * np.outer(normal, normal)
    middle = affine_map.to_patient(scan.affine, (np.asarray(scan.pixels.shape) - 1) / 2)[0]

    def mirrored(points: Mapping[str, Point]) -> dict[str, Point]:
        return {
            swapped(name): as_point(mirror @ (np.asarray(place) - middle) + middle)
            for name, place in points.items()
        }

    foramina = {
        swapped(name): replace(
            one,
            name=swapped(name),
            centre_mm=mirror @ (np.asarray(one.centre_mm) - middle) + middle,
            axes=np.asarray(one.axes) @ mirror,
        )
        for name, one in scan.foramina.items()
    }
    return replace(
        scan,
        pixels=np.ascontiguousarray(scan.pixels[::-1]),
        points=mirrored(scan.points),
        decoys=mirrored(scan.decoys),
        anchors=mirrored(scan.anchors),
        foramina=foramina,
    )


def as_point(place: FloatArray) -> Point:
    """Turn (3,) mm into plain numbers."""
    x, y, z = (float(value) for value in place)
    return x, y, z
