"""Models compared on the same test set (thesis section 7.1.3, Tables B.2, C.2 and C.3)."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.evaluate import percents, read_report, share
from model.intervals import RESAMPLES, Interval, redraw
from model.labels import LEVELS

Hits = Mapping[tuple[str, str], bool]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models on the same foramina: the 2 x 2 table of Table 7.1 and what follows from it.

    Attributes:
        a: name of the first model.
        b: name of the second.
        both: foramina within 5 mm by both.
        only_a: by the first alone.
        only_b: by the second alone.
        neither: by none of them.
        p_value: of the exact binomial test on `only_a` and `only_b`.
        p_holm: the same, corrected for the number of pairs (Holm); the thesis does not correct.
        difference: recall of the first minus recall of the second.
        difference_interval: by redrawing patients, at 95 %; None with fewer than two patients.
    """

    a: str
    b: str
    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float
    p_holm: float
    difference: float
    difference_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Model:
    """One model's figures in a comparison.

    Attributes:
        name: as the comparison calls it.
        recall: share within 5 mm, with its Wilson interval and the one by patient.
        groups: from the report, see `model.metrics.by_group`.
    """

    name: str
    recall: float
    recall_interval: Interval
    recall_by_patient: Interval | None
    groups: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several models on one test set: their figures, and every pair of them."""

    foramina: int
    patients: int
    models: tuple[Model, ...]
    pairs: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def exact_binomial(only_a: int, only_b: int) -> float:
    """Give the two-sided p-value of the exact binomial test on discordant counts.

    Under the null hypothesis each discordant foramen falls to either model with probability one
    half (McNemar's test without the chi-squared approximation). 9 and 11 give 0.82.

    Raises:
        ValueError: a count is negative.
    """
    from scipy.stats import binomtest

    if min(only_a, only_b) < 0:
        raise ValueError(f"counts {only_a} and {only_b}; expected 0 or more")
    if only_a + only_b == 0:
        return 1.0  # they never differ
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def discordant_counts(
    difference: int, p_value: float, digits: int = 2, greatest: int = 1000
) -> list[tuple[int, int]]:
    """List the discordant counts that give a published p-value.

    A paper that prints recalls and p-values prints the difference of the counts and, rounded, the
    test of them; often only one pair of counts fits both.

    Args:
        difference: hits of the first model minus hits of the second.
        p_value: as printed.
        digits: decimals that were printed.
        greatest: number of foramina: there cannot be more discordant ones.

    Returns:
        every (only the first, only the second) that fits.
    """
    from scipy.stats import binom

    total = np.arange(abs(difference), greatest + 1, 2)
    only_a = (total + difference) // 2
    fewer = np.minimum(only_a, total - only_a)
    p_values = np.minimum(2.0 * binom.cdf(fewer, total, 0.5), 1.0)  # symmetric: twice one tail
    fits = np.round(p_values, digits) == round(p_value, digits)
    return [(int(a), int(n - a)) for a, n in zip(only_a[fits], total[fits], strict=True)]


def compare(reports: Mapping[str, Mapping[str, Any]], *, seed: int = 0) -> Comparison:
    """Compare the reports of several models on the same test set, pair by pair.

    Args:
        reports: name of a model to its report from `model.evaluate.evaluate`.
        seed: of the redrawing of patients.

    Raises:
        ValueError: fewer than two models, or they were not measured on the same foramina.
    """
    if len(reports) < 2:
        raise ValueError(f"{len(reports)} model given; expected at least two to compare")
    hits = {name: _hits(report) for name, report in reports.items()}
    _check_same(hits, reports)
    first = next(iter(reports.values()))
    patients = {(line["case"], line["label"]): line["patient"] for line in first["foramina"]}
    redrawn = redraw(list(patients.values()), np.random.default_rng(seed))
    pairs = []
    for a, b in itertools.combinations(hits, 2):
        table = _table(hits[a], hits[b])
        steps = [(patients[key], float(hits[a][key]) - float(hits[b][key])) for key in patients]
        difference = (table[1] - table[2]) / len(patients)
        pairs.append((a, b, *table, exact_binomial(*table[1:3]), difference,
                      redrawn.interval(steps)))  # fmt: skip
    corrected = _holm([pair[6] for pair in pairs])
    return Comparison(
        foramina=len(patients),
        patients=len(redrawn.patients),
        models=tuple(_model(name, report) for name, report in reports.items()),
        pairs=tuple(
            Pair(*pair[:7], holm, *pair[7:]) for pair, holm in zip(pairs, corrected, strict=True)
        ),
    )


def compare_folders(paths: Sequence[Path], out: Path | None = None) -> Comparison:
    """Compare evaluations that lie in folders; each is called as its folder is.

    Args:
        paths: folders that `foramina model evaluate --out` wrote, or their evaluation.json.
        out: folder for `write_comparison`; None writes nothing.

    Raises:
        ValueError: two folders have one name; a folder holds no evaluation; or see `compare`.
    """
    reports: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        name = (path if path.is_dir() else path.parent).resolve().name
        if name in reports:
            raise ValueError(f"two evaluations are called {name!r}; rename one of the folders")
        reports[name] = read_report(path)
    comparison = compare(reports)
    if out is not None:
        write_comparison(comparison, out)
    return comparison


def _hits(report: Mapping[str, Any]) -> dict[tuple[str, str], bool]:
    return {(line["case"], line["label"]): line["within_5_mm"] for line in report["foramina"]}


def _check_same(hits: Mapping[str, Hits], reports: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse models that were measured on different foramina, or on moved truths."""
    (name, first), *others = hits.items()
    truth = _truths(reports[name])
    for other, theirs in others:
        apart = sorted(set(first) ^ set(theirs))
        moved = [key for key, point in _truths(reports[other]).items() if point != truth.get(key)]
        if apart or moved:
            case, label = (apart or moved)[0]
            raise ValueError(
                f"{name} and {other} were not measured on the same test set: "
                f"{len(apart) or len(moved)} foramina differ, for example {label} of {case}; "
                "evaluate both on the same cases"
            )


def _truths(report: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    return {(line["case"], line["label"]): line["truth_mm"] for line in report["foramina"]}


def _table(a: Hits, b: Hits) -> tuple[int, int, int, int]:
    """Count both, only a, only b, neither."""
    both = sum(a[key] and b[key] for key in a)
    only_a, only_b = sum(a.values()) - both, sum(b.values()) - both
    return both, only_a, only_b, len(a) - both - only_a - only_b


def _holm(values: Sequence[float]) -> list[float]:
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(values, method="holm")[1]]


def _model(name: str, report: Mapping[str, Any]) -> Model:
    every = report["groups"]["all"]
    by_patient = every["recall_by_patient"]
    return Model(
        name,
        every["recall"],
        tuple(every["recall_interval"]),
        tuple(by_patient) if by_patient else None,
        report["groups"],
    )


def markdown(comparison: Comparison) -> str:
    """Write a comparison in the form of the thesis's tables: 7.6, 7.7, C.1 and C.2."""
    parts = [
        f"{len(comparison.models)} models on {comparison.foramina} foramina of "
        f"{comparison.patients} patients. Intervals at 95 %: after Wilson, as if foramina were "
        "independent, and by redrawing patients.\n",
        "## Within 5 mm\n",
        _recall_table(comparison),
        "## Mean y-z distance of the found points, mm\n",
        _level_table(comparison, "mean_yz_mm", 2),
        "## Missed foramina\n",
        _level_table(comparison, "missed", 0),
        "## Pairs\n",
        "Exact binomial test on the foramina that only one of the two models places within 5 mm "
        "(thesis section 7.1.3). It takes foramina for independent, as the thesis does; the "
        "interval of the difference is by redrawing patients, which does not.\n",
        _pair_table(comparison),
    ]
    return "\n".join(parts)


def _recall_table(comparison: Comparison) -> str:
    columns = ("all", *LEVELS)
    head = "| model | all | all, by patient | " + " | ".join(LEVELS) + " |"
    lines = [head, "|---" * (2 + len(columns)) + "|"]
    for model in comparison.models:
        cells = [_percent(model.groups.get(column)) for column in columns]
        by_patient = model.recall_by_patient
        cells.insert(1, percents(by_patient) if by_patient else "-")
        lines.append(f"| {model.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _percent(group: Mapping[str, Any] | None) -> str:
    return "-" if group is None else share(group["recall"], group["recall_interval"])


def _level_table(comparison: Comparison, key: str, digits: int) -> str:
    columns = ("all", *LEVELS)
    lines = ["| model | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for model in comparison.models:
        cells = (_cell(model.groups, column, key, digits) for column in columns)
        lines.append(f"| {model.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(groups: Mapping[str, Any], group: str, key: str, digits: int) -> str:
    value = groups.get(group, {}).get(key)
    return "-" if value is None else f"{value:.{digits}f}"


def _pair_table(comparison: Comparison) -> str:
    lines = [
        "| model A | model B | only A | only B | p | p (Holm) | A - B, points |",
        "|---|---|---|---|---|---|---|",
    ]
    for pair in sorted(comparison.pairs, key=lambda pair: -pair.p_value):
        points = f"{100 * pair.difference:+.1f}"
        if pair.difference_interval is not None:
            low, high = (100 * value for value in pair.difference_interval)
            points += f" [{low:+.1f}, {high:+.1f}]"
        lines.append(
            f"| {pair.a} | {pair.b} | {pair.only_a} | {pair.only_b} | {_p(pair.p_value)} "
            f"| {_p(pair.p_holm)} | {points} |"
        )
    return "\n".join(lines) + "\n"


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else f"{value:.1e}"


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write `comparison.json`, `comparison.md`, `recall.png` and `p-values.png` into a folder."""
    from model import plots

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {**comparison.to_json(), "intervals": {"level": 0.95, "resamples": RESAMPLES}}, indent=1
    )
    (folder / "comparison.json").write_text(text + "\n", encoding="utf-8")
    plots.recalls(comparison, folder / "recall.png")
    plots.p_values(comparison, folder / "p-values.png")
    page = (
        f"# Comparison of {len(comparison.models)} models\n\n{markdown(comparison)}\n"
        "![recall of each model](recall.png)\n\n![p-values of all pairs](p-values.png)\n"
    )
    (folder / "comparison.md").write_text(page, encoding="utf-8")
