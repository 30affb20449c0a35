"""How far certainty can be trusted: what was said against what came true, as table and picture."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.affine import FloatArray
from model.intervals import wilson
from model.localiser.calibration import Judged, Outcomes
from model.localiser.certainty import CertaintySpec

_BINS: Final = 10
COVERAGE: Final = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)

Bools = npt.NDArray[np.bool_]


def report(seen: Outcomes, spec: CertaintySpec) -> dict[str, Any]:
    """Measure both models; values that `json` can write.

    Returns:
        for `levels` and `point`: `cases`, `wrong`, `brier`, `bins` (mean probability, share right
        with its Wilson interval, cases), `risk` (share wrong of the most certain, by share
        answered), and `answered` (what the threshold does).
    """
    levels = _measured(seen.levels, seen.levels_right, spec.least_levels)
    kept = seen.levels[seen.ordinary] >= spec.least_levels
    abstained = int((~kept).sum())
    levels["ordinary_abstained"] = _share(abstained, len(kept))
    return {
        "levels": levels,
        "point": _measured(seen.point, seen.point_right, spec.least_point),
    }


def left_out(judged: Iterable[Judged], spec: CertaintySpec) -> dict[str, Any]:
    """Tell what would have been said of the scans whose levels nobody can tell.

    Returns:
        `unclear`: how many of them would be answered.
    """
    unclear = [one for one in judged if one.unclear]
    answered = sum(spec.levels.probability(one.levels) >= spec.least_levels for one in unclear)
    return {"unclear": _share(int(answered), len(unclear))}


def _measured(probability: FloatArray, right: Bools, least: float) -> dict[str, Any]:
    answered = probability >= least
    return {
        "cases": len(right),
        "wrong": int((~right).sum()),
        "brier": round(float(np.mean((probability - right) ** 2)), 5),
        "bins": bins(probability, right),
        "risk": risk(probability, right),
        "answered": {
            "least": round(least, 5),
            "share": _share(int(answered.sum()), len(answered)),
            "wrong": _share(int((~right[answered]).sum()), int(answered.sum())),
        },
    }


def bins(probability: FloatArray, right: Bools, count: int = _BINS) -> list[dict[str, Any]]:
    """Sort cases by what was said into parts of equal size; tell what came true in each."""
    parts = np.array_split(np.argsort(probability, kind="stable"), min(count, len(right)))
    return [
        {
            "said": round(float(probability[part].mean()), 5),
            "right": _share(int(right[part].sum()), len(part)),
        }
        for part in parts
        if len(part)
    ]


def risk(probability: FloatArray, right: Bools) -> list[dict[str, Any]]:
    """Tell the share of wrong ones among the most certain, by the share that is answered."""
    order = np.argsort(-probability, kind="stable")
    lines = []
    for share in COVERAGE:
        kept = order[: max(round(share * len(order)), 1)]
        lines.append({"coverage": share, "wrong": _share(int((~right[kept]).sum()), len(kept))})
    return lines


def _share(count: int, of: int) -> dict[str, Any]:
    if not of:
        return {"count": 0, "of": 0, "share": None, "interval": None}
    return {
        "count": count,
        "of": of,
        "share": round(count / of, 5),
        "interval": [round(end, 5) for end in wilson(count, of)],
    }


def markdown(measured: Mapping[str, Any], calibrated_on: str) -> str:
    """Write the measures as Markdown."""
    lines = [
        f"Certainty {calibrated_on}. Each scan is judged by models fitted on the other four "
        "fifths. Intervals: Wilson, 95 %. A quarter of the scans are controls: the part with "
        "the sacrum cut off, or, where nothing said is right, turned, of a wrong size, or noise."
    ]
    unclear = measured.get("unclear", {"of": 0})
    if unclear["of"]:
        lines[0] += (
            f" Left out are {unclear['of']} with a transitional S1, which nothing in the evidence "
            f"tells from the others: {_words(unclear)} of them would be answered, with levels "
            "counted from the sacrum."
        )
    for name, words in (("levels", "scans, levels right"), ("point", "points, within 5 mm")):
        one = measured[name]
        answered = one["answered"]
        lines += [
            "",
            f"### {one['cases']} {words}: {one['wrong']} wrong, Brier score {one['brier']:.4f}",
            "",
            f"At least {answered['least']:.3f} is needed to answer: "
            f"{_words(answered['share'])} answered, {_words(answered['wrong'])} of them wrong.",
        ]
        if "ordinary_abstained" in one:
            lines.append(f"Ordinary scans abstained from: {_words(one['ordinary_abstained'])}.")
        lines += ["", "| answered, the most certain | wrong |", "|---|---|"]
        lines += [f"| {row['coverage']:.0%} | {_words(row['wrong'])} |" for row in one["risk"]]
        lines += ["", "| said | came true |", "|---|---|"]
        lines += [f"| {row['said']:.3f} | {_words(row['right'])} |" for row in one["bins"]]
    return "\n".join(lines) + "\n"


def _words(share: Mapping[str, Any]) -> str:
    if share["share"] is None:
        return "none"
    low, high = share["interval"]
    return f"{share['count']} of {share['of']} ({share['share']:.1%} [{low:.1%}, {high:.1%}])"


def draw(measured: Mapping[str, Any], path: Path) -> None:
    """Draw reliability and risk against coverage, for levels and for points, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 7.0), layout="constrained")
    rows = zip(figure.subplots(2, 2), ("levels", "point"), strict=True)
    for (reliability, coverage), name in rows:
        one = measured[name]
        said = [part["said"] for part in one["bins"]]
        true = np.array([part["right"]["share"] for part in one["bins"]])
        ends = np.array([part["right"]["interval"] for part in one["bins"]])
        below, above = np.maximum(true - ends[:, 0], 0), np.maximum(ends[:, 1] - true, 0)
        reliability.errorbar(said, true, yerr=[below, above], fmt="o-", markersize=3, linewidth=1)
        reliability.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        reliability.set_xlabel("probability said")
        reliability.set_ylabel("share that came true")
        share = [row["coverage"] for row in one["risk"]]
        coverage.plot(share, [row["wrong"]["share"] for row in one["risk"]], "o-", markersize=3)
        coverage.axvline(one["answered"]["share"]["share"] or 0.0, color="0.6", linewidth=0.8)
        coverage.set_xlabel("share answered, the most certain (line: the threshold)")
        coverage.set_ylabel("share wrong of these")
        coverage.set_ylim(bottom=0)
        for axes in (reliability, coverage):
            axes.set_title(name, fontsize=9)
            axes.grid(alpha=0.25)
    figure.savefig(path, dpi=110)
