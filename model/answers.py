"""What was answered, how often wrongly, and what was abstained from.

The recall of `model.metrics` counts a foramen that was missed or abstained from as wrong, as the
thesis does. Here rates are among the answered ones: a wrong level shown is worse than none.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.expected import Expected
from model.intervals import Redrawn, wilson
from model.metrics import Distance

DISTANCES_MM: Final = (2.0, 3.0, 5.0)
COVERAGE: Final = (1.0, 0.95, 0.9, 0.8, 0.5)
SHIFTED: Final = 3
"""A scan is shifted when so many of its points lie nearest to another level's truth."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan with what was said of it.

    Attributes:
        name: of the case.
        told: what an honest answer is.
        abstained: why the whole scan was abstained from, or None.
        distances: of the foramina that the truth knows.
        beyond: labels that got a point although they lie outside the image.
    """

    name: str
    told: Expected
    abstained: str | None
    distances: tuple[Distance, ...]
    beyond: tuple[str, ...]

    @property
    def shifted(self) -> bool:
        """Tell whether levels were mistaken, by the rule of `SHIFTED`."""
        return sum(one.found and not one.right_level for one in self.distances) >= SHIFTED

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write."""
        return {
            "case": self.name,
            "numbered": self.told.numbered,
            "lumbar_count": self.told.lumbar_count,
            "abstained": self.abstained,
            "shifted": self.shifted,
            "beyond": list(self.beyond),
        }


def by_scope(scans: Sequence[Scan], redrawn: Redrawn) -> dict[str, dict[str, Any]]:
    """Sum up over all scans, those whose levels can be told, and the ordinary ones among them.

    Returns:
        `all`, `numbered`, `ordinary` to what `summary` gives; a scope without scans is absent.
    """
    scopes = {
        "all": list(scans),
        "numbered": [scan for scan in scans if scan.told.numbered],
        "ordinary": [scan for scan in scans if scan.told.ordinary],
    }
    return {name: summary(some, redrawn) for name, some in scopes.items() if some}


def summary(scans: Sequence[Scan], redrawn: Redrawn) -> dict[str, Any]:
    """Sum scans up as values that `json` can write; intervals at 95 %.

    Args:
        scans: at least one.
        redrawn: resamples of patients, among them all of the scans'.

    Returns:
        `scans`, `abstained`, `shifted` (of the scans that were answered), `foramina`, `answered`,
        `mean_yz_mm` with its interval, `median_yz_mm`, `within_mm` (of the answered, by distance),
        `wrong_level` (of the answered; with an interval by patient), `beyond`, and `risk`.
    """
    every = [one for scan in scans for one in scan.distances]
    answered = [one for one in every if one.found]
    looked_at = [scan for scan in scans if scan.abstained is None]
    yz_mm = [(one.patient, one.yz_mm) for one in answered if one.yz_mm is not None]
    wrong = [(one.patient, float(not one.right_level)) for one in answered]
    return {
        "scans": len(scans),
        "abstained": share(sum(scan.abstained is not None for scan in scans), len(scans)),
        "shifted": share(sum(scan.shifted for scan in looked_at), len(looked_at)),
        "foramina": len(every),
        "answered": share(len(answered), len(every)),
        "mean_yz_mm": round(statistics.fmean(mm for _, mm in yz_mm), 4) if yz_mm else None,
        "mean_yz_interval": _rounded(redrawn.interval(yz_mm)),
        "median_yz_mm": round(statistics.median(mm for _, mm in yz_mm), 4) if yz_mm else None,
        "within_mm": {
            f"{limit:g}": share(sum(mm <= limit for _, mm in yz_mm), len(yz_mm))
            for limit in DISTANCES_MM
        },
        "wrong_level": {
            **share(int(sum(value for _, value in wrong)), len(wrong)),
            "by_patient": _rounded(redrawn.interval(wrong)),
        },
        "beyond": sum(len(scan.beyond) for scan in scans),
        "risk": risk(answered),
    }


