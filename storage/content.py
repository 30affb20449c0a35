"""Compare two objects of one SOP Instance UID: by what they say, not by their bytes.

The same object in another transfer syntax, another character set, with other padding, or with other
notes on how it was compressed or where it is kept is the same object. Values are compared in the
form they have on the wire, read by their VR (PS3.5 section 6.2); nothing is converted on the way
that a malformed value could break.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_sequence
from pydicom.filewriter import write_data_element
from pydicom.pixels.utils import iter_pixels
from pydicom.tag import BaseTag

from storage.arrival import Outcome

IMAGE_KEYWORDS: Final = frozenset({
    "SOPClassUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation",
    "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence",
    "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio",
    "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "SpacingBetweenSlices",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
})  # fmt: skip
"""Attributes that say what the image shows, and where: another value is a conflict."""

_PIXEL_KEYWORDS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_OF_COLOUR_ENCODING: Final = frozenset({"PhotometricInterpretation", "PlanarConfiguration"})
"""May change with the transfer syntax of a colour image, whose decoded pixels stay (PS3.5 section
8.2). Of a grey one, MONOCHROME1 for MONOCHROME2 turns black into white."""

_OF_COMPRESSION: Final = frozenset({
    "DerivationDescription", "DerivationCodeSequence",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
})  # fmt: skip
"""Written by whoever compresses, and kept on decompression: dcmcjpeg adds a DerivationDescription,
"Lossless JPEG compression, ...", to an image that it does not derive (PS3.3 section C.7.6.1.1.3).
Where the pixels are equal, they say nothing new. A true derivation also shows in ImageType, which
stays a difference, as does who made the object: StationAETitle, ContributingEquipmentSequence."""

_OF_WHEREABOUTS: Final = frozenset({
    "LengthToEnd", "RetrieveAETitle", "RetrieveLocationUID", "RetrieveURI", "RetrieveURL",
    "InstanceAvailability", "AvailableTransferSyntaxUID",
    "StorageMediaFileSetID", "StorageMediaFileSetUID",
})  # fmt: skip
"""Say how long the message is, and where and how an archive hands the object out: PS3.4 section
C.4.1.1.3.2 has them in answers to queries, and some archives store them along."""

_OF_LOSS: Final = frozenset({
    "LossyImageCompression", "LossyImageCompressionRetired", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
})  # fmt: skip
"""Say nothing where nothing was lost: "00" is what no value says too (PS3.3 section C.7.6.1.1.5).
That one of two objects admits a loss is a difference, even with equal pixels."""

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_DATA_SET_TRAILING_PADDING: Final = 0xFFFCFFFC
_TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBER_VRS: Final = frozenset({"DS", "IS"})
_STRING_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"})
_WORD_BYTES: Final = {
    "US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
_DELIMITERS: Final = {ord(character) for character in "\\^=\t\n\f\r"}  # PS3.5 section 6.1.2.5.3
_UNREADABLE: Final = (
    ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, RuntimeError,
    TypeError, ValueError, struct.error, zlib.error, BytesLengthException, InvalidDicomError,
    FileNotFoundError,
)  # fmt: skip
"""What parsers and pixel decoders raise on objects that they cannot read."""


Check = Callable[[Path], None]
"""Raises ValueError for a file that must not be read as a whole, for example one that would inflate
to fill the memory."""


def unchecked(_path: Path) -> None:
    """Let every file be read: for files of one's own."""


@dataclass(frozen=True, slots=True)
class Difference:
    """In what an object differs from an earlier one of the same SOP Instance UID."""

    outcome: Outcome
    keywords: tuple[str, ...] = ()
    """Names of the attributes, no values; unknown ones as "(gggg,eeee)"."""


def compare(old: Path, new: Path, check: Check = unchecked) -> Outcome:
    """Tell what `new` is to `old`: DUPLICATE, CORRECTION or CONFLICT."""
    return difference(old, new, check).outcome


