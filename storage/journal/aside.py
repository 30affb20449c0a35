"""Instances that left the journal and are not filed: each a file, with the record beside it.

    refused/<name>.dcm, .json    cannot be filed, whatever is tried; kept for a person
    later/<name>.dcm, .json      could not be filed because of a fault of its own place on the disk;
                                 tried again

The name is that of the place in the journal, so that setting the same entry aside again after a
crash makes no second file.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from storage.durable import Content, DurableFolder, sync_folder
from storage.journal.reader import Entry

REFUSED: Final = "refused"
LATER: Final = "later"
_BODY: Final = ".dcm"
_RECORD: Final = ".json"


class Aside:
    """One of the two folders, below that of the journal."""

    def __init__(self, journal: Path, name: str) -> None:
        self._durable = DurableFolder(journal)
        self._name = name
        self.folder = journal / name

    def keep(self, entry: Entry, body: Content, error: str) -> str:
        """Keep an entry durably; its name.

        Raises:
            OSError: the disk refuses; nothing is kept.
        """
        name = f"{entry.segment.writer}-{entry.segment.number:010d}-{entry.end}"
        self._write(name, entry.fields | {"error": error}, body)
        return name

    def take(self, name: str, other: "Aside", error: str) -> None:
        """Take over what another folder keeps.

        Raises:
            OSError: the disk refuses; the other has it still.
        """
        fields, body = other.read(name)
        self._write(name, {**fields, "error": error}, body)
        other.discard(name)

    def names(self) -> list[str]:
        """List what is kept, by name."""
        return sorted(path.name.removesuffix(_RECORD) for path in self.folder.glob(f"*{_RECORD}"))

    def read(self, name: str) -> tuple[dict[str, Any], Path]:
        """Give the record of what is kept, and the path of its body.

        Raises:
            FileNotFoundError: it was erased.
            ValueError: the record is damaged.
        """
        fields = json.loads((self.folder / f"{name}{_RECORD}").read_bytes())
        if not isinstance(fields, Mapping):
            raise ValueError("expected an object of JSON")
        return dict(fields), self.folder / f"{name}{_BODY}"

    def discard(self, name: str) -> None:
        """Delete the body, and then the record, which tells whose body there was.

        Raises:
            OSError: the disk refuses.
        """
        for suffix in (_BODY, _RECORD):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        sync_folder(self.folder)

    def discard_drafts(self, before: datetime) -> int:
        """Delete what a process left half written that was killed before a moment; how many."""
        return self._durable.discard_drafts(Path(self._name), before)

    def _write(self, name: str, fields: Mapping[str, Any], body: Content) -> None:
        record = json.dumps(fields).encode("ascii")
        contents: list[tuple[Path, Content]] = [  # in this order: no record is without a body
            (Path(self._name, f"{name}{_BODY}"), body),
            (Path(self._name, f"{name}{_RECORD}"), record),
        ]
        with self._durable.drafts(contents) as drafts:
            self._durable.publish_all(
                (draft, path) for draft, (path, _) in zip(drafts, contents, strict=True)
            )
