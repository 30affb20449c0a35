"""Which points cannot stand where they are: levels run head to feet, left lies to the left."""

from collections.abc import Mapping
from itertools import combinations

from model.labels import LEVELS, SIDES, label, spoken
from model.landmark import Point


def impossible(points: Mapping[str, Point]) -> dict[str, str]:
    """Name every point of a broken pair, with the reason.

    On each side a level must lie nearer to the head (larger z) than every level below it; at each
    level the left foramen must lie further left (larger x) than the right one.

    Args:
        points: label to (x, y, z) in patient coordinates (LPS), mm; labels may be absent.

    Returns:
        label to reason (ASCII, for people), in the order of `points`; empty when all is possible.
    """
    broken: dict[str, list[str]] = {}
    for side in SIDES:
        present = [label(level, side) for level in LEVELS if label(level, side) in points]
        for upper, lower in combinations(present, 2):
            if not points[upper][2] > points[lower][2]:
                broken.setdefault(upper, []).append(f"not above the {spoken(lower)}")
                broken.setdefault(lower, []).append(f"not below the {spoken(upper)}")
    for level in LEVELS:
        left, right = label(level, "left"), label(level, "right")
        if left in points and right in points and not points[left][0] > points[right][0]:
            broken.setdefault(left, []).append(f"not to the left of the {spoken(right)}")
            broken.setdefault(right, []).append(f"not to the right of the {spoken(left)}")
    return {
        name: f"found in impossible order: {', '.join(broken[name])}"
        for name in points
        if name in broken
    }
