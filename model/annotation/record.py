"""The annotation of one series: who marked which foramen where and when, as a JSON file.

The form is `docs/reference/data-sets.md`; files of another version are refused, never guessed.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat

from model.json_file import parse, read_json, write_json
from model.labels import LABELS
from model.landmark import Point

SCHEMA: Final = "foramina-annotation/1"
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")  # lenient: PS3.5 section 9.1 forbids leading zeros


def _label(value: str) -> str:
    if value not in LABELS:
        raise ValueError(f"no lumbar foramen; expected one of {', '.join(LABELS)}")
    return value


def _uid(value: str) -> str:
    if len(value) > 64 or not _UID.fullmatch(value):
        raise ValueError("no DICOM UID; expected numbers and dots such as 1.2.840.1")
    return value


def _uid_or_none(value: str) -> str:
    return value and _uid(value)


Label = Annotated[str, AfterValidator(_label)]
Uid = Annotated[str, AfterValidator(_uid)]
UidOrNone = Annotated[str, AfterValidator(_uid_or_none)]


class Mark(BaseModel):
    """One mark on one foramen.

    Attributes:
        point_mm: (x, y, z) in DICOM patient coordinates (LPS), mm.
        sop_instance_uid: of the slice it was set on; empty when not known.
        annotator: who set it; empty when not known.
        at: when; None when not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    point_mm: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    sop_instance_uid: UidOrNone = ""
    annotator: str = ""
    at: AwareDatetime | None = None


class Annotation(BaseModel):
    """The marks of one series.

    Attributes:
        form: name and version of the file's form.
        series_instance_uid: the series.
        frame_of_reference_uid: whose coordinates the points are; empty when not known.
        source: what wrote it, for people.
        marks: label to its marks; a foramen that nobody marked is absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    form: Literal["foramina-annotation/1"] = Field(default=SCHEMA, alias="schema")
    series_instance_uid: Uid
    frame_of_reference_uid: UidOrNone = ""
    source: str = ""
    marks: dict[Label, Annotated[tuple[Mark, ...], Field(min_length=1)]] = Field(min_length=1)

    @property
    def points(self) -> dict[str, Point]:
        """Give the middle of each foramen's marks, in the order of `model.labels.LABELS`."""
        return {label: middle(self.marks[label]) for label in LABELS if label in self.marks}

    @property
    def annotators(self) -> tuple[str, ...]:
        """Name everybody who set a mark, sorted."""
        return tuple(sorted({mark.annotator for marks in self.marks.values() for mark in marks}))


def middle(marks: Iterable[Mark]) -> Point:
    """Give the mean of the points of marks, mm."""
    x, y, z = np.mean([mark.point_mm for mark in marks], axis=0)
    return float(x), float(y), float(z)


def is_annotation(data: Any) -> bool:
    """Tell whether JSON says that it is an annotation, of whatever version."""
    name = SCHEMA.partition("/")[0]
    return isinstance(data, dict) and str(data.get("schema", "")).partition("/")[0] == name


def read(path: Path) -> Annotation:
    """Read an annotation.

    Raises:
        ValueError: no JSON, another version, an unknown label, a broken point; the message names
            the file and the place in it.
        OSError: it cannot be read from the disk.
    """
    data = read_json(path)
    if not is_annotation(data):
        raise ValueError(f'{path}: expected an annotation: a JSON object with "schema": "{SCHEMA}"')
    return parse(path, Annotation, data)


def write(annotation: Annotation, path: Path) -> None:
    """Write an annotation, whole or not at all; the folder is made when missing."""
    data = annotation.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    write_json(path, {"schema": SCHEMA, **data})
