"""Synthetic lumbar spines with ten known foramina, for training and for tests."""

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
    from model.synthetic import phantom, series

    return series.write_series(phantom.draw(seed), folder, attributes)
