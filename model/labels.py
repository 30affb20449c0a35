"""Names of the ten lumbar foramina.

A foramen carries the name of the upper vertebra of its motion segment (thesis section 2.1): the
L4/L5 foramen is `L4`. Levels are counted upward from the sacrum: L5 is the lowest open foramen
above it. `L4-left` stands in code, database and JSON; "L4/L5 left foramen" is for people.
"""

from typing import Final, Literal

Level = Literal["L1", "L2", "L3", "L4", "L5"]
Side = Literal["left", "right"]

LEVELS: Final[tuple[Level, ...]] = ("L1", "L2", "L3", "L4", "L5")
SIDES: Final[tuple[Side, ...]] = ("left", "right")
LABELS: Final[tuple[str, ...]] = tuple(f"{level}-{side}" for level in LEVELS for side in SIDES)

_BELOW: Final[dict[str, str]] = {"L1": "L2", "L2": "L3", "L3": "L4", "L4": "L5", "L5": "S1"}


def label(level: Level, side: Side) -> str:
    """Join a level and a side: `label("L4", "left")` is `L4-left`."""
    return f"{level}-{side}"


def split(name: str) -> tuple[Level, Side]:
    """Split `L4-left` into its level and side.

    Raises:
        ValueError: the name is none of the ten labels.
    """
    if name not in LABELS:
        raise ValueError(f"{name!r} names no lumbar foramen; expected one of {', '.join(LABELS)}")
    level, _, side = name.partition("-")
    return level, side  # type: ignore[return-value]  # checked against LABELS above


def segment(level: Level) -> str:
    """Name the motion segment of a level: `segment("L5")` is `L5/S1`."""
    return f"{level}/{_BELOW[level]}"


def spoken(name: str) -> str:
    """Name a foramen for people: `spoken("L4-left")` is "L4/L5 left foramen"."""
    level, side = split(name)
    return f"{segment(level)} {side} foramen"
