"""The files of a journal: their names, their locks, and how they change hands.

    <writer>-<number>.segment    being written, or written and not yet filed
    <random>.making              about to become a segment
    <random>.free                filed: the next writer takes it, whose writes are then quick
    <...>.damaged                holds an entry that cannot be read; kept for a person
    spool/<random>.whole         a body too large for a segment
    spool/<random>.part          the same while it arrives

Whoever writes a file holds a lock on it (flock(2)), which ends with its process, however that ends.
A segment without a lock therefore gets no further entry.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from storage.durable import sync_folder

SEGMENT: Final = ".segment"
MAKING: Final = ".making"
FREE: Final = ".free"
DAMAGED: Final = ".damaged"
SPOOL_FOLDER: Final = "spool"
WHOLE: Final = ".whole"
PART: Final = ".part"

FOLDER_MODE: Final = 0o750  # what is kept here belongs to patients
FILE_MODE: Final = 0o640
FREE_KEPT: Final = 16

_NAME: Final = re.compile(r"(?P<writer>[A-Za-z0-9._-]{1,64})-(?P<number>[0-9]{10})\.segment")
_WRITER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SPOOL_NAME: Final = re.compile(r"[0-9a-f]{32}\.whole")


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """Whose segment, and the how many-th of its life."""

    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.writer}-{self.number:010d}{SEGMENT}"

    @classmethod
    def parse(cls, name: str) -> "SegmentName | None":
        """Read a file name; None: it names no segment."""
        match = _NAME.fullmatch(name)
        return cls(match["writer"], int(match["number"])) if match else None


def validated_writer(name: str) -> str:
    """Return the name of a writer unchanged if it can be part of a file name."""
    if not _WRITER.fullmatch(name):
        raise ValueError(f"writer {name!r}: expected 1 to 64 letters, digits, '.', '_' or '-'")
    return name


def validated_spool(name: str) -> str:
    """Return the name of a spool file unchanged if it is one."""
    if not _SPOOL_NAME.fullmatch(name):
        raise ValueError(f"spool {name!r}: expected 32 hexadecimal digits and {WHOLE}")
    return name


def make_folder(folder: Path) -> None:
    """Make a folder, durably."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    for each in (folder, folder.parent):
        sync_folder(each)


def segments(folder: Path) -> list[SegmentName]:
    """List the segments in a folder, by writer and number."""
    return sorted(
        found
        for entry in os.scandir(folder)
        if (found := SegmentName.parse(entry.name)) is not None
    )


def with_suffix(folder: Path, suffix: str) -> Iterator[Path]:
    """List the files in a folder whose names end so."""
    try:
        found = [entry.path for entry in os.scandir(folder) if entry.name.endswith(suffix)]
    except FileNotFoundError:
        return
    yield from map(Path, found)


def backlog_bytes(folder: Path) -> int:
    """Add up what the unfiled segments and spool files occupy; segments count as a whole."""
    return _size_bytes(with_suffix(folder, SEGMENT)) + spooled_bytes(folder)


def spooled_bytes(folder: Path) -> int:
    """Add up what the spool files occupy."""
    return _size_bytes(with_suffix(folder / SPOOL_FOLDER, WHOLE))


def _size_bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):  # filed, or erased, in this moment
            total += path.stat().st_size
    return total


def lock(descriptor: int) -> bool:
    """Take a file for writing; False: somebody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_left(descriptor: int) -> bool:
    """Tell whether nobody holds a file for writing: its writer has closed it, or is dead."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def claim_free(folder: Path, size_bytes: int) -> tuple[int, Path] | None:
    """Lock a used segment of this size to write it anew; its descriptor and path. None: none."""
    for path in with_suffix(folder, FREE):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue
        if lock(descriptor) and path.exists() and os.fstat(descriptor).st_size == size_bytes:
            making = folder / f"{uuid4().hex}{MAKING}"
            path.rename(making)
            return descriptor, making
        os.close(descriptor)
    return None


def make_new(folder: Path, size_bytes: int) -> tuple[int, Path]:
    """Make and lock a file with all its space; its descriptor and path.

    Raises:
        OSError: the disk is full, or refuses; nothing is left behind.
    """
    path = folder / f"{uuid4().hex}{MAKING}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        lock(descriptor)
        os.posix_fallocate(descriptor, 0, size_bytes)
    except OSError:
        path.unlink()
        os.close(descriptor)
        raise
    return descriptor, path


def release(path: Path) -> None:
    """Give a filed segment to whoever writes next, or delete it where enough wait already."""
    if sum(1 for _ in with_suffix(path.parent, FREE)) >= FREE_KEPT:
        path.unlink()
    else:
        path.rename(path.with_name(f"{uuid4().hex}{FREE}"))
    sync_folder(path.parent)


def is_free(path: Path) -> bool:
    """Tell whether a file is there and nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return is_left(descriptor)
    finally:
        os.close(descriptor)


def discard_left(folder: Path, suffix: str) -> int:
    """Delete the files of a suffix that nobody holds; how many."""
    return sum(discard(path) for path in with_suffix(folder, suffix))


def discard(path: Path) -> bool:
    """Delete a file if nobody holds it; whether it was there and is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not lock(descriptor):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def write_all(descriptor: int, buffers: "list[memoryview]", position: int) -> int:
    """Write buffers one behind the other; the position behind them."""
    index = 0
    while index < len(buffers):
        written = os.pwritev(descriptor, buffers[index : index + 512], position)
        position += written
        while index < len(buffers) and written >= len(buffers[index]):
            written -= len(buffers[index])
            index += 1
        if written:
            buffers[index] = buffers[index][written:]
    return position
