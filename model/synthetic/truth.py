"""What is known of a synthetic scan, as `truth.json` beside its images says it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from model.labels import LABELS
from model.landmark import Point
from model.synthetic.marks import inside, marks

if TYPE_CHECKING:
    from model.synthetic.acquisition import Scan
    from model.synthetic.anatomy import Subject

CONVENTION: Final = (
    "levels are counted upward from the sacrum: L5 is the lowest open foramen above it, the fifth "
    "one up is L1, however many lumbar vertebrae there are"
)
_DECIMALS: Final = 3  # micrometres


def truth(scan: "Scan", subject: "Subject", source: str) -> dict[str, Any]:
    """Give everything known of a scan as values that `json` can write; millimetres are LPS.

    `points`, `marks`, `decoys` and `anchors` hold what lies in the imaged volume; names of foramina
    whose centre lies beyond it stand in `outside`, and have no marks. `expected` is `abstain` where
    S1 is transitional: the points keep the names that the convention gives them, but no reader can
    be sure of the levels.

    Args:
        scan: the imaged subject.
        subject: what was imaged; its grades and traits.
        source: where the subject came from, for people.
    """
    points = _imaged(scan.points, scan)
    return {
        "kind": "points",
        "contrast": scan.contrast,
        "source": source,
        "convention": CONVENTION,
        "lumbar_count": subject.lumbar_count,
        "transitional": subject.transitional,
        **_expected(subject),
        "points": {name: points[name] for name in LABELS if name in points},
        "outside": [name for name in LABELS if name in scan.points and name not in points],
        "marks": _marks(scan, points),
        "grades": {name: int(grade) for name, grade in subject.grades.items()},
        "decoys": _imaged(scan.decoys, scan),
        "anchors": _imaged(scan.anchors, scan),
        "traits": {name: _plain(value) for name, value in subject.traits.items()},
    }


def _expected(subject: "Subject") -> dict[str, str]:
    if subject.transitional == "none":
        return {"expected": "points"}
    return {
        "expected": "abstain",
        "expected_reason": f"S1 is transitional ({subject.transitional}): "
        "the levels cannot be told from the sacrum",
    }


def _marks(scan: "Scan", points: Mapping[str, list[float]]) -> dict[str, list[list[float]]]:
    """Give the marks of the foramina whose centre is imaged: the ends of others teach no centre."""
    return {
        name: [_rounded(one) for one in many]
        for name, many in marks(scan).items()
        if name in points
    }


def _imaged(points: Mapping[str, Point], scan: "Scan") -> dict[str, list[float]]:
    return {
        name: _rounded(point)
        for name, point in points.items()
        if inside(point, scan.affine, scan.pixels.shape)
    }


def _rounded(point: Point) -> list[float]:
    return [round(float(value), _DECIMALS) for value in point]


def _plain(value: Any) -> Any:
    """Turn a drawn value into what `json` writes; numbers to six digits."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, str | bool | int) or value is None:
        return value
    return float(f"{float(value):.6g}")
