"""Extras for the tests: from the series of `tests.report_series` with pixels, read back whole.

Where things must lie is worked out again here.
"""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedMRImageStorage

from model.landmark import Prediction
from model.volume import Volume
from node.report.answer import Answer
from node.report.extras import build
from node.report.points import read_stack
from storage.reports import NewObject
from tests import report_series as made

MULTIFRAME = f"{made.SERIES}.900"
RADIUS_MM = 5.0


def plane(number: int) -> np.ndarray:
    """Give the pixels of the image of an index: darkness to the left, light to the right."""
    ramp = np.linspace(0, 1000, made.COLUMNS, dtype=np.float32)
    return np.tile(ramp, (made.ROWS, 1)) + 10 * number


def index_of(header: Dataset) -> int:
    """Tell the index that an image was made with."""
    return int(header.InstanceNumber) - 1


def scan(headers: Sequence[Dataset]) -> Volume:
    """Give the pixels of headers, as `model.volume` would, of MONOCHROME1 mirrored."""
    by_uid = {
        (str(h.SOPInstanceUID), h.get("ReferencedFrameNumber")): h for h in map(copy, headers)
    }
    slices = read_stack(headers).slices
    order = [by_uid[one.sop_instance_uid, one.frame_number] for one in slices]
    pixels = np.stack([plane(index_of(header)) for header in order])
    if order[0].get("PhotometricInterpretation") == "MONOCHROME1":
        pixels = pixels.min() + pixels.max() - pixels
    uids = tuple(str(header.SOPInstanceUID) for header in order)
    return Volume(pixels, np.eye(4), made.FRAME, uids, "c" * 64)


def copy(header: Dataset) -> Dataset:
    """Copy a header, so that looking into it leaves the other undecoded."""
    twin = Dataset({tag: header.get_item(tag) for tag in header.keys()})  # noqa: SIM118
    twin.set_original_encoding(*header.original_encoding, header.original_character_set)
    return twin


def series(*each: dict[str, object], **changes: object) -> list[Dataset]:
    """Make headers; `each` gives what is different from image to image, by index."""
    headers = []
    for index in range(made.SLICES):
        header = made.image(index)
        own = {**changes, **(each[index] if each else {})}
        for keyword, value in own.items():
            if value is None:
                del header[keyword]
            else:
                setattr(header, keyword, value)
        headers.append(made.read(made.encoded(header)))
    return headers


def multiframe() -> list[Dataset]:
    """Make the headers of the frames of one Enhanced MR object, as `model.frames` does."""
    headers = series(SOPClassUID=EnhancedMRImageStorage, SOPInstanceUID=MULTIFRAME)
    for index, header in enumerate(headers):
        header.ReferencedFrameNumber = index + 1
    return headers


def answer(
    prediction: Prediction | None = None, headers: list[Dataset] | None = None, **changes: object
) -> Answer:
    """Settle a prediction on headers."""
    return replace(made.answer(prediction, headers), **changes)


def objects(
    kind: str, prediction: Prediction | None = None, headers: list[Dataset] | None = None
) -> list[NewObject]:
    """Build the objects of a kind."""
    headers = headers or made.series()
    return build(kind, answer(prediction, headers), headers, scan(headers))


def document(
    kind: str, prediction: Prediction | None = None, headers: list[Dataset] | None = None
) -> Dataset:
    """Build the one object of a kind, and read it back."""
    (one,) = objects(kind, prediction, headers)
    return dcmread(BytesIO(one.data))


def reference(item: Dataset) -> tuple[str, int | None]:
    """Read a reference to an image: its UID, and the number of its frame."""
    return str(item.ReferencedSOPInstanceUID), item.get("ReferencedFrameNumber")
