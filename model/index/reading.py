"""Series of a data set, read when they are wanted."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from model.cases import Case, case_folders, read_annotated, read_case
from model.index import record
from model.index.contradictions import contradictions
from model.index.record import Entry, Part

Reader = Callable[[], Case]
"""Reads one series; can be sent to another process."""


def read_entry(entry: Entry) -> Case:
    """Read one series of an index.

    Raises:
        ValueError: it cannot be used, or is no longer the series of the index; the message names
            the file.
        OSError: a file cannot be read from the disk.
    """
    case = read_annotated(entry.images, entry.annotation, entry.name)
    if case.series_instance_uid != entry.series_instance_uid:
        raise ValueError(
            f"{entry.images}: holds series {case.series_instance_uid}; the index expects "
            f"{entry.series_instance_uid}: build the index again"
        )
    return case


def cases(entries: Sequence[Entry]) -> Iterator[Case]:
    """Read series one after the other; see `read_entry`."""
    return map(read_entry, entries)


def readers(source: Path, part: Part) -> list[Reader]:
    """Prepare to read the series of one part of a data set.

    Args:
        source: an index file, or a folder of cases (`model.cases.case_folders`), which has no
            parts: all its cases are given, whatever the part.
        part: of the index.

    Returns:
        one function for each series; empty when the index has none for this part.

    Raises:
        ValueError: no index and no cases, or an index that contradicts itself: a patient in two
            parts, a series twice; the message names the file.
        OSError: a file cannot be read from the disk.
    """
    if source.is_dir():
        return [partial(read_case, folder) for folder in case_folders(source)]
    index = record.read(source)
    wrong = contradictions(index)
    if wrong:
        raise ValueError(f"{source}: {'; '.join(wrong[:3])}")
    return [partial(read_entry, entry) for entry in index.part(part)]
