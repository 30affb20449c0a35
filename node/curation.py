"""What a filter set does to an archive: counts at each rule, as the thesis's table 5.2."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Count:
    """How much there is, as the thesis counts it."""

    instances: int
    series: int
    studies: int
    patients: int


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the archive.

    Attributes:
        series_instance_uid, study_instance_uid: its UIDs.
        patient: pseudonym of PatientID and issuer.
        folder: of its first file.
        instances: files with different SOPInstanceUIDs.
        failed: numbers of the rules that it fails, counted from 0; empty: suitable.
        reasons: why, in the words of the filters.
    """

    series_instance_uid: str
    study_instance_uid: str
    patient: str
    folder: str
    instances: int
    failed: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One rule.

    Attributes:
        rule: the attribute and what is expected of it.
        series, instances: how many fall here, having passed every rule before.
        failing_series: how many series of the whole archive fail it.
        left: what passed it and every rule before.
    """

    rule: str
    series: int
    instances: int
    failing_series: int
    left: Count


@dataclass(frozen=True, slots=True)
class Curation:
    """What a filter set does to an archive.

    Attributes:
        folder: the archive.
        filter_set: name.
        files: how many files there are.
        no_dicom: how many of them are no DICOM file with a SeriesInstanceUID.
        copies: how many repeat the SOPInstanceUID of another one of their series.
        everything: the archive.
        unreadable: series with a damaged file; they are judged by no rule.
        stages: the rules in their order.
        suitable: what passes all of them.
        series: every series, in the order of its UID.
    """

    folder: str
    filter_set: str
    files: int
    no_dicom: int
    copies: int
    everything: Count
    unreadable: int
    stages: tuple[Stage, ...]
    suitable: Count
    series: tuple[Series, ...]


def plain(curation: Curation) -> dict[str, Any]:
    """Give a curation as values that `json` can write, without the single series."""
    return {name: value for name, value in asdict(curation).items() if name != "series"}


def markdown(curation: Curation) -> str:
    """Write a curation as the thesis's table 5.2, one line a rule."""
    lines = [
        f"# Series of {curation.folder} by the filter set `{curation.filter_set}`",
        "",
        f"{curation.files} files; {curation.no_dicom} of them are no DICOM instance of a series, "
        f"{curation.copies} are copies of another one.",
        "",
        "| rule | series that fall here | their instances | series that fail it at all "
        "| instances left | series | studies | patients |",
        "|---|---|---|---|---|---|---|---|",
        f"| all | | | | {_cells(curation.everything)} |",
    ]
    if curation.unreadable:
        lines.append(f"| a file is damaged | {curation.unreadable} | | | | | | |")
    lines += [
        f"| {stage.rule} | {stage.series} | {stage.instances} | {stage.failing_series} "
        f"| {_cells(stage.left)} |"
        for stage in curation.stages
    ]
    lines.append(f"| **suitable** | | | | {_cells(curation.suitable)} |")
    return "\n".join(lines) + "\n"


def _cells(count: Count) -> str:
    return f"{count.instances} | {count.series} | {count.studies} | {count.patients}"


def save(curation: Curation, out: Path) -> list[Path]:
    """Write `curation.json`, `curation.md` and `series.csv` (every series with its reasons).

    `series.csv` names folders and UIDs: it stays with the archive.
    """
    out.mkdir(parents=True, exist_ok=True)
    as_json, as_text, as_table = (
        out / "curation.json", out / "curation.md", out / "series.csv",
    )  # fmt: skip
    as_json.write_text(json.dumps(plain(curation), indent=1) + "\n", encoding="utf-8")
    as_text.write_text(markdown(curation), encoding="utf-8")
    with as_table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ("series_instance_uid", "study_instance_uid", "patient", "folder", "instances",
             "suitable", "reasons")
        )  # fmt: skip
        for one in curation.series:
            writer.writerow(
                (one.series_instance_uid, one.study_instance_uid, one.patient, one.folder,
                 one.instances, not one.failed, "; ".join(one.reasons))
            )  # fmt: skip
    return [as_json, as_text, as_table]
