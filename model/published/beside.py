"""Our networks' results beside those that the thesis published for the same variants."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from model.evaluate import share
from model.labels import LEVELS
from model.published import Result, results

_GROUPS: Final = ("all", *LEVELS)

VARIANTS: Final[Mapping[str, tuple[str, str]]] = {
    "singlenet-base": ("SingleNet", "Base"),
    "singlenet-crelu": ("SingleNet", "CReLU"),
    "singlenet-elu": ("SingleNet", "ELU"),
    "singlenet-more-capacity": ("SingleNet", "More capacity"),
    "singlenet-no-he": ("SingleNet", "No He initialisation"),
    "singlenet-no-batch-normalisation": ("SingleNet", "No batch normalisation"),
    **{
        f"singlenet-cases-{count}": ("SingleNet", f"Training set size {count}")
        for count in (250, 150, 50, 5, 1)
    },
    "multinet-base": ("MultiNet", "Base"),
    "multinet-normalised": ("MultiNet", "Normalised"),
    "multinet-unsupervised": ("MultiNet", "Unsupervised"),
    "multinet-elu": ("MultiNet", "ELU"),
    "multinet-crelu": ("MultiNet", "CReLU"),
    "multinet-crelu-less": ("MultiNet", "CReLU less"),
    "multinet-more-capacity": ("MultiNet", "More capacity"),
    "multinet-softmax": ("MultiNet", "Softmax"),
    "multinet-sigmoid-cross-entropy": ("MultiNet", "Sigmoid cross entropy"),
    "multinet-softmax-cross-entropy": ("MultiNet", "Softmax cross entropy"),
    "multinet-lower-resolution": ("MultiNet", "Lower res."),
    "multinet-lower-resolution-60k": ("MultiNet", "Lower res. 60k"),
    "multinet-lower-resolution-120k": ("MultiNet", "Lower res. 120k"),
    "multinet-less-capacity": ("MultiNet", "Less capacity"),
    "multinet-less-capacity-lower-resolution": ("MultiNet", "Less capacity + lower res."),
    **{
        f"multinet-cases-{count}": ("MultiNet", f"Training set size {count}")
        for count in (10, 25, 50, 100, 200)
    },
}
"""Each preset with the thesis's names of it (chapter 7)."""


def markdown(reports: Iterable[Mapping[str, Any]]) -> str:
    """Write three Markdown tables: recall, distance and missed foramina, ours above the thesis's.

    Args:
        reports: of `model.evaluate.evaluate`, each of a model that is named as its preset; in the
            order of the rows.

    Raises:
        ValueError: a model is not named as a preset of the thesis.
    """
    chosen = [(one, _published(one)) for one in reports]
    head = " | ".join(("network", "whose", *_GROUPS))
    rule = "|---" * (2 + len(_GROUPS)) + "|"
    tables = (
        ("Within 5 mm, %", _recall, lambda one, name: f"{one.within_5_mm_percent[name]:.1f}"),
        ("Mean y-z distance of the found points, mm", _distance, _published_distance),
        ("Missed foramina", _missed, lambda one, name: str(one.missed[name])),
    )
    parts = []
    for title, ours, theirs in tables:
        lines = [f"### {title}", "", f"| {head} |", rule]
        for report, row in chosen:
            lines += _pair(report, row, ours, theirs)
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _pair(report: Mapping[str, Any], row: Result, ours: Any, theirs: Any) -> Iterator[str]:
    groups = report["groups"]
    mine = (ours(groups[name], name) if name in groups else "-" for name in _GROUPS)
    yield f"| {report['bundle']['name']} | ours | " + " | ".join(mine) + " |"
    yield "| | thesis | " + " | ".join(theirs(row, name) for name in _GROUPS) + " |"


def _published(report: Mapping[str, Any]) -> Result:
    name = report["bundle"]["name"]
    if name not in VARIANTS:
        raise ValueError(
            f"{name!r} is no network of the thesis: expected a run named as its preset, one of "
            f"{', '.join(VARIANTS)}"
        )
    return results()[VARIANTS[name]]


def _recall(group: Mapping[str, Any], name: str) -> str:
    if name == "all":
        return share(group["recall"], group["recall_by_patient"] or group["recall_interval"])
    return f"{100 * group['recall']:.1f}"


def _distance(group: Mapping[str, Any], name: str) -> str:
    return "-" if group["mean_yz_mm"] is None else f"{group['mean_yz_mm']:.2f}"


def _published_distance(row: Result, name: str) -> str:
    value = row.mean_yz_mm[name]
    return "-" if value is None else f"{value:.2f}"


def _missed(group: Mapping[str, Any], name: str) -> str:
    return str(group["missed"])
