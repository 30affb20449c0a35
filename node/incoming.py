"""Turns what a C-STORE request carries into an `Incoming`: identity read, bytes left alone.

Only the few attributes that file an instance are read, and leniently: a broken character set, a
value that is too long or a number that is none must not cost the image. What is kept is the data
set exactly as received, behind a preamble and file meta information of our own (PS3.10 section 7).
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS

from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.receiver import header
from node.status import (
    CANNOT_UNDERSTAND,
    DATA_SET_MISMATCH,
    INVALID_SOP_INSTANCE,
    InstanceRefusedError,
    Status,
)
from storage.identifiers import validated_uid
from storage.incoming import Incoming

_SPECIFIC_CHARACTER_SET: Final = int(Tag("SpecificCharacterSet"))
_KEYWORDS: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "AccessionNumber",
    "Modality",
    "SeriesDescription",
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "InstanceNumber",
)
_TAGS: Final[list[BaseTag | int]] = [BaseTag(_SPECIFIC_CHARACTER_SET), *map(Tag, _KEYWORDS)]
_LAST_TAG: Final = max(_TAGS)
_TAG_OF: Final = {keyword: int(Tag(keyword)) for keyword in _KEYWORDS}
_TAG_SET: Final = frozenset(int(tag) for tag in _TAGS)
_HEAD_BYTES: Final = 1 << 16  # what stands before the identity is rarely more

# A deflated data set (PS3.5 annex A.5) may inflate a thousandfold: no more than this is looked at.
_INFLATED_LIMIT_BYTES: Final = 1 << 26

_PARSE_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,  # no disk is involved: pydicom's word for bytes that end too early
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on bytes that are no data set; a bug elsewhere must not hide behind these."""

_PREAMBLE: Final = bytes(128) + b"DICM"  # PS3.10 section 7.1
_INTEGER_RANGE: Final = range(-(2**31), 2**31)  # VR IS, PS3.5 table 6.2-1, and the column


def read(
    data_set: bytes,
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    calling_ae_title: str = "",
    calling_host: str = "",
    association: str = "",
) -> Incoming:
    """Read the identity of a received instance and make its file.

    Args:
        data_set: encoded as the transfer syntax says, without file meta information.
        sop_class_uid: the Affected SOP Class UID of the command.
        sop_instance_uid: the Affected SOP Instance UID of the command.
        transfer_syntax_uid: of the presentation context.
        calling_ae_title: who sent it.
        calling_host: the address it came from.
        association: the name of the association.

    Raises:
        InstanceRefusedError: the data set cannot be parsed, lacks a UID that files it, has a
            malformed one, or is another object than the command announced.
    """
    found = identify(
        memoryview(data_set)[:_HEAD_BYTES],
        lambda: data_set,
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
        calling_ae_title=calling_ae_title,
        calling_host=calling_host,
        association=association,
    )
    return replace(found, part10=bytes(found.part10) + data_set)


def identify(
    head: bytes | memoryview,
    whole: Callable[[], bytes],
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    calling_ae_title: str,
    calling_host: str,
    association: str,
) -> Incoming:
    """Read the identity of a received instance; like `read`, but without its bytes.

    Args:
        head: the first bytes of the data set, as many as are at hand in one piece.
        whole: gives the data set, or all of it that has come, where `head` does not suffice.
        sop_class_uid: see `read`, as for all others.

    Returns:
        `part10` holds only what precedes the data set in its file, of `data_offset` bytes.

    Raises:
        InstanceRefusedError: see `read`.
    """
    sop_instance_uid = _valid(sop_instance_uid, "Affected SOP Instance UID", INVALID_SOP_INSTANCE)
    attributes = _Attributes(_values(head, whole, transfer_syntax_uid))
    for keyword, announced in (
        ("SOPClassUID", sop_class_uid),
        ("SOPInstanceUID", sop_instance_uid),
    ):
        if attributes.uid(keyword) != announced:
            raise InstanceRefusedError(DATA_SET_MISMATCH, f"{keyword} is not that of the command")
    before = prefix(sop_class_uid, sop_instance_uid, transfer_syntax_uid, calling_ae_title)
    return Incoming(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=transfer_syntax_uid,
        study_instance_uid=attributes.uid("StudyInstanceUID"),
        series_instance_uid=attributes.uid("SeriesInstanceUID"),
        patient_id=attributes.text("PatientID", _PATIENT_ID_LENGTH),
        accession_number=attributes.text("AccessionNumber", _ACCESSION_NUMBER_LENGTH),
        modality=attributes.text("Modality", _MODALITY_LENGTH),
        series_description=attributes.text("SeriesDescription", _SERIES_DESCRIPTION_LENGTH),
        instance_number=attributes.integer("InstanceNumber"),
        calling_ae_title=calling_ae_title.strip()[:_CALLING_AE_TITLE_LENGTH],
        calling_host=calling_host[:_CALLING_HOST_LENGTH],
        part10=before,
        data_offset=len(before),
        association=association,
    )


# The columns of `storage.tables`, which this module does not load: what fits is filed as it is.
_PATIENT_ID_LENGTH: Final = 255
_ACCESSION_NUMBER_LENGTH: Final = 255
_MODALITY_LENGTH: Final = 32
_SERIES_DESCRIPTION_LENGTH: Final = 255
_CALLING_AE_TITLE_LENGTH: Final = 16
_CALLING_HOST_LENGTH: Final = 64


def _valid(uid: str, name: str, status: Status) -> str:
    try:
        return validated_uid(uid)
    except ValueError as error:
        raise InstanceRefusedError(status, f"{name} is no valid UID") from error


