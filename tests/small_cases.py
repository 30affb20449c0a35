"""What the tests of data sets know of the small series that they write."""

from collections.abc import Callable
from pathlib import Path

from model.labels import LABELS, LEVELS, split

AddCase = Callable[..., Path]


def points() -> dict[str, list[float]]:
    """Give ten points in possible order inside the images of `add_case`."""
    made = {}
    for label in LABELS:
        level, side = split(label)
        made[label] = [4.0 if side == "left" else -4.0, -35.0, 68.0 - 6 * LEVELS.index(level)]
    return made
