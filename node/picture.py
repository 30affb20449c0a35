"""A picture of a report: the slices that carry points, with the points as the report has them.

Everything is read from the objects that a viewer would get (SCOORD items of the SR and the
source images), so the picture shows what was sent, not what was meant.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread

_DISCLAIMER = "AI result, not verified. Research use only, not a medical device."


@dataclass(frozen=True, slots=True)
class Mark:
    """One point of a report: its words, and (column, row) in pixels on one image.

    SCOORD counts from the outer corner of the first pixel (PS3.3 C.18.6.1.1).
    """

    text: str
    sop_instance_uid: str
    column: float
    row: float


def marks(document: Dataset) -> list[Mark]:
    """Read the 2-D points of a TID 1500 report with their comment text."""
    found = []
    for group in _walk(document):
        if _code(group) != "125007":  # Measurement Group
            continue
        comments = [i.TextValue for i in group.get("ContentSequence", []) if _code(i) == "121106"]
        for item in group.get("ContentSequence", []):
            if item.get("ValueType") == "SCOORD" and comments:
                column, row = item.GraphicData
                image = item.ContentSequence[0].ReferencedSOPSequence[0]
                uid = str(image.ReferencedSOPInstanceUID)
                found.append(Mark(str(comments[0]), uid, float(column), float(row)))
    return found


def draw(images: Sequence[Path], report: Path, out: Path) -> int:
    """Draw the slices that carry points, with labels, to a PNG; tell how many points.

    Args:
        images: files of the source series.
        report: the SR file.
        out: where the picture goes.
    """
    from matplotlib.figure import Figure

    by_image: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks(dcmread(report)):
        by_image[mark.sop_instance_uid].append(mark)
    slices = [ds for ds in map(dcmread, images) if ds.SOPInstanceUID in by_image]
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[0]))
    columns = max(1, min(4, len(slices)))
    rows = max(1, -(-len(slices) // columns))
    figure = Figure(figsize=(4.2 * columns, 4.6 * rows), facecolor="black", layout="constrained")
    figure.suptitle(f"Lumbar foramina. {_DISCLAIMER}", color="white", fontsize=9)
    for index, ds in enumerate(slices):
        axes = figure.add_subplot(rows, columns, index + 1)
        pixels = ds.pixel_array.astype(float)
        low, high = np.percentile(pixels, (1, 99.5))
        axes.imshow(pixels, cmap="gray", vmin=low, vmax=high, extent=_edges(ds))
        axes.set_title(f"x = {float(ds.ImagePositionPatient[0]):.1f} mm", color="white", fontsize=8)
        axes.set_axis_off()
        for mark in by_image[ds.SOPInstanceUID]:
            axes.plot(mark.column, mark.row, "+", color="#ffd400", markersize=9)
            axes.annotate(
                mark.text,
                (mark.column, mark.row),
                xytext=(8, -3),
                textcoords="offset points",
                color="#ffd400",
                fontsize=7,
            )
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    return sum(len(found) for found in by_image.values())


def _edges(ds: Dataset) -> tuple[float, float, float, float]:
    """Give the image's edges in SCOORD's pixel coordinates, as matplotlib wants them."""
    return (0, float(ds.Columns), float(ds.Rows), 0)


def _walk(item: Dataset) -> Iterator[Dataset]:
    yield item
    for child in item.get("ContentSequence", []):
        yield from _walk(child)


def _code(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].get("CodeValue", "")) if names else ""
