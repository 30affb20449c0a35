"""A test set run through a predictor: a report as JSON and as Markdown."""

from collections.abc import Callable, Iterable
from typing import Any

from model.bundle import ModelBundle
from model.cases import Case
from model.landmark import Prediction
from model.metrics import Distance, by_group, distances, plain
from model.volume import Volume

Predict = Callable[[Volume], Prediction]


def evaluate(
    predict: Predict,
    cases: Iterable[Case],
    bundle: ModelBundle,
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Predict every case and measure it.

    Args:
        predict: gives the ten landmarks of a volume.
        cases: series with their truth; read one after the other.
        bundle: what predicts; named in the result.
        report: called with the name of each case that is done.

    Returns:
        `bundle`, `scans`, `groups` (`all`, `L1` .. `L5`: see `model.metrics.Summary`) and
        `foramina` (every distance), as values that `json` can write.

    Raises:
        ValueError: there is no case.
    """
    measured: list[Distance] = []
    scans = 0
    for case in cases:
        measured += distances(case.name, predict(case.volume), case.points)
        scans += 1
        if report is not None:
            report(case.name)
    if not measured:
        raise ValueError("there is no case to evaluate; expected at least one with points")
    return {
        "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "scans": scans,
        "groups": {name: plain(summary) for name, summary in by_group(measured).items()},
        "foramina": [_line(one) for one in measured],
    }


def _line(one: Distance) -> dict[str, Any]:
    return {
        "case": one.case,
        "label": one.label,
        "x_mm": None if one.x_mm is None else round(one.x_mm, 3),
        "yz_mm": None if one.yz_mm is None else round(one.yz_mm, 3),
        "right_level": one.right_level,
    }


def markdown(report: dict[str, Any]) -> str:
    """Write the groups of a report as a Markdown table, with Wilson intervals at 95 %."""
    lines = [
        f"{report['scans']} scans. y-z and x: mean distance of the found points. "
        "Intervals: Wilson, 95 %.",
        "",
        "| | foramina | missed | y-z mm | x mm | within 5 mm | at the right level |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, group in report["groups"].items():
        lines.append(
            f"| {name} | {group['foramina']} | {group['missed']} | {_mm(group['mean_yz_mm'])} "
            f"| {_mm(group['mean_x_mm'])} "
            f"| {_share(group['recall'], group['recall_interval'])} "
            f"| {_share(group['right_level_share'], group['right_level_interval'])} |"
        )
    return "\n".join(lines) + "\n"


def _mm(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float, interval: list[float]) -> str:
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"
