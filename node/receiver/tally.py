"""Counts of all receiving processes together, in a small file that they share.

Each process writes only its own row, so no lock is needed between them: whether it listens,
associations that are open, and C-STORE responses by status. `foramina serve` makes the file anew at
its start, and what a dead process left open is closed by whoever supervises it.
"""

import mmap
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from struct import Struct
from typing import Final, Self

from node import status

FILE_NAME: Final = "receiving.tally"

_HEAD: Final = Struct("<8sQQ")  # magic, rows, columns
_MAGIC: Final = b"FORTALLY"
_CODES: Final = tuple(row.code for row in status.GIVEN)
_OPEN, _LISTENS, _FIRST_STATUS = range(3)  # columns
_COLUMNS: Final = _FIRST_STATUS + len(_CODES)
_FIELD_BYTES: Final = 8


class Tally:
    """A table of numbers, one row per receiving process."""

    def __init__(self, memory: mmap.mmap, rows: int) -> None:
        self._memory = memory
        # Items of this view are written whole, so a reader never sees half a number.
        self._fields = memoryview(memory)[_HEAD.size :].cast("Q")
        self._rows = rows

    @classmethod
    def create(cls, folder: Path, rows: int) -> Self:
        """Make the file of a folder anew, with every number 0.

        Raises:
            OSError: the folder cannot be written to.
        """
        path = folder / FILE_NAME
        draft = path.with_suffix(".part")
        draft.write_bytes(
            _HEAD.pack(_MAGIC, rows, _COLUMNS) + bytes(rows * _COLUMNS * _FIELD_BYTES)
        )
        os.replace(draft, path)  # a reader of the old file keeps the old numbers
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the file of a folder.

        Raises:
            OSError: there is none.
            ValueError: it is of another version of this software.
        """
        with (folder / FILE_NAME).open("r+b") as file:
            head = file.read(_HEAD.size)
            size = os.fstat(file.fileno()).st_size
            magic, rows, columns = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0)
            expected = _HEAD.size + rows * _COLUMNS * _FIELD_BYTES
            if (magic, columns, size) != (_MAGIC, _COLUMNS, expected):
                raise ValueError(f"{FILE_NAME} is of another version; restart the node")
            return cls(mmap.mmap(file.fileno(), size), rows)

    @classmethod
    def private(cls) -> Self:
        """Make one for a single process, without a file."""
        return cls(mmap.mmap(-1, _HEAD.size + _COLUMNS * _FIELD_BYTES), 1)

    @property
    def open_associations(self) -> int:
        """How many associations are open, over all processes."""
        return self._total(_OPEN)

    @property
    def listening(self) -> int:
        """How many processes listen."""
        return self._total(_LISTENS)

    @property
    def responses(self) -> dict[int, int]:
        """How many C-STORE responses were given, by status code, over all processes."""
        return {
            code: self._total(column) for column, code in enumerate(_CODES, start=_FIRST_STATUS)
        }

    def row(self, number: int) -> "Row":
        """Give the row of one process, counted from 0."""
        return Row(self, self._fields, number * _COLUMNS)

    def clear(self, number: int) -> None:
        """Close the associations of a process that ended; what it answered stays counted."""
        self._fields[number * _COLUMNS + _OPEN] = 0
        self._fields[number * _COLUMNS + _LISTENS] = 0

    def _total(self, column: int) -> int:
        return sum(self._fields[row * _COLUMNS + column] for row in range(self._rows))

    def close(self) -> None:
        """Let go of the file."""
        self._fields.release()
        self._memory.close()


class Row:
    """What one process counts; safe between its threads."""

    def __init__(self, tally: Tally, fields: Sequence[int], first: int) -> None:
        self._tally = tally
        self._fields: memoryview = fields  # type: ignore[assignment]
        self._first = first
        self._lock = threading.Lock()

    def listens(self) -> None:
        """Say that this process takes connections from now on."""
        self._fields[self._first + _LISTENS] = 1

    def enter(self, limit: int) -> bool:
        """Count an association as open, unless `limit` are, over all processes.

        Counted first and looked at afterwards: of two processes that both take the last place
        one, or both, may be turned away, but never are both let in.
        """
        with self._lock:
            self._fields[self._first + _OPEN] += 1
            if self._tally.open_associations <= limit:
                return True
            self._fields[self._first + _OPEN] -= 1
            return False

    def leave(self) -> None:
        """Count an association as closed."""
        with self._lock:
            self._fields[self._first + _OPEN] -= 1

    def answered(self, code: int) -> None:
        """Count a C-STORE response."""
        column = _FIRST_STATUS + _CODES.index(code)
        with self._lock:
            self._fields[self._first + column] += 1
