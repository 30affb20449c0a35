"""What the command line offers of annotations: import reports, compare annotators."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model import archive
from model.annotation import agreement, sources
from model.annotation.record import write
from model.annotation.report import Imported, is_report, read_report
from model.annotation.wording import normal
from model.archive import Image
from model.json_file import read_json, write_json
from model.labels import LABELS

Report = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Import:
    """What became of the reports.

    Attributes:
        written: the annotation files.
        wording: (text, label or None) to number of points; None was left out.
        failures: a sentence for each report that could not be used.
    """

    written: tuple[Path, ...]
    wording: Mapping[tuple[str, str | None], int]
    failures: tuple[str, ...]


def import_reports(
    reports: Sequence[Path],
    out: Path,
    *,
    images: Path | None = None,
    labels: Path | None = None,
    series_instance_uid: str = "",
    report: Report | None = None,
) -> Import:
    """Write the points of DICOM SRs as annotation files: `OUT/<SOPInstanceUID>.json`.

    Args:
        reports: files, and folders in which every SR is taken.
        out: folder for the annotations; the same report writes the same file again.
        images: folder with the images of the reports; without it, only points that a report
            gives in the patient can be read.
        labels: JSON file of texts with their label, or null for "no foramen":
            `{"Foramen 4 re": "L4-right", "Reference point": null}`.
        series_instance_uid: the series of points in the patient where a report leaves it open.
        report: told about progress.

    Returns:
        what was written and how each text was understood; reports that could not be used are
        among its failures, and the others are written all the same.

    Raises:
        ValueError: no SR among the files, or a broken file of labels.
        OSError: a file cannot be read from the disk.
    """
    known = read_labels(labels) if labels else {}
    at_hand = {one.sop_instance_uid: one for one in _images([images] if images else [], report)}
    wording: Counter[tuple[str, str | None]] = Counter()
    written: list[Path] = []
    failures: list[str] = []
    paths = _reports(reports)
    for number, path in enumerate(paths, start=1):
        try:
            one = read_report(path, at_hand, known=known, series_instance_uid=series_instance_uid)
            wording.update(one.wording)
            written += _written(one, out)
        except ValueError as error:
            failures.append(str(error))
        if report is not None:
            report("reading reports", number, len(paths))
    return Import(tuple(written), dict(wording), tuple(failures))


def _written(one: Imported, out: Path) -> list[Path]:
    paths = []
    for number, annotation in enumerate(one.annotations):
        name = one.sop_instance_uid + (f"-{number + 1}" if len(one.annotations) > 1 else "")
        paths.append(out / f"{name}.json")
        write(annotation, paths[-1])
    return paths


def _reports(sources_: Sequence[Path]) -> list[Path]:
    """List the reports: files as they are named, and every SR of a folder."""
    paths: list[Path] = []
    for source in sources_:
        if source.is_dir():
            paths += [path for path in archive.files(source) if _is_report(path)]
        else:
            paths.append(source)
    if not paths:
        raise ValueError(
            f"{', '.join(map(str, sources_))}: no DICOM SR is there; expected Structured Reports "
            "with points"
        )
    return paths


def _is_report(path: Path) -> bool:
    header = archive.read_header(path)
    return header is not None and is_report(header)


def read_labels(path: Path) -> dict[str, str | None]:
    """Read a file of texts with their labels; gives the texts in their normal form.

    Raises:
        ValueError: no JSON object of texts, or an unknown label; the message names the file.
        OSError: it cannot be read from the disk.
    """
    data = read_json(path)
    if not isinstance(data, dict):
        raise ValueError(f'{path}: expected {{"text of the report": "L4-left", ...}}')
    for text, label in data.items():
        if label is not None and label not in LABELS:
            raise ValueError(
                f"{path}: {text!r} means {label!r}; expected null or one of {', '.join(LABELS)}"
            )
    return {normal(text): label for text, label in data.items()}


def compare(
    a: Path,
    b: Path,
    *,
    images: Path | None = None,
    out: Path | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Measure how far two annotators agree on the series that both annotated.

    Args:
        a, b: each an annotation file, or a folder of them; cases with `truth.json` too.
        images: folder with the images, for marks that do not name their slice; those below `a`
            and `b` are found without it.
        out: folder for `agreement.json` and `agreement.md`; None writes nothing.
        report: told about progress.

    Returns:
        `series`, `only_a`, `only_b` (SeriesInstanceUIDs), `groups` (`all`, levels, sides: see
        `agreement.Summary`) and `foramina`, as values that `json` can write.

    Raises:
        ValueError: broken annotations, no series that both annotated, marks without a slice; the
            message names the file or the series.
        OSError: a file cannot be read from the disk.
    """
    at_hand = _images([path for path in (a, b, images) if path and path.is_dir()], report)
    at_hand += _images([path.parent for path in (a, b) if path.name == "truth.json"], report)
    ours, theirs = sources.load(a, at_hand), sources.load(b, at_hand)
    both = sorted(set(ours) & set(theirs))
    if not both:
        raise ValueError(
            f"{a} and {b} have no series in common: {len(ours)} and {len(theirs)} annotated "
            f"series, such as {min(ours)} and {min(theirs)}; expected annotations of the same ones"
        )
    measured = [one for uid in both for one in agreement.compare(ours[uid], theirs[uid])]
    result = {
        "a": a.name,
        "b": b.name,
        "series": both,
        "only_a": sorted(set(ours) - set(theirs)),
        "only_b": sorted(set(theirs) - set(ours)),
        "groups": {name: asdict(one) for name, one in agreement.by_group(measured).items()},
        "foramina": [asdict(one) for one in measured],
    }
    if out is not None:
        write_json(out / "agreement.json", result)
        (out / "agreement.md").write_text(markdown(result), encoding="utf-8")
    return result


def _images(folders: Sequence[Path], report: Report | None) -> list[Image]:
    paths = list(dict.fromkeys(path for folder in folders for path in archive.files(folder)))
    told = (lambda done: report("reading headers", done, len(paths))) if report else None
    return list(archive.images(paths, told))


def markdown(result: Mapping[str, Any]) -> str:
    """Write an agreement as a Markdown table, with Wilson intervals at 95 %."""
    lines = [
        f"# Agreement of {result['a']} (A) and {result['b']} (B)",
        "",
        f"{len(result['series'])} series annotated by both; {len(result['only_a'])} by A only, "
        f"{len(result['only_b'])} by B only. Shares count every foramen that A or B marked; one "
        "that the other did not mark counts as disagreement. Distances: between the middles of "
        "both annotators' marks. Intervals: Wilson, 95 %; the foramina of one patient are not "
        "independent, so the true ones are wider.",
        "",
        "| | foramina | only A | only B | a mark on the same slice | at the same level "
        "| y-z mm, mean | median | largest | x mm, mean | within 5 mm in y-z |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, group in result["groups"].items():
        lines.append(
            f"| {name} | {group['foramina']} | {group['only_a']} | {group['only_b']} "
            f"| {_share(group['same_slice_share'], group['same_slice_interval'])} "
            f"| {group['same_level']} of {group['both']} "
            f"| {_mm(group['mean_yz_mm'])} | {_mm(group['median_yz_mm'])} "
            f"| {_mm(group['largest_yz_mm'])} | {_mm(group['mean_x_mm'])} "
            f"| {_share(group['within_5_mm_share'], group['within_5_mm_interval'])} |"
        )
    return "\n".join(lines) + "\n"


def _mm(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float, interval: Sequence[float]) -> str:
    return f"{value:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]"
