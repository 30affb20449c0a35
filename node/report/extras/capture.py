"""Secondary Capture: one picture of all images with marks, for viewers that draw nothing.

PS3.3 A.8.1. The marks and the warning are in the pixels; the patient's name is not.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from highdicom.spatial import get_closest_patient_orientation
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from model import labels
from model.volume import Volume
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.elements import plain
from node.report.extras.display import Display, read_displays
from node.report.extras.images import by_image, marked, references, tell_compression
from node.report.extras.montage import Cell, Mark, Picture, draw
from node.report.extras.own import (
    BANNER,
    BODY_PART,
    DISCLAIMER,
    MARK_RADIUS_MM,
    Kind,
    begun,
    date_and_time,
    finished,
    short,
)
from node.report.file import in_zone
from node.report.points import Slice
from storage.reports import NewObject

KIND: Final = Kind(
    "secondary-capture", SecondaryCaptureImageStorage, "OT", 3000,
    "AI lumbar foramina: picture (not verified)",
)  # fmt: skip


def build(answer: Answer, headers: Sequence[Dataset], scan: Volume) -> NewObject:
    """Build the picture."""
    displays = read_displays(answer.stack, headers, scan)
    document = begun(KIND, answer, repr(list(displays.values())))
    document.ConversionType = "WSD"
    document.DateOfSecondaryCapture, document.TimeOfSecondaryCapture = date_and_time(answer)
    document.ImageType = ["DERIVED", "SECONDARY"]
    document.BodyPartExamined = BODY_PART
    document.BurnedInAnnotation = "YES"
    document.PatientOrientation = _orientation(answer.stack.slices[0])
    document.DerivationDescription = f"Montage with marks by an algorithm. {BANNER}"
    document.ImageComments = " ".join(words.STATEMENTS)
    document.SourceImageSequence = references(marked(answer))
    tell_compression(document, headers)
    _put_pixels(document, _picture(answer, displays, scan))
    return finished(KIND, document, answer)


def _picture(answer: Answer, displays: dict[Slice, Display], scan: Volume) -> Picture:
    planes = dict(zip(answer.stack.slices, scan.pixels, strict=True))
    cells = [
        Cell(
            grey=displays[image].grey(planes[image]),
            spacing_mm=(float(image.spacing_mm[0]), float(image.spacing_mm[1])),
            caption=displays[image].name,
            marks=tuple(_mark(one) for one in found),
        )
        for image, found in by_image(answer)
    ]
    return draw(cells, BANNER, _notes(answer), MARK_RADIUS_MM)


def _mark(one: Located) -> Mark:
    return Mark(short(one.landmark.label), *one.placed.image_xy)


def _notes(answer: Answer) -> list[str]:
    at = in_zone(answer.created_at, answer.source.timezone_offset)
    bundle = f"{answer.prediction.bundle} {answer.prediction.bundle_version}"
    notes = [
        f"Lumbar foramina located by an algorithm. {DISCLAIMER}",
        *words.STATEMENTS[1:],
        plain(f"Made on {at:%Y-%m-%d} at {at:%H:%M} by {bundle}."),
    ]
    missed = [
        f"{labels.spoken(mark.label)} ({plain(mark.reason or '')})"
        for mark in answer.prediction.missed
    ]
    return [*notes, f"Not located: {', '.join(missed)}."] if missed else notes


def _orientation(image: Slice) -> list[str]:
    """Say where the rows and the columns of each image run to, nearly (PS3.3 C.7.6.1.1.1)."""
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = image.orientation[3:], image.orientation[:3]
    affine[:3, 2] = image.normal
    down, along, _ = get_closest_patient_orientation(affine)
    return [along.value, down.value]


def _put_pixels(document: Dataset, picture: Picture) -> None:
    document.Rows, document.Columns, document.SamplesPerPixel = picture.shape
    document.PhotometricInterpretation, document.PlanarConfiguration = "RGB", 0
    document.BitsAllocated = document.BitsStored = 8
    document.HighBit, document.PixelRepresentation = 7, 0
    data = picture.tobytes()
    document.PixelData = data + b"\0" * (len(data) % 2)
    document["PixelData"].VR = "OB"
