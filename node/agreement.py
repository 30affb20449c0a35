"""Whether two series of one study mean the same levels by the same names.

Where two series share a Frame of Reference, a foramen has one place in both. Numbering from the
lowest open foramen goes wrong by whole levels, so a wrong one shows in a point that lies about a
level away from its namesake, and nearer to another name.
"""

from math import dist
from typing import Final

from model.labels import SIDES, split, spoken
from model.landmark import Landmark, Prediction

HALF_LEVEL_MM: Final = 15.0
"""Further apart than this, points of one name are not the same foramen.

Neighbouring lumbar foramina of an adult lie 30 to 40 mm apart, so half of the least gap; errors of
a few millimetres, and a patient who moved between two series, stay below it.
"""


def disagreement(one: Prediction, other: Prediction) -> str | None:
    """Say where two results in one Frame of Reference differ by a level, or None.

    One point is enough: a numbering that is in doubt on one side is in doubt.

    Returns:
        The worst of them in words (ASCII), without naming the series.
    """
    found = [
        shift for side in SIDES for shift in _shifts(_of_side(one, side), _of_side(other, side))
    ]
    if not found:
        return None
    distance_mm, label, nearest = max(found)
    return (
        f"the {spoken(label)} of one lies {distance_mm:.0f} mm from that of the other, nearer to "
        f"the {spoken(nearest)}"
    )


def _of_side(prediction: Prediction, side: str) -> dict[str, Landmark]:
    return {mark.label: mark for mark in prediction.found if split(mark.label)[1] == side}


def _shifts(one: dict[str, Landmark], other: dict[str, Landmark]) -> list[tuple[float, str, str]]:
    """List (mm, label, nearest label) of the points that are a level off, looked at both ways."""
    found = []
    for label in one.keys() & other.keys():
        apart_mm = _apart_mm(one[label], other[label])
        if apart_mm <= HALF_LEVEL_MM:
            continue
        for here, there in ((one, other), (other, one)):
            nearest = _nearest(here[label], there)
            if nearest != label:
                found.append((apart_mm, label, nearest))
    return found


def _nearest(mark: Landmark, others: dict[str, Landmark]) -> str:
    return min(others, key=lambda name: (_apart_mm(mark, others[name]), name))


def _apart_mm(one: Landmark, other: Landmark) -> float:
    if one.point_mm is None or other.point_mm is None:
        raise ValueError(f"{one.label}, {other.label}: only landmarks with points can be compared")
    return dist(one.point_mm, other.point_mm)