def difference(old: Path, new: Path, check: Check = unchecked) -> Difference:
    """Tell what `new` is to `old`, and by which attributes; `check` sees both before they are read.

    Other pixels, other geometry, or an object that cannot be read: CONFLICT. Any other attribute:
    CORRECTION. An attribute without a value counts as one that is not there. Where the pixels are
    equal, attributes of the data set that describe only its encoding or its transport do not count.
    """
    try:
        if old.read_bytes() == new.read_bytes():
            return Difference(Outcome.DUPLICATE)
        for path in (old, new):
            check(path)
        one, other = dcmread(old), dcmread(new)
        keywords = set(_differing(_Part(one), _Part(other)))
        same_pixels = _same_pixels(one, other)
        negligible = _negligible(one, other)
    except _UNREADABLE:
        return Difference(Outcome.CONFLICT, ("unreadable data set",))
    except OSError as error:
        if error.errno is not None:  # the disk; pydicom raises one without for a cut sequence
            raise
        return Difference(Outcome.CONFLICT, ("unreadable data set",))
    if same_pixels:
        keywords -= negligible
    else:
        keywords.add("PixelData")
    if not keywords:
        return Difference(Outcome.DUPLICATE)
    image = not same_pixels or keywords & IMAGE_KEYWORDS
    return Difference(Outcome.CONFLICT if image else Outcome.CORRECTION, tuple(sorted(keywords)))


def _negligible(one: Dataset, other: Dataset) -> frozenset[str]:
    """Name the attributes that make no difference between these two if their pixels are equal."""
    keywords = _OF_COMPRESSION | _OF_WHEREABOUTS
    if not (_admits_loss(one) or _admits_loss(other)):
        keywords |= _OF_LOSS
    if one.get("SamplesPerPixel") == 3:
        keywords |= _OF_COLOUR_ENCODING
    return keywords


def _admits_loss(dataset: Dataset) -> bool:
    said = {
        _value(dataset.get_item(keyword)).strip(b" \0")
        for keyword in ("LossyImageCompression", "LossyImageCompressionRetired")
        if keyword in dataset
    }
    return not said <= {b"", b"00"}


class _Part:
    """A data set or an item of a sequence, with the character set in force."""

    def __init__(self, dataset: Dataset, inherited: list[str] | None = None) -> None:
        self.dataset = dataset
        self.encodings = inherited or convert_encodings(None)
        if _SPECIFIC_CHARACTER_SET in dataset:
            named = _wire_bytes(dataset.get_item(_SPECIFIC_CHARACTER_SET)).decode("latin-1")
            self.encodings = convert_encodings([term.strip(" \0") for term in named.split("\\")])

    def tags(self) -> set[BaseTag]:
        """Give the tags that are compared as elements; pixels are not."""
        present = set(self.dataset.keys())  # iterating a Dataset would convert every value
        return {
            tag
            for tag in present
            if tag.element != 0  # group length, retired
            and tag not in (_SPECIFIC_CHARACTER_SET, _DATA_SET_TRAILING_PADDING)
            and keyword_for_tag(tag) not in _PIXEL_KEYWORDS
        }

    def element(self, tag: BaseTag) -> RawDataElement | DataElement | None:
        """Give an element as it was read."""
        return self.dataset.get_item(tag) if tag in self.dataset else None


def _differing(one: _Part, other: _Part) -> Iterator[str]:
    for tag in sorted(one.tags() | other.tags()):
        first, second = one.element(tag), other.element(tag)
        vr = _common_vr(tag, first, second)
        if vr == "SQ":
            same = _same_items(_items(first, one), _items(second, other))
        else:
            same = _same_value(_value(first), one.encodings, _value(second), other.encodings, vr)
        if not same and not _is_single_frame(tag, first, second):
            yield keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})"


def _common_vr(tag: BaseTag, *elements: RawDataElement | DataElement | None) -> str:
    """Find the VR: named by either object, else by the dictionary, else unknown."""
    for element in elements:
        if element is not None and element.VR not in (None, "UN"):
            return str(element.VR)
    return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"


