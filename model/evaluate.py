"""A test set run through a predictor: a report as JSON and as Markdown (thesis section 7.1)."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from model import answers
from model.bundle import ModelBundle
from model.cases import Case
from model.expected import Expected
from model.intervals import RESAMPLES, redraw
from model.labels import LEVELS, SIDES
from model.landmark import Prediction
from model.metrics import (
    PLACES,
    WITHIN_MM,
    Distance,
    by_group,
    confusion,
    distances,
    plain,
    whole_scans,
)
from model.volume import Volume

Predict = Callable[[Volume], Prediction]
Observe = Callable[[Case, Prediction, Sequence[Distance]], None]

REPORT: Final = "evaluation.json"
_WORST_LINES: Final = 10


def evaluate(
    predict: Predict,
    cases: Iterable[Case],
    bundle: ModelBundle,
    report: Callable[[str], None] | None = None,
    *,
    observe: Observe | None = None,
    expected: Mapping[str, Expected] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Predict every case and measure it.

    Args:
        predict: gives the ten landmarks of a volume.
        cases: series with their truth; read one after the other.
        bundle: what predicts; named in the result.
        report: called with the name of each case that is done.
        observe: called with each case, its prediction and its distances, for example
            `model.gallery.WorstCases.see`.
        expected: name of a case to what an honest answer to it is; others are ordinary.
        seed: of the redrawing of patients.

    Returns:
        `bundle`, `scans`, `groups` (see `model.metrics.by_group`), `confusion`, `whole_scans`,
        `answers` (see `model.answers.by_scope`), `intervals`, `cases` (what was said of each) and
        `foramina` (every distance), as values that `json` can write.

    Raises:
        ValueError: there is no case, or two have the same name.
    """
    measured: list[Distance] = []
    scans: list[answers.Scan] = []
    names: set[str] = set()
    for case in cases:
        if case.name in names:
            raise ValueError(f"two cases are called {case.name!r}; expected every name once")
        names.add(case.name)
        prediction = predict(case.volume)
        scans.append(scan := _scan(case, prediction, (expected or {}).get(case.name, Expected())))
        measured += scan.distances
        if observe is not None:
            observe(case, prediction, scan.distances)
        if report is not None:
            report(case.name)
    if not measured:
        raise ValueError("there is no case to evaluate; expected at least one with points")
    redrawn = redraw([one.patient for one in measured], np.random.default_rng(seed))
    return {
        "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "scans": len(names),
        "abstained_scans": sum(scan.abstained is not None for scan in scans),
        "within_mm": WITHIN_MM,
        "intervals": {"level": 0.95, "resamples": RESAMPLES, "seed": seed},
        "groups": {name: plain(summary) for name, summary in by_group(measured, redrawn).items()},
        "confusion": confusion(measured),
        "whole_scans": plain(whole_scans(measured)),
        "answers": answers.by_scope(scans, redrawn),
        "cases": [scan.to_json() for scan in scans],
        "foramina": [_line(one) for one in measured],
    }


def _scan(case: Case, prediction: Prediction, told: Expected) -> answers.Scan:
    """Hold an answer against the truth, and against what an honest one would be."""
    lines = distances(case.name, prediction, case.points, case.patient or case.name)
    beyond = tuple(one.label for one in prediction.found if one.label in told.outside)
    return answers.Scan(case.name, told, prediction.abstained, tuple(lines), beyond)


def _line(one: Distance) -> dict[str, Any]:
    return {
        "case": one.case,
        "patient": one.patient,
        "label": one.label,
        "x_mm": None if one.x_mm is None else round(one.x_mm, 3),
        "yz_mm": None if one.yz_mm is None else round(one.yz_mm, 3),
        "within_5_mm": one.hit,
        "nearest_level": one.nearest,
        "right_level": one.right_level,
        "truth_mm": None if one.truth_mm is None else [round(value, 2) for value in one.truth_mm],
        "point_mm": None if one.point_mm is None else [round(value, 2) for value in one.point_mm],
        "confidence": None if one.confidence is None else round(one.confidence, 4),
        "reason": one.reason,
    }


def write_report(report: Mapping[str, Any], folder: Path, gallery: str | None = None) -> None:
    """Write `evaluation.json`, `evaluation.md` and `scatter.png` into a folder.

    Args:
        report: from `evaluate`.
        folder: made when missing.
        gallery: name of a picture of the worst cases in the folder, shown by the Markdown page.
    """
    from model import plots

    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    plots.scatter(report, folder / "scatter.png")
    bundle = report["bundle"]
    parts = [
        f"# Evaluation of {bundle['name']} {bundle['version']}\n",
        markdown(report),
        "## Distance of every found point\n",
        "![x distance against y-z distance of every found point](scatter.png)\n",
        "## Worst foramina\n",
        _worst_table(report),
    ]
    if gallery is not None:
        parts += ["## Worst scans\n", f"![the worst scans, truth and prediction]({gallery})\n"]
    (folder / "evaluation.md").write_text("\n".join(parts), encoding="utf-8")


