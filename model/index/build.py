"""An index made from a folder of series and annotations."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model import archive
from model.index.check import check
from model.index.discovery import Labelled, annotated, raise_all
from model.index.record import PARTS, Entry, Index, Part, Patients
from model.index.split import Shares, divide

Report = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Built:
    """A checked index.

    Attributes:
        index: its paths are absolute.
        notes: what was passed over, sentences for people.
    """

    index: Index
    notes: tuple[str, ...]


def build(
    folder: Path,
    *,
    annotations: Path | None = None,
    annotator: str = "",
    shares: Shares | None = None,
    seed: int = 1,
    patients: Patients = "id",
    previous: Index | None = None,
    report: Report | None = None,
) -> Built:
    """Find the annotated series below a folder, divide them by patient, and check them all.

    A series is annotated by a `truth.json` in its folder or the one above, or by an annotation
    file anywhere that names its SeriesInstanceUID. Each annotated series has a folder of its own.

    Args:
        folder: the data set.
        annotations: where annotation files lie beside those in `folder`.
        annotator: of several annotations of one series, the one with marks of this annotator.
        shares: of the series for test and validation; None: folders named train, validation and
            test, first below `folder`, decide.
        seed: of the division; one seed and one data set give one division.
        patients: what tells one patient from another.
        previous: patients that it knows keep their part; so a test set outlives new scans.
        report: told about progress.

    Raises:
        ValueError: no annotated series, or something is wrong with them: up to 20 sentences, one
            a line, each naming the file.
        OSError: a file cannot be read from the disk.
    """
    for wanted in (folder, annotations):
        if wanted is not None and not wanted.is_dir():
            raise ValueError(f"{wanted}: no such folder; expected the folder of a data set")
    folder = folder.absolute()
    paths = archive.files(folder)
    beside = archive.files(annotations.absolute()) if annotations else []
    found = list(archive.images(paths, _reporting(report, "reading headers", len(paths))))
    labels = [path for path in dict.fromkeys([*paths, *beside]) if path.suffix == ".json"]
    labelled, notes = annotated(found, labels, annotator)
    patient_of = {one.images: _patient(one, patients, folder) for one in labelled}
    if shares is None:
        part_of = {one.images: _named_part(one, folder) for one in labelled}
    else:
        part_of = _drawn_parts(patient_of, shares, seed, previous)
    entries = _entries(labelled, folder, part_of, patient_of)
    index = Index(seed=seed, patients=patients, entries=entries)
    step = _reporting(report, "checking series", len(index.entries))
    done = iter(range(1, len(index.entries) + 1))
    raise_all(check(index, (lambda _: step(next(done))) if step else None))
    return Built(index, notes)


def _entries(
    labelled: Sequence[Labelled],
    folder: Path,
    part_of: Mapping[Path, Part],
    patient_of: Mapping[Path, str],
) -> tuple[Entry, ...]:
    names = _names([one.images for one in labelled], folder)
    return tuple(
        Entry(
            name=names[one.images],
            part=part_of[one.images],
            patient=patient_of[one.images],
            series_instance_uid=one.first.series_instance_uid,
            images=one.images,
            annotation=one.annotation,
        )
        for one in labelled
    )


def _reporting(report: Report | None, what: str, total: int) -> archive.Report | None:
    if report is None:
        return None
    return lambda done: report(what, done, total)


def _patient(one: Labelled, patients: Patients, folder: Path) -> str:
    if patients == "folder":
        return _first_folder(one.images, folder)
    known = one.first.patient if patients == "id" else one.first.study_instance_uid
    if not known:
        what = "PatientID" if patients == "id" else "StudyInstanceUID"
        raise ValueError(
            f"{one.first.path}: has no {what}; expected one, to keep each patient in one part: "
            "tell patients apart by study or by folder"
        )
    return known if patients == "id" else archive.pseudonym(known)


def _drawn_parts(
    patient_of: Mapping[Path, str], shares: Shares, seed: int, previous: Index | None
) -> dict[Path, Part]:
    kept: dict[str, Part] = {}
    if previous is not None:
        kept = {entry.patient: entry.part for entry in previous.entries}
    rng = np.random.default_rng(seed)
    parts = divide(list(patient_of.values()), shares, rng, kept)
    return {home: parts[patient] for home, patient in patient_of.items()}


def _named_part(one: Labelled, folder: Path) -> Part:
    first = _first_folder(one.images, folder)
    for part in PARTS:
        if first == part:
            return part
    raise ValueError(
        f"{one.images}: lies in no folder that names a part; expected {', '.join(PARTS)} first "
        f"below {folder}"
    )


def _first_folder(home: Path, folder: Path) -> str:
    return (*home.relative_to(folder).parts, ".")[0]


def _names(homes: Sequence[Path], folder: Path) -> dict[Path, str]:
    """Name each series by its path, without a last folder that is only called dicom."""
    short = {
        home: "/".join(
            part
            for number, part in enumerate(home.relative_to(folder).parts)
            if number == 0 or part.lower() != "dicom"
        )
        for home in homes
    }
    count = Counter(short.values())
    return {
        home: name if name and count[name] == 1 else str(home.relative_to(folder.parent))
        for home, name in short.items()
    }
