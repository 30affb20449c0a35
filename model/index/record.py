"""The index as a file: paths relative to it, one entry for each series."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from model.annotation.record import Uid
from model.json_file import parse, read_json, write_json

SCHEMA: Final = "foramina-index/1"

Part = Literal["train", "validation", "test"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
Patients = Literal["id", "study", "folder"]
"""What tells one patient from another: PatientID, the study, or the first folder of the path."""


class Entry(BaseModel):
    """One series of a data set.

    Attributes:
        name: unique in the index, for people and reports.
        part: what it is for.
        patient: pseudonym of the patient; entries with the same one stand in one part.
        series_instance_uid: of the images.
        images: folder of the series.
        annotation: file with its marks, or its `truth.json`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    part: Part
    patient: str = Field(min_length=1)
    series_instance_uid: Uid
    images: Path
    annotation: Path


class Index(BaseModel):
    """A data set: its series, divided into parts.

    Attributes:
        form: name and version of the file's form.
        seed: of the division.
        patients: what tells one patient from another.
        entries: its series; paths are absolute once read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    form: Literal["foramina-index/1"] = Field(default=SCHEMA, alias="schema")
    seed: int = Field(ge=0)
    patients: Patients = "id"
    entries: tuple[Entry, ...] = Field(min_length=1)

    def part(self, part: Part) -> tuple[Entry, ...]:
        """List the entries of a part."""
        return tuple(entry for entry in self.entries if entry.part == part)


def read(path: Path) -> Index:
    """Read an index; relative paths count from its folder.

    Raises:
        ValueError: no JSON, no index of this version, or broken entries; the message names the
            file and the place in it.
        OSError: it cannot be read from the disk.
    """
    data = read_json(path)
    if not isinstance(data, dict) or "schema" not in data:
        raise ValueError(f'{path}: expected an index: a JSON object with "schema": "{SCHEMA}"')
    index = parse(path, Index, data)
    return _moved(index, lambda place: Path(os.path.normpath(path.absolute().parent / place)))


def write(index: Index, path: Path) -> None:
    """Write an index whose paths are absolute; in the file they are relative to its folder."""
    from_here = path.absolute().parent
    moved = _moved(index, lambda place: Path(os.path.relpath(place, from_here)))
    data = moved.model_dump(mode="json", by_alias=True)
    write_json(path, data)


def _moved(index: Index, move: Callable[[Path], Path]) -> Index:
    entries = tuple(
        entry.model_copy(
            update={"images": move(entry.images), "annotation": move(entry.annotation)}
        )
        for entry in index.entries
    )
    return index.model_copy(update={"entries": entries})