def _items(element: RawDataElement | DataElement | None, part: _Part) -> list[_Part]:
    if element is None:
        return []
    if isinstance(element, RawDataElement):
        data = element.value or b""
        # A sequence that travelled as UN is encoded implicit little endian: PS3.5 section 6.2.2.
        implicit = element.VR in (None, "UN")
        items = read_sequence(
            BytesIO(data), implicit, implicit or element.is_little_endian, len(data), part.encodings
        )
    else:
        items = element.value
    return [_Part(item, part.encodings) for item in items]


def _same_items(one: list[_Part], other: list[_Part]) -> bool:
    return len(one) == len(other) and all(
        next(_differing(first, second), None) is None
        for first, second in zip(one, other, strict=True)
    )


def _value(element: RawDataElement | DataElement | None) -> bytes:
    """Give the value in little endian, as on the wire; empty: no value, or no element."""
    if element is None:
        return b""
    data = _wire_bytes(element)
    if isinstance(element, RawDataElement) and not element.is_little_endian:
        word = _WORD_BYTES.get(str(element.VR), 1)
        if word > 1 and len(data) % word == 0:
            return np.frombuffer(data, dtype=f"u{word}").byteswap().tobytes()
    return data


def _wire_bytes(element: RawDataElement | DataElement) -> bytes:
    if isinstance(element, RawDataElement):
        return element.value or b""
    buffer = DicomBytesIO()  # pydicom has converted this one while reading
    buffer.is_little_endian = buffer.is_implicit_VR = True
    write_data_element(buffer, element)
    return buffer.getvalue()[8:]  # tag and length


def _same_value(
    one: bytes, one_encodings: list[str], other: bytes, other_encodings: list[str], vr: str
) -> bool:
    if one == other and (vr not in _TEXT_VRS or one_encodings == other_encodings):
        return True
    if vr in _TEXT_VRS:
        first, second = _text(one, one_encodings, vr), _text(other, other_encodings, vr)
        if "\ufffd" in first + second:  # undecodable: what is lost may be what differs
            return one.strip(b" \0") == other.strip(b" \0")
        return first == second
    if vr in _NUMBER_VRS or vr in _STRING_VRS:
        return _strings(one, vr) == _strings(other, vr)
    # Values have even length: an odd one got a NUL (PS3.5 section 6.2, OB and UN).
    return vr in ("OB", "UN") and one.removesuffix(b"\0") == other.removesuffix(b"\0")


def _text(value: bytes, encodings: list[str], vr: str) -> str:
    text = decode_bytes(value, encodings, _DELIMITERS)
    if vr in ("LT", "ST", "UT"):
        return text.rstrip(" \0")  # leading spaces are significant, and there is one value
    # Empty components of a name at its end may be left out: PS3.5 section 6.2.1.
    padding = " \0^=" if vr == "PN" else " \0"
    return "\\".join(part.rstrip(padding).lstrip() for part in text.split("\\"))


def _strings(value: bytes, vr: str) -> list[str | float]:
    parts = [part.strip(" \0") for part in value.decode("latin-1").split("\\")]
    return [_number(part) if vr in _NUMBER_VRS else part for part in parts]


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _is_single_frame(tag: BaseTag, *elements: RawDataElement | DataElement | None) -> bool:
    """Allow a missing NumberOfFrames for 1, which says the same."""
    values = {_value(element).strip(b" \0") for element in elements}
    return keyword_for_tag(tag) == "NumberOfFrames" and values == {b"", b"1"}


def _same_pixels(one: Dataset, other: Dataset) -> bool:
    names = [name for name in _PIXEL_KEYWORDS if name in one]
    if names != [name for name in _PIXEL_KEYWORDS if name in other]:
        return False
    same_syntax = one.file_meta.TransferSyntaxUID == other.file_meta.TransferSyntaxUID
    if same_syntax and all(_encoded(one, name) == _encoded(other, name) for name in names):
        return True
    try:
        return all(
            _same_frame(first, second)
            for first, second in zip(iter_pixels(one), iter_pixels(other), strict=True)
        )
    except _UNREADABLE:  # the decoders' plugins raise what they like
        return False


def _encoded(dataset: Dataset, keyword: str) -> bytes:
    value = dataset.get_item(keyword).value
    return value if isinstance(value, bytes) else b""


def _same_frame(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