def read_report(path: Path) -> dict[str, Any]:
    """Read a report from its file or from the folder that holds it.

    Raises:
        ValueError: there is none, or it is no report of an evaluation.
    """
    file = path / REPORT if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file} cannot be read ({error}); expected what `foramina model evaluate` writes"
        ) from error
    if not isinstance(report, dict) or not {"bundle", "groups", "foramina"} <= set(report):
        raise ValueError(f"{file} is no evaluation; expected what `foramina model evaluate` writes")
    return report


def markdown(report: Mapping[str, Any]) -> str:
    """Write the groups of a report as a Markdown table with their intervals."""
    whole = report["whole_scans"]
    lines = [
        f"{_count(report['scans'], 'scan')} of {_count(whole['patients'], 'patient')}. "
        "y-z and x: mean distance of the found points; a missed foramen is not within 5 mm. "
        "Intervals at 95 %: means and the column *by patient* by redrawing patients "
        f"({report['intervals']['resamples']} resamples; - where all or none are), "
        "the other shares after Wilson, as if foramina were independent.",
        "",
        "| | foramina | missed | wrong level | y-z mm | x mm | within 5 mm | by patient "
        "| at the right level |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    shown = ("all", *LEVELS, *SIDES)
    lines += [_row(name, report["groups"][name]) for name in shown if name in report["groups"]]
    lines += [
        "",
        "| whole scans | of | share |",
        "|---|---|---|",
        _whole("every foramen within 5 mm", whole, "complete"),
        _whole("shifted by a level, half of the points and more", whole, "shifted"),
    ]
    if report["abstained_scans"]:
        lines.append(f"| abstained | {report['abstained_scans']} of {report['scans']} | |")
    if "answers" in report:
        lines += ["", *answers.markdown(report["answers"])]
    return "\n".join([*lines, "", *_confusion(report["confusion"])]) + "\n"


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """List where the points of each level lie; T12 and S1 are one motion segment beyond."""
    columns = (*PLACES, "missed")
    lines = ["| point lies at | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for level, places in counts.items():
        cells = (str(places[column]) if places[column] else "." for column in columns)
        lines.append(f"| labelled {level} | " + " | ".join(cells) + " |")
    return lines


def _row(name: str, group: Mapping[str, Any]) -> str:
    by_patient = group["recall_by_patient"]
    cells = (
        name,
        group["foramina"],
        group["missed"],
        group["wrong_level"],
        _mean(group["mean_yz_mm"], group["mean_yz_interval"]),
        _mean(group["mean_x_mm"], group["mean_x_interval"]),
        share(group["recall"], group["recall_interval"]),
        percents(by_patient) if by_patient else "-",
        share(group["right_level_share"], group["right_level_interval"]),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _whole(text: str, whole: Mapping[str, Any], key: str) -> str:
    part = whole[key] / whole["scans"]
    return (
        f"| {text} | {whole[key]} of {whole['scans']} | {share(part, whole[key + '_interval'])} |"
    )


def _worst_table(report: Mapping[str, Any]) -> str:
    """List the foramina farthest off; the missed ones come first."""
    wrong = [line for line in report["foramina"] if not line["within_5_mm"]]
    if not wrong:
        return "Every foramen lies within 5 mm.\n"
    wrong.sort(key=lambda line: -(line["yz_mm"] if line["yz_mm"] is not None else float("inf")))
    lines = [
        f"{_count(len(wrong), 'foramen', 'foramina')} not within 5 mm"
        + (f"; the worst {_WORST_LINES}:" if len(wrong) > _WORST_LINES else ":"),
        "",
        "| scan | foramen | y-z mm | x mm | lies at | confidence |",
        "|---|---|---|---|---|---|",
    ]
    for line in wrong[:_WORST_LINES]:
        at = f"missed: {line['reason']}" if line["yz_mm"] is None else line["nearest_level"]
        lines.append(
            f"| {line['case']} | {line['label']} | {_mm(line['yz_mm'])} | {_mm(line['x_mm'])} "
            f"| {at} | {_mm(line['confidence'])} |"
        )
    return "\n".join(lines) + "\n"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _mm(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _mean(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None or interval is None:
        return _mm(value)
    return f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def share(value: float, interval: Sequence[float]) -> str:
    """Write a share with its interval: `98.0% [95.0%, 99.2%]`."""
    return f"{value:.1%} {percents(interval)}"


def percents(interval: Sequence[float]) -> str:
    """Write an interval of a share: `[95.0%, 99.2%]`."""
    return f"[{interval[0]:.1%}, {interval[1]:.1%}]"
