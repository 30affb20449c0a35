"""What arrives, and how it is written down until it is filed; knows no database.

The processes that receive load this and nothing else of what is behind the journal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object as it arrived, with the attributes that say where it belongs."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    accession_number: str
    modality: str
    series_description: str
    instance_number: int | None
    calling_ae_title: str
    calling_host: str
    part10: bytes | memoryview
    """The whole file: preamble, file meta information, data set as received."""
    data_offset: int
    """Where in the file the data set begins."""
    association: str = ""
    """Over which it came; empty: not known."""
    received_at: datetime | None = None
    """When it was received, where it is filed later; None: now."""
    spooled: Path | None = None
    """Where the whole file is durable already, instead of in `part10`; it is left there."""

    @property
    def content(self) -> bytes | memoryview | Path:
        """Give the file's bytes, or the path of a file that has them."""
        return self.spooled or self.part10

    @property
    def size_bytes(self) -> int:
        """Give the size of the file."""
        return self.spooled.stat().st_size if self.spooled else len(self.part10)


_NOT_RECORDED: Final = ("part10", "spooled")


def instance_fields(incoming: Incoming) -> dict[str, str | int | None]:
    """Give everything but the bytes in a form that JSON takes; see `arrived`."""
    recorded: dict[str, str | int | None] = {}
    for field in fields(Incoming):
        if field.name not in _NOT_RECORDED:
            value = getattr(incoming, field.name)
            recorded[field.name] = value.isoformat() if isinstance(value, datetime) else value
    return recorded


def arrived(
    recorded: Mapping[str, Any], part10: bytes | memoryview, spooled: Path | None = None
) -> Incoming:
    """Make an instance of what `instance_fields` gave, and its bytes.

    Raises:
        ValueError: fields are missing, or are no values of theirs.
    """
    names = {field.name for field in fields(Incoming)} - set(_NOT_RECORDED)
    values = {name: value for name, value in recorded.items() if name in names}
    try:
        if values.get("received_at") is not None:
            values["received_at"] = datetime.fromisoformat(values["received_at"])
        return Incoming(**values, part10=part10, spooled=spooled)
    except TypeError as error:
        raise ValueError(f"no record of an instance: {error}") from error


def ending_fields(
    name: str, ending: str, calling_ae_title: str, ended_at: datetime
) -> dict[str, str | int | None]:
    """Give the end of an association in a form that JSON takes; see `associations.end_recorded`."""
    return {
        "name": name,
        "ending": ending,
        "calling_ae_title": calling_ae_title,
        "ended_at": ended_at.isoformat(),
    }
