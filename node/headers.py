"""Read headers leniently: whatever a sender wrote, a value comes back or nothing, never a crash.

A header is that of one image: of a classic instance, or of one frame of an Enhanced MR object, in
the words of classic images (`model.frames`). Who judges or reports asks for both in the same way.

Real headers carry numbers that are no numbers, empty elements, wrong value representations and
unknown character sets. A filter has to name such a value as a reason, so values that cannot be
decoded as their VR says are given as the text that stands there.
"""

import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence

from model import frames, inflation
from node.errors import SeriesUnusableError

Headers = Sequence[Dataset]
Value = str | int | float | bool

UNREADABLE = (
    ArithmeticError, AttributeError, BytesWarning, EOFError, InvalidDicomError, LookupError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error,
    pydicom.errors.BytesLengthException,
)  # fmt: skip
"""What pydicom raises on broken files and elements."""

MAX_TEXT = 64
"""Longer texts are cut: VR LO, the longest one-line text, has 64 characters (PS3.5 table 6.2-1)."""


LARGEST_NUMBER = 1e12
"""No measure in a header is larger; beyond it, products would overflow."""


def read_headers(paths: Iterable[Path]) -> list[Dataset]:
    """Read the data sets of DICOM files without their pixels, in the order of `paths`.

    Returns:
        One header per classic instance, and one per frame of an Enhanced MR object; just the one
        of the object when its functional groups do not describe its frames.

    Raises:
        SeriesUnusableError: a file is gone, or is no DICOM file any more.
    """
    return [header for path in paths for header in images(_read_header(path))]


def images(header: Dataset) -> list[Dataset]:
    """Give the header of each image in an object; the object's own when they cannot be told."""
    if not frames.is_multiframe(header):
        return [header]
    try:
        return frames.frames_of(header)
    except frames.VolumeError:
        if "ReferencedFrameNumber" in header:
            del header["ReferencedFrameNumber"]  # it is the header of no frame
        return [header]  # the derived attribute `Frames` says why


def noun(headers: Headers) -> str:
    """Say what is counted when headers are: `instances`, or `frames` of multi-frame objects."""
    return "frames" if any(frames.frame_number(header) for header in headers) else "instances"


def _read_header(path: Path) -> Dataset:
    try:
        inflation.check(path)
        header = pydicom.dcmread(path, stop_before_pixels=True)
        found = "SOPInstanceUID" in header
    except UNREADABLE as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _unreadable(path, why) from error
    if not found:  # what pydicom makes of a damaged file: a data set with little in it
        raise _unreadable(path, "it has no SOPInstanceUID")
    return header


def _unreadable(path: Path, why: str) -> SeriesUnusableError:
    return SeriesUnusableError(
        f"stored file {path.name} cannot be read ({why}); expected the DICOM file that was "
        "received: check the disk, then send the series again"
    )


def values(header: Dataset, keyword: str) -> tuple[Value, ...]:
    """Give the components of an element of the top level; none when it is missing or empty.

    Numbers come as int or float, everything else as text without control characters. A sequence
    counts its items: `2 items`.
    """
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in header:
        return ()
    try:
        value = header[tag].value
    except UNREADABLE:
        value = _raw_text(header, tag)
    parts = list(value) if isinstance(value, MultiValue | list | tuple) else [value]
    if isinstance(value, DicomSequence):
        parts = [f"{len(value)} items"] if len(value) else []
    cleaned = tuple(_component(part) for part in parts)
    return cleaned if any(part != "" for part in cleaned) else ()


def numbers(header: Dataset, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
    """Give the components as numbers; None when missing, malformed or not `count` of them.

    PS3.5 table 6.2-1 knows neither NaN nor infinity for VR DS; Python's float() would take them.
    """
    found = values(header, keyword)
    if not found or (count is not None and len(found) != count):
        return None
    parsed = [number(part) for part in found]
    return None if None in parsed else tuple(part for part in parsed if part is not None)


def number(value: Value) -> float | None:
    """Read one component as a number of sane size, None when it is none."""
    if isinstance(value, bool):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if abs(parsed) <= LARGEST_NUMBER else None


def first_number(header: Dataset, keyword: str) -> float | None:
    """Give a single number such as EchoTime, None when missing or malformed."""
    found = numbers(header, keyword)
    return found[0] if found else None


def tokens(headers: Headers, keyword: str) -> frozenset[str]:
    """Collect every component of a code string over all instances, in upper case."""
    return frozenset(
        str(part).upper() for header in headers for part in values(header, keyword) if part != ""
    )


def lack(headers: Headers, keyword: str, count: int) -> str:
    """Say in how many instances `count` numbers are missing or malformed; empty: in none."""
    missing = sum(not values(header, keyword) for header in headers)
    broken = sum(numbers(header, keyword, count) is None for header in headers) - missing
    expected = "a number" if count == 1 else f"{count} numbers"
    found = []
    if missing:
        found.append(f"{keyword} is missing in {missing} of {len(headers)} {noun(headers)}")
    if broken:
        found.append(f"{keyword} is not {expected} in {broken} of {len(headers)} {noun(headers)}")
    return " and ".join(found)


def _raw_text(header: Dataset, tag: int) -> list[str]:
    """Give the bytes of an undecodable element as text, split as PS3.5 section 6.4 splits."""
    raw = header.get_item(tag, keep_deferred=True).value
    return raw.decode("latin-1").split("\\") if isinstance(raw, bytes) else [str(raw or "")]


def _component(part: object) -> Value:
    if isinstance(part, int | float) and math.isfinite(part):
        return int(part) if isinstance(part, int) else float(part)
    text = part.decode("latin-1") if isinstance(part, bytes) else "" if part is None else str(part)
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable.strip()[:MAX_TEXT]