def _values(
    head: bytes | memoryview, whole: Callable[[], bytes], transfer_syntax_uid: str
) -> Mapping[int, bytes]:
    """Read the elements of `_TAGS` and no more: never pixels, never a large private group."""
    if transfer_syntax_uid not in _NOT_PLAIN:
        implicit = transfer_syntax_uid == header.IMPLICIT_VR_LITTLE_ENDIAN
        found = header.scan(head, _TAG_SET, _LAST_TAG, implicit=implicit)
        if found is not None:
            return found
    return _parsed(whole(), UID(transfer_syntax_uid))


_NOT_PLAIN: Final = frozenset(
    {
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
    }
)
"""All other transfer syntaxes than Implicit VR are Explicit VR Little Endian (PS3.5 annex A)."""


def _parsed(data_set: bytes, transfer_syntax: UID) -> Mapping[int, bytes]:
    """Read the elements of `_TAGS` by pydicom, in whatever encoding."""

    def past_identity(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return bool(tag > _LAST_TAG)

    try:
        if transfer_syntax.is_deflated:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # raw, without zlib's own header
            data_set = inflate.decompress(data_set, _INFLATED_LIMIT_BYTES)
        found = read_dataset(
            BytesIO(data_set),
            is_implicit_VR=transfer_syntax.is_implicit_VR,
            is_little_endian=transfer_syntax.is_little_endian,
            stop_when=past_identity,
            specific_tags=_TAGS,
        )
    except _PARSE_ERRORS as error:
        raise InstanceRefusedError(
            CANNOT_UNDERSTAND, f"the data set is not {transfer_syntax.name}"
        ) from error
    elements: dict[int, Any] = {tag: found.get_item(tag) for tag in found.keys() & _TAG_SET}
    return {
        tag: element.value
        for tag, element in elements.items()
        # A sequence in the place of a text comes as a parsed `DataElement`: it is no value.
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes)
    }


class _Attributes:
    """The values of a data set as plain text, whatever their encoding claims."""

    def __init__(self, values: Mapping[int, bytes]) -> None:
        self._values = values
        self._encodings = _encodings(self._bytes(_SPECIFIC_CHARACTER_SET))

    def uid(self, keyword: str) -> str:
        """Give a UID without its padding; raises `InstanceRefusedError` when there is none."""
        value = self._bytes(_TAG_OF[keyword]).decode("ascii", "replace").strip(" \0")
        if not value:
            raise InstanceRefusedError(CANNOT_UNDERSTAND, f"{keyword} is missing or empty")
        return _valid(value, keyword, CANNOT_UNDERSTAND)

    def text(self, keyword: str, length: int) -> str:
        """Give a text of at most so many characters, without padding and NUL.

        PostgreSQL refuses NUL (U+0000) in any text, so one sloppy value would cost the image.
        """
        value = _decoded(self._bytes(_TAG_OF[keyword]), self._encodings)
        return value.replace("\0", "").strip()[:length].rstrip()

    def integer(self, keyword: str) -> int | None:
        """Give an integer string (VR IS), `None` when it is none."""
        try:
            value = int(self._bytes(_TAG_OF[keyword]).strip(b" \0"))
        except ValueError:
            return None
        return value if value in _INTEGER_RANGE else None

    def _bytes(self, tag: int) -> bytes:
        return self._values.get(tag, b"")


@lru_cache(maxsize=64)
def _encodings(specific_character_set: bytes) -> list[str]:
    """Find the Python codecs of a SpecificCharacterSet (PS3.3 section C.12.1.1.2)."""
    names = specific_character_set.decode("ascii", "replace").replace("\0", "").split("\\")
    try:
        return convert_encodings([name.strip() for name in names])
    except (LookupError, ValueError):
        return ["latin_1"]


def _decoded(value: bytes, encodings: list[str]) -> str:
    try:
        return decode_bytes(value, encodings, TEXT_VR_DELIMS)
    except (LookupError, ValueError):
        return value.decode("latin_1")


def prefix(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, calling_ae_title: str
) -> bytes:
    """Give what precedes a data set in its file: preamble and file meta information."""
    before, after = _file_meta(sop_class_uid, transfer_syntax_uid, calling_ae_title.strip())
    uid = sop_instance_uid.encode("ascii")
    if len(uid) % 2:
        uid += b"\0"
    uid = _INSTANCE_UID_HEAD.pack(*_INSTANCE_UID_TAG, b"UI", len(uid)) + uid
    group_length = len(before) + len(uid) + len(after)
    return b"".join(
        (_PREAMBLE, _GROUP_LENGTH.pack(2, 0, b"UL", 4, group_length), before, uid, after)
    )


_GROUP_LENGTH: Final = struct.Struct("<HH2sHL")
_INSTANCE_UID_HEAD: Final = struct.Struct("<HH2sH")
_INSTANCE_UID_TAG: Final = (0x0002, 0x0003)


@lru_cache(maxsize=256)
def _file_meta(
    sop_class_uid: str, transfer_syntax_uid: str, calling_ae_title: str
) -> tuple[bytes, bytes]:
    """Encode the file meta information (PS3.10 table 7.1-1) around its one varying element.

    Gives what stands between the group length and MediaStorageSOPInstanceUID, and what follows
    that: within an association both are the same for instance after instance.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID("1.2")
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    if calling_ae_title:
        meta.SourceApplicationEntityTitle = calling_ae_title
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    element = _INSTANCE_UID_HEAD.pack(*_INSTANCE_UID_TAG, b"UI", 4) + b"1.2\0"
    before, after = buffer.getvalue()[_GROUP_LENGTH.size :].split(element)
    return before, after
