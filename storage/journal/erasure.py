"""Erasing what the journal holds of a patient."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage.durable import sync_folder
from storage.journal import files, spool
from storage.journal.aside import LATER, REFUSED, Aside
from storage.journal.layout import HEAD_BYTES, HEADER_BYTES, Head, Kind
from storage.journal.walk import SegmentFile, UnreadableSegmentError

Matches = Callable[[Mapping[str, Any]], bool]


def erase(folder: Path, matches: Matches) -> int:
    """Overwrite every instance in the journal whose fields match, filed or not; how many.

    Segments in use are overwritten in place: their writer only ever writes behind what it wrote.
    Spooled bodies are deleted, and so is what was set aside. When this returns, it is durable.
    What was retired earlier is not looked at: `discard_free`.

    Raises:
        OSError: the disk refuses.
    """
    paths = [folder / str(name) for name in files.segments(folder)] if folder.exists() else []
    paths += files.with_suffix(folder, files.DAMAGED)
    count = sum(_erase_in(path, matches) for path in paths)
    return count + sum(_erase_aside(Aside(folder, name), matches) for name in (REFUSED, LATER))


def discard_free(folder: Path) -> int:
    """Delete the segments that wait to be written anew; how many."""
    count = files.discard_left(folder, files.FREE)
    if count:
        sync_folder(folder)
    return count


def _erase_in(path: Path, matches: Matches) -> int:
    try:
        file = SegmentFile(path)
    except (FileNotFoundError, UnreadableSegmentError):
        return 0
    try:
        count = 0
        for position, head, fields in _instances(file):
            if not matches(fields):
                continue
            if fields.get("spool"):
                spool.path_of(path.parent, fields["spool"]).unlink(missing_ok=True)
            _overwrite(file, position, head)
            count += 1
        if count:
            os.fdatasync(file.descriptor)
        return count
    finally:
        file.close()


def _erase_aside(aside: Aside, matches: Matches) -> int:
    count = 0
    for name in aside.names():
        try:
            fields, _ = aside.read(name)
        except (FileNotFoundError, ValueError):  # erased by another; or a person's to look into
            continue
        if matches(fields):
            aside.discard(name)
            count += 1
    return count


def _instances(file: SegmentFile) -> Iterator[tuple[int, Head, dict[str, Any]]]:
    position: int | None = HEADER_BYTES
    sequence = 0
    while position is not None:
        head = file.head_at(position, sequence)
        if head is None:
            position = file.next_after(position, sequence)
            continue
        if head.kind is Kind.SEALED:
            return
        fields = file.fields_at(position, head) if head.kind is Kind.INSTANCE else None
        if fields is not None:
            yield position, head, fields
        position, sequence = position + head.extent_bytes, head.sequence + 1


def _overwrite(file: SegmentFile, position: int, head: Head) -> None:
    """Write zeros over fields and body, after the head has said that they are gone."""
    erased = replace(head, kind=Kind.ERASED, time_ns=0, fields_check=0, body_check=0)
    os.pwrite(file.descriptor, erased.pack(file.generation), position)
    remaining, start = head.extent_bytes - HEAD_BYTES, position + HEAD_BYTES
    zeros = bytes(min(remaining, 1 << 20))
    while remaining:
        written = os.pwrite(file.descriptor, zeros[:remaining], start)
        start, remaining = start + written, remaining - written
