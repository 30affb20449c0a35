"""Ablations of the two-stage localiser as one table: other decodings, and other trainings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from model.commands.progress import Report, silent

if TYPE_CHECKING:
    from model.commands.localiser_calibration import Scans
    from model.localiser.held_out import Read
    from model.localiser.pair import Pair
    from model.metrics import Distance

_TABLE: Final = "ablations"
_KEPT: Final = "scans"


def ablate(
    coarse: Path,
    fine: Path,
    scans: "Scans",
    out: Path,
    *,
    others: Mapping[str, Path] | None = None,
    processes: int = 2,
    report: Report = silent,
) -> list[dict[str, Any]]:
    """Decode held-out scans in several ways, and with other coarse networks; tell what it costs.

    Nothing is abstained from: every row answers the same scans. What each scan gave is kept in
    `OUT/scans`, so that the same command goes on where it was stopped.

    Args:
        coarse: finished run of the coarse network that the others are compared with.
        fine: finished run of the fine network; serves all.
        scans: with truth.
        out: folder for ablations.json and ablations.md.
        others: name of a row to the run of another coarse network (T1 alone, without decoys,
            without background), which may differ from the first in one thing only.
        processes: how many work at a time.
        report: told about progress.

    Returns:
        a row for each decoding and each other network.

    Raises:
        ValueError: an unfinished run; scans that were learned from; a name that is taken.
    """
    from model.commands.localiser_calibration import read_scans
    from model.json_file import write_json
    from model.localiser.ablation import DECODINGS, FULL
    from model.localiser.pair import Pair

    named = dict(others or {})
    taken = sorted(set(named) & set(DECODINGS))
    if taken:
        raise ValueError(f"{taken[0]!r} names a decoding; give the other network another name")
    pairs = {name: Pair.of_runs(run, fine) for name, run in named.items()}
    readers, words = read_scans(scans, (coarse, fine, *named.values()), processes, report)
    base = _measured(
        Pair.of_runs(coarse, fine), "base", readers, out, processes=processes, report=report
    )
    found = {name: [line for scan in base for line in scan[name]] for name in DECODINGS}
    for name, pair in pairs.items():
        other = _measured(pair, name, readers, out, processes=processes, report=report)
        found[name] = [line for scan in other for line in scan[FULL]]
    rows = [
        {"name": name, "what": DECODINGS.get(name, "another coarse network"),
         **_row(lines, found[FULL])}
        for name, lines in found.items()
    ]  # fmt: skip
    write_json(out / f"{_TABLE}.json", {"scans": words, "rows": rows})
    (out / f"{_TABLE}.md").write_text(markdown(rows, words), encoding="utf-8")
    return rows


def _measured(
    pair: "Pair",
    name: str,
    readers: "Sequence[Read]",
    out: Path,
    *,
    processes: int,
    report: Report,
) -> "list[dict[str, list[Distance]]]":
    """Decode every scan; those that are kept from an earlier call are read."""
    from model.json_file import read_json, write_json
    from model.localiser.held_out import digest
    from model.metrics import Distance
    from model.workers import each

    folder = out / _KEPT / f"{pair.digest()[:16]}-{digest(readers)[:16]}"
    paths = [folder / f"{number:05d}.json" for number in range(len(readers))]
    missing = [number for number, path in enumerate(paths) if not path.exists()]
    done = len(paths) - len(missing)
    decoded = each(partial(_decode, pair), [readers[number] for number in missing], processes)
    for number, lines in zip(missing, decoded, strict=True):
        write_json(paths[number], lines)
        done += 1
        report(f"decoding scans, {name}", done, len(paths))
    form = TypeAdapter(dict[str, list[Distance]])
    return [form.validate_python(read_json(path)) for path in paths]


def _decode(pair: "Pair", read: "Read") -> dict[str, list[dict[str, Any]]]:
    from model.localiser.ablation import decoded

    ways = decoded(read(), pair.networks())
    return {name: [asdict(line) for line in lines] for name, lines in ways.items()}


def _row(lines: "Sequence[Distance]", base: "Sequence[Distance]") -> dict[str, Any]:
    """Sum one row up, and compare it with the first by the exact binomial test."""
    import numpy as np

    from model.answers import Scan, summary
    from model.compare import exact_binomial
    from model.expected import Expected
    from model.intervals import redraw

    names = list(dict.fromkeys(line.case for line in lines))
    scans = [
        Scan(name, Expected(), None, tuple(line for line in lines if line.case == name), ())
        for name in names
    ]
    found = summary(scans, redraw(names, np.random.default_rng(0)))
    better = sum(one.hit and not other.hit for one, other in zip(lines, base, strict=True))
    worse = sum(other.hit and not one.hit for one, other in zip(lines, base, strict=True))
    kept = ("scans", "foramina", "answered", "shifted", "mean_yz_mm", "mean_yz_interval",
            "median_yz_mm", "wrong_level")  # fmt: skip
    return {
        **{name: found[name] for name in kept},
        "recall_within_5_mm": _recall(lines),
        "only_here": better,
        "only_full": worse,
        "p_value": exact_binomial(better, worse),
    }


def _recall(lines: "Sequence[Distance]") -> dict[str, Any]:
    from model.answers import share

    return share(sum(line.hit for line in lines), len(lines))


def markdown(rows: Sequence[Mapping[str, Any]], words: str) -> str:
    """Write the rows as a Markdown table."""
    lines = [
        f"On {words}; every scan is answered. Recall: share of all foramina within 5 mm. p: exact "
        "binomial test against the first row, foramina within 5 mm by one alone.",
        "",
        "| | recall within 5 mm | mean y-z mm | median | wrong level, of the answered | "
        "scans shifted | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            f"**{row['name']}**: {row['what']}",
            _share(row["recall_within_5_mm"]),
            _mm(row["mean_yz_mm"]),
            _mm(row["median_yz_mm"]),
            _share(row["wrong_level"]),
            _share(row["shifted"]),
            "-" if row is rows[0] else f"{row['p_value']:.2g}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _share(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "-"
    low, high = one["interval"]
    return f"{one['share']:.1%} [{low:.1%}, {high:.1%}]"


def _mm(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
