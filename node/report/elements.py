"""Data elements as bytes: read from a header without decoding, written again unchanged.

A value that a decoder refuses (a misspelt SpecificCharacterSet, text that its character set does
not allow) still has to stand in a report as the source has it, so values are carried over as
bytes. Text is the same in every uncompressed and deflated transfer syntax; numbers may have to be
turned from big endian, and the VR, which Implicit VR does not send, comes from the dictionary.
"""

from collections.abc import Iterable
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

Element = DataElement | RawDataElement

CHARACTER_SET: Final = Tag(0x0008, 0x0005)

_WORD_BYTES: Final = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
_LOOK_DIFFERENT: Final = str.maketrans({"\\": "/", "~": "-"})
_ZERO_PADDED: Final = frozenset({"OB", "UI", "UN"})


def carried(header: Dataset, tag: BaseTag, encodings: list[str]) -> RawDataElement | None:
    """Take one element over, ready to be written in Explicit VR Little Endian.

    The value's bytes are the source's, but for a missing pad byte and the order of binary numbers.
    An element whose value was decoded before (so that its bytes are lost) is encoded anew.

    Args:
        header: data set as read; it is not changed.
        tag: which element.
        encodings: SpecificCharacterSet of the header, for elements to be encoded anew.

    Returns:
        The element, or None when the header does not have it or it cannot be understood at all.
    """
    element = _untouched(header, tag)
    if element is None:
        return None
    vr = dictionary_VR(tag)
    if vr == "SQ":
        value = _sequence_bytes(header, element, encodings)
    elif isinstance(element, RawDataElement):
        value = _little_endian(element.value or b"", vr, element.is_little_endian)
    else:
        value = _encoded(element, encodings)
    if value is None:
        return None
    if len(value) % 2:
        value += b"\0" if vr in _ZERO_PADDED else b" "
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def filled(keyword: str) -> RawDataElement:
    """Make an element without a value, for a Type 2 attribute that the source lacks."""
    tag = tag_of(keyword)
    return RawDataElement(tag, dictionary_VR(tag), 0, b"", 0, False, True)


def written(elements: Iterable[Element]) -> bytes:
    """Write elements in the order of their tags, Explicit VR Little Endian.

    Sequences of the node's own making may be among them; their text has to be ASCII, so that it
    reads the same in every character set.

    Raises:
        UnicodeEncodeError: an element of the node's own making is not ASCII.
    """
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    for element in sorted(elements, key=lambda element: element.tag):
        write_data_element(stream, element)
    return stream.getvalue()


def encodings_of(header: Dataset) -> list[str]:
    """List the values of SpecificCharacterSet as they stand in the header."""
    return text(header, "SpecificCharacterSet").split("\\")


def text(header: Dataset, keyword: str) -> str:
    """Read a value as text, whatever it is, without changing the header; empty when absent.

    For UIDs, codes and numbers, whose characters are ASCII; others are read as Latin-1, which
    loses no byte.
    """
    element = _untouched(header, tag_of(keyword))
    if element is None or element.value is None:
        return ""
    if isinstance(element, RawDataElement):
        raw = element.value
        if dictionary_VR(element.tag) in _WORD_BYTES:
            raw = "\\".join(map(str, _words(element))).encode()
        return raw.decode("latin-1").strip(" \0")
    if isinstance(element.value, str) or not isinstance(element.value, Iterable):
        return str(element.value).strip(" \0")
    return "\\".join(map(str, element.value))


def numbers(header: Dataset, keyword: str) -> tuple[float, ...] | None:
    """Read the numbers of an element; None when it is absent, empty or no number."""
    try:
        return tuple(float(part) for part in text(header, keyword).split("\\"))
    except ValueError:
        return None


def plain(text: str) -> str:
    """Keep text to the characters that read the same in every character set of DICOM.

    Backslash and tilde are other characters in ISO IR 13 and 14 (PS3.5 section 6.1.2.2).
    """
    return text.translate(_LOOK_DIFFERENT).encode("ascii", "replace").decode()


def tag_of(keyword: str) -> BaseTag:
    """Give the tag of a keyword.

    Raises:
        ValueError: the dictionary does not have the keyword.
    """
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword!r} is no keyword of the DICOM dictionary")
    return Tag(tag)


def _untouched(header: Dataset, tag: BaseTag) -> Element | None:
    """Give an element as it is kept: `header[tag]` would decode it and forget the bytes."""
    element: Element | None = header.get_item(tag, keep_deferred=True)
    if isinstance(element, RawDataElement) and element.value is None and element.length:
        element = header.get_item(tag)  # left on disk by `defer_size`
    return element


def _words(element: RawDataElement) -> list[int]:
    order, raw = ("little" if element.is_little_endian else "big"), element.value or b""
    size = _WORD_BYTES[dictionary_VR(element.tag)]
    return [
        int.from_bytes(raw[start : start + size], order)  # type: ignore[arg-type]
        for start in range(0, len(raw), size)
    ]


def _little_endian(value: bytes, vr: str, is_little_endian: bool) -> bytes:
    size = _WORD_BYTES.get(vr, 1)
    if is_little_endian or size == 1:
        return value
    return b"".join(value[start : start + size][::-1] for start in range(0, len(value), size))


def _encoded(element: DataElement, encodings: list[str]) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_data_element(stream, element, encodings)
    return stream.getvalue()[12 if element.VR in EXPLICIT_VR_LENGTH_32 else 8 :]


def _sequence_bytes(header: Dataset, element: Element, encodings: list[str]) -> bytes | None:
    """Write the items of a sequence, each with its standard elements; None when it is none."""
    if isinstance(element, RawDataElement):
        try:
            element = convert_raw_data_element(element, encoding=encodings, ds=header)
        except (ValueError, OSError, NotImplementedError, KeyError, AttributeError, TypeError):
            return None  # no items in it: what cannot be read cannot be carried
    if not isinstance(element.value, Sequence):
        return None
    return b"".join(_item_bytes(item, encodings) for item in element.value)


def _item_bytes(item: Dataset, encodings: list[str]) -> bytes:
    if CHARACTER_SET in item:
        encodings = encodings_of(item)
    tags = [tag for tag in item.keys() if _standard(tag)]  # noqa: SIM118  # a Dataset yields values
    kept = [carried(item, tag, encodings) for tag in tags]
    content = written(element for element in kept if element is not None)
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


def _standard(tag: BaseTag) -> bool:
    """Tell whether an element belongs to the standard and is no group length."""
    try:
        return tag.element != 0 and len(dictionary_VR(tag)) == 2
    except KeyError:
        return False