def risk(answered: Sequence[Distance]) -> list[dict[str, Any]]:
    """Tell the share of wrong levels, and of points beyond 5 mm, among the most confident.

    Where the last of them share one confidence with points that are left out, both parts are
    equally good choices: the share is then what a blind choice among them gives on average.
    """
    lines = []
    for coverage in COVERAGE:
        count = max(round(coverage * len(answered)), 1) if answered else 0
        lines.append({
            "coverage": coverage,
            "points": count,
            "wrong_level": _among(answered, count, [not one.right_level for one in answered]),
            "beyond_5_mm": _among(answered, count, [not one.hit for one in answered]),
        })  # fmt: skip
    return lines


def _among(answered: Sequence[Distance], count: int, wrong: Sequence[bool]) -> float | None:
    if not count:
        return None
    said = [one.confidence or 0.0 for one in answered]
    last = sorted(said, reverse=True)[count - 1]
    surer = [bad for value, bad in zip(said, wrong, strict=True) if value > last]
    tied = [bad for value, bad in zip(said, wrong, strict=True) if value == last]
    expected = sum(surer) + (count - len(surer)) * sum(tied) / len(tied)
    return round(expected / count, 5)


def share(count: int, of: int) -> dict[str, Any]:
    """Give a share with its Wilson interval; None where there is nothing to share."""
    if not of:
        return {"count": count, "of": 0, "share": None, "interval": None}
    return {
        "count": count,
        "of": of,
        "share": round(count / of, 5),
        "interval": _rounded(wilson(count, of)),
    }


def _rounded(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(end, 5) for end in interval]


_WORDS: Final = {
    "all": "all scans",
    "numbered": "levels can be told",
    "ordinary": "of these, five lumbar vertebrae",
}


def markdown(scopes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write the summaries as lines of Markdown."""
    names = list(scopes)
    rows: list[tuple[str, list[str]]] = [
        ("scans", [str(scopes[name]["scans"]) for name in names]),
        ("abstained", [_share(scopes[name]["abstained"]) for name in names]),
        ("shifted, of the answered", [_share(scopes[name]["shifted"]) for name in names]),
        ("foramina answered", [_share(scopes[name]["answered"]) for name in names]),
        ("wrong level, of the answered", [_share(scopes[name]["wrong_level"]) for name in names]),
        ("wrong level, by patient", [_ends(scopes[name]["wrong_level"]) for name in names]),
        ("points for what is outside", [str(scopes[name]["beyond"]) for name in names]),
        ("mean y-z mm", [_mean(scopes[name]) for name in names]),
        ("median y-z mm", [_mm(scopes[name]["median_yz_mm"]) for name in names]),
    ]
    for limit in (f"{mm:g}" for mm in DISTANCES_MM):
        cells = [_share(scopes[name]["within_mm"][limit]) for name in names]
        rows.append((f"within {limit} mm, of the answered", cells))
    for number, coverage in enumerate(COVERAGE):
        lines = [scopes[name]["risk"][number] for name in names]
        cells = [f"{_percent(one['wrong_level'])}, {_percent(one['beyond_5_mm'])}" for one in lines]
        rows.append((f"most confident {coverage:.0%}: wrong level, beyond 5 mm", cells))
    return [
        f"| of what was answered | {' | '.join(_WORDS.get(name, name) for name in names)} |",
        "|---" * (1 + len(names)) + "|",
        *(f"| {what} | {' | '.join(cells)} |" for what, cells in rows),
        "",
        f"A scan is shifted when at least {SHIFTED} of its points lie nearest to another level. "
        "Intervals: Wilson; those of means and by patient: redrawn patients; 95 %.",
    ]


def _share(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "-"
    low, high = one["interval"]
    return f"{one['count']} of {one['of']}, {one['share']:.1%} [{low:.1%}, {high:.1%}]"


def _ends(one: Mapping[str, Any]) -> str:
    if one["by_patient"] is None:
        return "-"
    low, high = one["by_patient"]
    return f"[{low:.1%}, {high:.1%}]"


def _mean(one: Mapping[str, Any]) -> str:
    if one["mean_yz_interval"] is None:
        return _mm(one["mean_yz_mm"])
    low, high = one["mean_yz_interval"]
    return f"{one['mean_yz_mm']:.2f} [{low:.2f}, {high:.2f}]"


def _mm(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
