"""What the thesis published: its results per network, and its p-values per pair of networks.

Lamerigts, *Foramina Localization*: `results.csv` holds Tables 7.3, 7.4, 7.6, 7.7, B.1 and C.1 (100
test scans, 1,000 foramina), `p_values.csv` Tables B.2, C.2 and C.3, which print two decimals and
leave out what rounds to zero.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.compare import discordant_counts, exact_binomial
from model.labels import LEVELS

FORAMINA: Final = 1000
_FOLDER: Final = Path(__file__).parent
_GROUPS: Final = ("all", *LEVELS)


@dataclass(frozen=True, slots=True)
class Result:
    """One network's row in the thesis's tables.

    Attributes:
        network: `SingleNet` or `MultiNet`.
        variant: the thesis's name of it.
        mean_yz_mm: by `all`, `L1` .. `L5`; None where every foramen was missed.
        within_5_mm_percent: by the same.
        missed: by the same.
    """

    network: str
    variant: str
    mean_yz_mm: dict[str, float | None]
    within_5_mm_percent: dict[str, float]
    missed: dict[str, int]

    @property
    def hits(self) -> int:
        """Count the foramina within 5 mm; the table's decimal gives it exactly."""
        return round(self.within_5_mm_percent["all"] * FORAMINA / 100)


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One published p-value beside what the published recalls allow.

    Attributes:
        network: `SingleNet` or `MultiNet`.
        a: first variant.
        b: second variant.
        difference: hits of the first minus hits of the second, from the recalls.
        p_value: as printed.
        counts: every pair of discordant counts with that difference and that p-value, rounded.
        ours: our p-value where it is known without a doubt: one pair of counts fits, or all
            that fit give the same; else None.
    """

    network: str
    a: str
    b: str
    difference: int
    p_value: float
    counts: tuple[tuple[int, int], ...]
    ours: float | None


def results() -> dict[tuple[str, str], Result]:
    """Read the results, by network and variant."""
    return {(one.network, one.variant): one for one in map(_result, _rows("results.csv"))}


def _result(row: dict[str, str]) -> Result:
    mean = {name: row[f"mean_yz_mm_{name}"] for name in _GROUPS}
    return Result(
        row["network"],
        row["variant"],
        {name: float(value) if value else None for name, value in mean.items()},
        {name: float(row[f"within_5_mm_percent_{name}"]) for name in _GROUPS},
        {name: int(row[f"missed_{name}"]) for name in _GROUPS},
    )


def reproduced() -> list[Reproduced]:
    """Put every published p-value beside the counts that its recalls allow."""
    known = results()
    answer = []
    for row in _rows("p_values.csv"):
        network, a, b = row["network"], row["a"], row["b"]
        hits = known[network, a].hits, known[network, b].hits
        missed_by_one = 2 * FORAMINA - sum(hits)  # a discordant foramen is one model's failure
        difference = hits[0] - hits[1]
        counts = discordant_counts(difference, float(row["p_value"]), greatest=missed_by_one)
        values = {exact_binomial(*pair) for pair in counts}
        ours = values.pop() if len(values) == 1 else None
        answer.append(
            Reproduced(network, a, b, difference, float(row["p_value"]), tuple(counts), ours)
        )
    return answer


def markdown() -> str:
    """Write the reproduced p-values as a Markdown table."""
    lines = [
        "| network | variant A | variant B | hits A - B | p, published | A : B alone | p, ours |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in reproduced():
        ours = "-" if one.ours is None else f"{one.ours:.4f}"
        lines.append(
            f"| {one.network} | {one.a} | {one.b} | {one.difference:+d} | {one.p_value:.2f} "
            f"| {_counts(one.counts)} | {ours} |"
        )
    return "\n".join(lines) + "\n"


def _counts(counts: tuple[tuple[int, int], ...]) -> str:
    if not counts:
        return "none fits"
    first, last = (f"{a} : {b}" for a, b in (counts[0], counts[-1]))
    return first if len(counts) == 1 else f"{first} to {last}"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
