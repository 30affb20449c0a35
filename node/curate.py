"""Which series of an archive a filter set would take, rule by rule (thesis section 5.2, table 5.2).

Headers alone are read, twice: first every file up to its SeriesInstanceUID, then the headers of
one series after the other, so that an archive of any size fits into memory.
"""

import contextlib
import functools
import hashlib
import multiprocessing
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag

from node.curation import Count, Curation, Series, Stage
from node.errors import ForaminaError, SeriesUnusableError
from node.filters import FilterSet
from node.filters.operators import expectation
from node.headers import read_headers, values

Report = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""

_Identity = tuple[str, str, str, str]  # series, study, patient's pseudonym, instance
_Map = Callable[[Callable[[Any], Any], Iterable[Any], int], Iterable[Any]]
_Result = TypeVar("_Result")

_LAST_IDENTIFIER: Final = Tag("SeriesInstanceUID")
_IDENTIFIERS: Final = tuple(
    Tag(keyword)
    for keyword in (
        "SOPInstanceUID", "PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID",
    )
)  # fmt: skip
_BROKEN: Final = (
    ArithmeticError, AttributeError, EOFError, InvalidDicomError, LookupError, NotImplementedError,
    OSError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom raises on what is no DICOM file, or a damaged one."""

_DAMAGED: Final = -1  # stands among the numbers of failed rules for a file that cannot be read
_FEW_FILES: Final = 5000  # below it, starting processes takes longer than it saves
_FILES_AT_ONCE: Final = 256
_SERIES_AT_ONCE: Final = 16


@dataclass(slots=True)
class _Found:
    """The files of one series, by SOPInstanceUID."""

    study_instance_uid: str
    patient: str
    paths: dict[str, Path]


def curate(folder: Path, filter_set: FilterSet, report: Report | None = None) -> Curation:
    """Judge every series below a folder by a filter set.

    Raises:
        ForaminaError: the folder holds no DICOM file.
    """
    paths = list(_files(folder))
    with _mapping(len(paths)) as mapped:
        read = mapped(_identified, paths, _FILES_AT_ONCE)
        found, no_dicom, copies = _grouped(paths, _told(read, "reading files", len(paths), report))
        if not found:
            raise ForaminaError(
                f"{folder} holds no DICOM file ({len(paths)} other files); expected the files of "
                "an archive, in any folders: check the path"
            )
        work = [(uid, found[uid]) for uid in sorted(found)]
        judged = mapped(functools.partial(_judge, filter_set), work, _SERIES_AT_ONCE)
        series = tuple(_told(judged, "judging series", len(work), report))
    readable = [one for one in series if _DAMAGED not in one.failed]
    stages = tuple(_stages(readable, filter_set))
    return Curation(
        folder=folder.name,
        filter_set=filter_set.name,
        files=len(paths),
        no_dicom=no_dicom,
        copies=copies,
        everything=_count(series),
        unreadable=len(series) - len(readable),
        stages=stages,
        suitable=_count(one for one in readable if not one.failed),
        series=series,
    )


def _files(folder: Path) -> Iterator[Path]:
    for home, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name != "DICOMDIR" and not name.startswith("."):
                yield Path(home, name)


@contextlib.contextmanager
def _mapping(files: int) -> Iterator[_Map]:
    """Give a `map` that keeps the order; of several processes when there are many files."""
    if files < _FEW_FILES:
        yield lambda function, work, _: map(function, work)
        return
    spawn = multiprocessing.get_context("spawn")  # forking beside a progress bar's thread may hang
    with ProcessPoolExecutor(mp_context=spawn) as pool:
        yield lambda function, work, chunk: pool.map(function, work, chunksize=chunk)


def _told(
    results: Iterable[_Result], what: str, total: int, report: Report | None
) -> Iterator[_Result]:
    for number, one in enumerate(results, start=1):
        yield one
        if report is not None:
            report(what, number, total)


def _grouped(
    paths: Sequence[Path], identified: Iterable[_Identity | None]
) -> tuple[dict[str, _Found], int, int]:
    """Group files by series; count those of no series, and copies."""
    found: dict[str, _Found] = {}
    no_dicom = copies = 0
    for path, identity in zip(paths, identified, strict=True):
        if identity is None:
            no_dicom += 1
            continue
        series, study, patient, instance = identity
        one = found.setdefault(series, _Found(study, patient, {}))
        copies += instance in one.paths
        one.paths.setdefault(instance, path)
    return found, no_dicom, copies


def _identified(path: Path) -> _Identity | None:
    """Read a file as far as its SeriesInstanceUID; None when it is no instance of a series."""
    try:
        with path.open("rb") as file:
            header = read_partial(file, _behind_identifiers, specific_tags=list(_IDENTIFIERS))
    except _BROKEN:
        return None
    series, study, instance = (
        _text(header, keyword)
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID")
    )
    return (series, study, _patient(header), instance) if series else None


def _behind_identifiers(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return bool(tag > _LAST_IDENTIFIER)


def _text(header: Dataset, keyword: str) -> str:
    return "\\".join(str(part) for part in values(header, keyword))


def _patient(header: Dataset) -> str:
    known = f"{_text(header, 'IssuerOfPatientID')}\n{_text(header, 'PatientID')}"
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def _judge(filter_set: FilterSet, work: tuple[str, _Found]) -> Series:
    uid, found = work
    paths = list(found.paths.values())
    try:
        decision = filter_set.judge(read_headers(paths))
    except SeriesUnusableError as error:
        failed: tuple[int, ...] = (_DAMAGED,)
        reasons: tuple[str, ...] = (str(error),)
    else:
        rules = decision.verdict["rules"]
        failed = tuple(number for number, rule in enumerate(rules) if not rule["passed"])
        reasons = decision.reasons
    return Series(
        series_instance_uid=uid,
        study_instance_uid=found.study_instance_uid,
        patient=found.patient,
        folder=str(paths[0].parent),
        instances=len(paths),
        failed=failed,
        reasons=reasons,
    )


def _stages(series: Sequence[Series], filter_set: FilterSet) -> Iterator[Stage]:
    left = list(series)
    for number, rule in enumerate(filter_set.rules):
        fallen = [one for one in left if number in one.failed]
        left = [one for one in left if number not in one.failed]
        yield Stage(
            rule=f"{rule.attribute}: {expectation(rule.operator, rule.value)}",
            series=len(fallen),
            instances=sum(one.instances for one in fallen),
            failing_series=sum(number in one.failed for one in series),
            left=_count(left),
        )


def _count(series: Iterable[Series]) -> Count:
    listed = list(series)
    return Count(
        instances=sum(one.instances for one in listed),
        series=len(listed),
        studies=len({one.study_instance_uid for one in listed}),
        patients=len({one.patient for one in listed}),
    )
