"""What stands beside a label map of others: `NAME.json`, `.yaml` or `.yml` beside `NAME.nii.gz`.

    numbering: vertebrae      # or subregions, totalsegmentator; without it, it is recognised
    tissues: {7: AORTA}       # number in the map to a name of `Tissue`; wins over the numbering
    background: fill          # or air: the map is complete, 0 is air
    points: {L4-left: [x, y, z]}   # LPS mm; also decoys, anchors
    grades: {L4-left: 0}
    lumbar_count: 5
    transitional: none        # or lumbarised S1, sacralised L5

Whatever is written wrongly is told: an error here would become a wrong truth of a scan.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from model.labels import LABELS, LEVELS
from model.landmark import Point
from model.synthetic import numbering
from model.synthetic.tissue import Tissue
from model.synthetic.traits import LUMBARISED, NO_TRANSITION, SACRALISED

SUFFIXES: Final = (".nii.gz", ".nii")
_DESCRIPTIONS: Final = (".json", ".yaml", ".yml")
_BACKGROUNDS: Final = ("fill", "air")
_TRANSITIONS: Final = (NO_TRANSITION, LUMBARISED, SACRALISED)
_COUNTS: Final = (4, 5, 6)
_GRADES: Final = (0, 1, 2, 3)
_LARGEST: Final = 255
_KEYS: Final = frozenset(
    {
        "numbering",
        "tissues",
        "background",
        "points",
        "decoys",
        "anchors",
        "grades",
        "lumbar_count",
        "transitional",
    }
)


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a label map.

    Attributes:
        numbering: key in `numbering.SCHEMES`; None: to be recognised.
        tissues: number in the map to tissue; wins over the numbering.
        complete: 0 is air; otherwise what the map leaves empty is filled.
        points: of the foramina by label, LPS mm.
        decoys: foramina that are none of the ten, LPS mm.
        anchors: middles of bodies, LPS mm.
        grades: stenosis by label, 0..3.
        lumbar_count: vertebrae without ribs, 4..6.
        transitional: "none", "lumbarised S1" or "sacralised L5".
    """

    numbering: str | None = None
    tissues: Mapping[int, Tissue] = field(default_factory=dict)
    complete: bool = False
    points: Mapping[str, Point] = field(default_factory=dict)
    decoys: Mapping[str, Point] = field(default_factory=dict)
    anchors: Mapping[str, Point] = field(default_factory=dict)
    grades: Mapping[str, int] = field(default_factory=dict)
    lumbar_count: int = 5
    transitional: str = NO_TRANSITION


def stem(path: Path) -> str:
    """Give the name of a label map without its suffixes."""
    return path.name.removesuffix(".gz").removesuffix(".nii")


def read(path: Path) -> Description:
    """Read the description beside a label map; a plain one when there is none.

    Args:
        path: of the label map.

    Raises:
        ValueError: it cannot be read, has unknown keys, or a value is none of those expected.
    """
    for suffix in _DESCRIPTIONS:
        beside = path.with_name(stem(path) + suffix)
        if beside.is_file():
            with _told(beside):
                return _described(_parsed(beside))
    return Description()


@contextmanager
def _told(beside: Path) -> Iterator[None]:
    """Name the file in what is said of it."""
    try:
        yield
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{beside}: {error}") from error


def _parsed(beside: Path) -> dict[str, Any]:
    text = beside.read_text(encoding="utf-8")
    found = json.loads(text) if beside.suffix == ".json" else yaml.safe_load(text)
    if not isinstance(found, dict):
        raise ValueError(f"expected a mapping with {', '.join(sorted(_KEYS))}")
    unknown = sorted(map(str, set(found) - _KEYS))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is unknown; expected {', '.join(sorted(_KEYS))}")
    return found


def _described(found: Mapping[str, Any]) -> Description:
    points = _points(found, "points", LABELS)
    _require_sides(points)
    scheme = found.get("numbering")
    return Description(
        numbering=None if scheme is None else _one("numbering", scheme, tuple(numbering.SCHEMES)),
        tissues={
            _number(number): _tissue(name) for number, name in _mapping(found, "tissues").items()
        },
        complete=_one("background", found.get("background", "fill"), _BACKGROUNDS) == "air",
        points=points,
        decoys=_points(found, "decoys"),
        anchors=_points(found, "anchors"),
        grades={
            _one("grades: label", name, LABELS): _one(f"grade of {name}", grade, _GRADES)
            for name, grade in _mapping(found, "grades").items()
        },
        lumbar_count=_one("lumbar_count", found.get("lumbar_count", 5), _COUNTS),
        transitional=_one("transitional", found.get("transitional", NO_TRANSITION), _TRANSITIONS),
    )


def _mapping(found: Mapping[str, Any], key: str) -> Mapping[Any, Any]:
    values = found.get(key)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"{key}: {values!r}; expected a mapping")
    return values


def _one(what: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if isinstance(value, bool) or value not in choices:
        raise ValueError(f"{what} {value!r} is unknown; there are {', '.join(map(str, choices))}")
    return value


def _number(text: Any) -> int:
    """Read a number of the map, which JSON can only write as text."""
    number = int(text) if str(text).isdecimal() else -1
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"tissues: {text!r}; expected a whole number from 0 to {_LARGEST}")
    return number


def _tissue(name: object) -> Tissue:
    try:
        return Tissue[str(name)]
    except KeyError as error:
        raise ValueError(
            f"{name!r} is no tissue; there are {', '.join(Tissue.__members__)}"
        ) from error


def _points(
    found: Mapping[str, Any], key: str, names: tuple[str, ...] | None = None
) -> dict[str, Point]:
    points: dict[str, Point] = {}
    for name, values in _mapping(found, key).items():
        if (names is not None and name not in names) or not _is_point(values):
            raise ValueError(
                f"{key}: {name!r}: {values!r}; expected a label such as L4-left and three mm"
            )
        x, y, z = (float(value) for value in values)
        points[str(name)] = (x, y, z)
    return points


def _is_point(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    )


def _require_sides(points: Mapping[str, Point]) -> None:
    for level in LEVELS:
        left, right = points.get(f"{level}-left"), points.get(f"{level}-right")
        if left is not None and right is not None and left[0] <= right[0]:
            raise ValueError(
                f"{level}-left lies at x = {left[0]:g}, {level}-right at {right[0]:g}; x runs to "
                "the patient's left in LPS: the sides are swapped, or the points are RAS"
            )
