"""A drawn lumbar spine with ten known foramina, quick to make: for tests and demonstrations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_case(
    folder: Path, *, seed: int, attributes: Mapping[str, Any] | None = None
) -> list[Path]:
    """Draw the phantom of a seed and write it as DICOM: `dicom/*.dcm` beside `truth.json`.

    Args:
        folder: the case's folder; made when missing.
        seed: one seed gives the same files again.
        attributes: keyword to value, set on every instance last; None deletes the attribute.

    Returns:
        the paths of the images.
    """
    from model.phantom import drawing, series

    return series.write_series(drawing.draw(seed), folder, attributes)
