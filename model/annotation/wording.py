"""Which foramen a text or code of somebody else's report means.

A foramen carries the name of the upper vertebra of its segment: `L4`, `L4/L5`, `L4-5` and
`Level of L4/L5 intervertebral disc` all mean L4. What is not plain is not guessed: `T12/L1`,
`L5/L6`, `L4/S1`, two levels or both sides in one text name no level and no side; a text on another
structure, such as a facet joint, names nothing.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from model.labels import LEVELS, SIDES, Level, Side, label

_LEVEL_CODES: Final[Mapping[str, Level]] = {
    "243920003": "L1", "243921004": "L2", "243922006": "L3", "243923001": "L4", "243927000": "L5",
    "80064006": "L1", "67459009": "L2", "62551000": "L3", "84020006": "L4", "715056000": "L5",
    "66794005": "L1", "14293000": "L2", "36470004": "L3", "11994002": "L4", "49668003": "L5",
    "T-D0097": "L1", "T-D0098": "L2", "T-D0099": "L3", "T-D009A": "L4", "T-D009E": "L5",
    "T-1191B": "L1", "T-1192B": "L2", "T-1193B": "L3", "T-1194B": "L4", "T-D08DC": "L5",
    "T-11910": "L1", "T-11920": "L2", "T-11930": "L3", "T-11940": "L4", "T-11950": "L5",
}  # fmt: skip
"""Levels (CID 1003), discs (CID 7604) and vertebrae (CID 7603) in SNOMED CT, and as the older
SNOMED RT identifiers that pydicom maps to them."""

_SIDE_CODES: Final[Mapping[str, Side]] = {
    "7771000": "left", "G-A101": "left", "24028007": "right", "G-A100": "right",
}  # fmt: skip
_SCHEMES: Final = frozenset({"SCT", "SRT", "SNM3", "99SDM"})

_BOUND: Final = r"(?<![a-z0-9]){}(?![a-z0-9])"
_NEXT: Final[Mapping[str, str]] = {"1": "2", "2": "3", "3": "4", "4": "5", "5": "1"}
_SEGMENT: Final = re.compile(
    _BOUND.format(r"(th?|l|s)\s?(\d{1,2})\s*[-/_]?\s*(?:(th?|l|s)\s?(\d{1,2})|(?<=[-/])(\d))")
)
_TIGHT: Final = re.compile(r"(?<=\d)(?=[lr](?![a-z0-9]))|(?<=(?<![a-z0-9])[lr])(?=l\d)")
"""Where a space is missing: `L4R`, `L4-5L`, `RL4`."""
_SHORT: Final = re.compile(_BOUND.format(r"l([1-4])([2-5])"))  # L45
_VERTEBRA: Final = re.compile(_BOUND.format(r"l\s?(\d{1,2})"))
_LEFT: Final = re.compile(
    _BOUND.format(r"(?:left|links?e?[rs]?|li|lt|gauche|izquierd[ao]|sinistr[ao]|l|sin)")
)
_RIGHT: Final = re.compile(
    _BOUND.format(r"(?:right|rechts?e?[rs]?|re|rt|droite?|derech[ao]|destr[ao]|r|dex)")
)
_OTHER: Final = re.compile(
    _BOUND.format(
        r"facet[a-z]*|pedi[ck][a-z]*|lamina[a-z]*|spinous|canal|kanal|recess[a-z]*|cyst[a-z]*"
        r"|herni[a-z]*|nerve|root|wortel|wurzel|ligament[a-z]*|fractur[a-z]*"
    )
)


class Contradiction(ValueError):
    """What is said of a point names two foramina."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What a text or code says of a foramen; each part may be silent."""

    level: Level | None = None
    side: Side | None = None

    @property
    def label(self) -> str | None:
        """Give the label when both parts are known."""
        return label(self.level, self.side) if self.level and self.side else None


SILENT: Final = Wording()


def joined(wordings: Iterable[Wording]) -> Wording:
    """Join what several texts say of one thing.

    Raises:
        Contradiction: they name several levels or both sides.
    """
    told = list(wordings)
    levels = [level for level in LEVELS if any(one.level == level for one in told)]
    sides = [side for side in SIDES if any(one.side == side for one in told)]
    for several in (levels, sides):
        if len(several) > 1:
            raise Contradiction(f"names {' and '.join(several)} at once")
    return Wording(levels[0] if levels else None, sides[0] if sides else None)


def of_code(value: str, scheme: str) -> Wording:
    """Tell what a standard code says: a level or a side."""
    if scheme not in _SCHEMES:
        return SILENT
    return Wording(_LEVEL_CODES.get(value), _SIDE_CODES.get(value))


def of_text(text: str) -> Wording:
    """Tell what a text says; English, Dutch, German, French, Spanish and Italian name sides."""
    plain = _TIGHT.sub(" ", normal(text))
    if _OTHER.search(plain):
        return SILENT
    level, rest = _level(plain)
    return Wording(level, _side(rest))


def normal(text: str) -> str:
    """Give lower case without accents, each run of spaces one: how texts are compared."""
    letters = [
        "-" if unicodedata.category(letter) == "Pd" else letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    ]
    return " ".join("".join(letters).split())


def _level(plain: str) -> tuple[Level | None, str]:
    """Find the only level of a text; give also the text without what names levels."""
    named: set[Level | None] = set()
    rest = plain
    for pattern, read in ((_SEGMENT, _segment), (_SHORT, _short), (_VERTEBRA, _vertebra)):
        named |= {read(match) for match in pattern.finditer(rest)}
        rest = pattern.sub(" ", rest)
    only = named.pop() if len(named) == 1 else None
    return only, rest


def _segment(match: re.Match[str]) -> Level | None:
    """Read `L4/L5`, `L4-5`, `L5/S1`; None for what is no lumbar segment."""
    kind, number, below_kind, below_number, below_digit = match.groups()
    below = below_number or below_digit
    if kind != "l" or _NEXT.get(number) != below:
        return None
    wanted = "s" if number == "5" else "l"
    return _lumbar(number) if below_kind in {wanted, None} else None


def _short(match: re.Match[str]) -> Level | None:
    number, below = match.groups()
    return _lumbar(number) if _NEXT[number] == below else None


def _vertebra(match: re.Match[str]) -> Level | None:
    return _lumbar(match[1])


def _lumbar(number: str) -> Level | None:
    name = f"L{number}"
    return next((level for level in LEVELS if level == name), None)


def _side(plain: str) -> Side | None:
    left, right = bool(_LEFT.search(plain)), bool(_RIGHT.search(plain))
    if left == right:
        return None
    return "left" if left else "right"
