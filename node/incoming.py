"""Turns what a C-STORE request carries into an `Incoming`: identity read, bytes left alone.

Only the few attributes that file an instance are read, and leniently: a broken character set, a
value that is too long or a number that is none must not cost the image. What is kept is the data
set exactly as received, behind a preamble and file meta information of our own (PS3.10 section 7).
"""

import struct
import zlib
from io import BytesIO
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.valuerep import TEXT_VR_DELIMS

from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.status import (
    CANNOT_UNDERSTAND,
    DATA_SET_MISMATCH,
    INVALID_SOP_INSTANCE,
    InstanceRefusedError,
    Status,
)
from storage.identifiers import validated_uid
from storage.instances import Incoming
from storage.tables import Instance, Series

_SPECIFIC_CHARACTER_SET: Final = Tag("SpecificCharacterSet")
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
_TAGS: Final[list[BaseTag | int]] = [_SPECIFIC_CHARACTER_SET, *map(Tag, _KEYWORDS)]
_LAST_TAG: Final = max(_TAGS)

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
    sop_instance_uid = _valid(sop_instance_uid, "Affected SOP Instance UID", INVALID_SOP_INSTANCE)
    attributes = _Attributes(_parse(data_set, UID(transfer_syntax_uid)))
    for keyword, announced in (
        ("SOPClassUID", sop_class_uid),
        ("SOPInstanceUID", sop_instance_uid),
    ):
        if attributes.uid(keyword) != announced:
            raise InstanceRefusedError(DATA_SET_MISMATCH, f"{keyword} is not that of the command")
    prefix = _PREAMBLE + _file_meta(
        sop_class_uid, sop_instance_uid, transfer_syntax_uid, calling_ae_title
    )
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
        part10=prefix + data_set,
        data_offset=len(prefix),
        association=association,
    )


def _column_length(table: type[Series] | type[Instance], column: str) -> int:
    return int(getattr(table, column).type.length)


_PATIENT_ID_LENGTH: Final = _column_length(Series, "patient_id")
_ACCESSION_NUMBER_LENGTH: Final = _column_length(Series, "accession_number")
_MODALITY_LENGTH: Final = _column_length(Series, "modality")
_SERIES_DESCRIPTION_LENGTH: Final = _column_length(Series, "series_description")
_CALLING_AE_TITLE_LENGTH: Final = _column_length(Instance, "calling_ae_title")
_CALLING_HOST_LENGTH: Final = _column_length(Instance, "calling_host")


def _valid(uid: str, name: str, status: Status) -> str:
    try:
        return validated_uid(uid)
    except ValueError as error:
        raise InstanceRefusedError(status, f"{name} is no valid UID") from error


def _parse(data_set: bytes, transfer_syntax: UID) -> Dataset:
    """Read the elements of `_TAGS` and no more: never pixels, never a large private group."""

    def past_identity(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return bool(tag > _LAST_TAG)

    try:
        if transfer_syntax.is_deflated:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # raw, without zlib's own header
            data_set = inflate.decompress(data_set, _INFLATED_LIMIT_BYTES)
        return read_dataset(
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


class _Attributes:
    """The values of a parsed data set as plain text, whatever their encoding claims."""

    def __init__(self, data_set: Dataset) -> None:
        self._data_set = data_set
        self._encodings = _encodings(self._bytes(_SPECIFIC_CHARACTER_SET))

    def uid(self, keyword: str) -> str:
        """Give a UID without its padding; raises `InstanceRefusedError` when there is none."""
        value = self._bytes(Tag(keyword)).decode("ascii", "replace").strip(" \0")
        if not value:
            raise InstanceRefusedError(CANNOT_UNDERSTAND, f"{keyword} is missing or empty")
        return _valid(value, keyword, CANNOT_UNDERSTAND)

    def text(self, keyword: str, length: int) -> str:
        """Give a text of at most so many characters, without padding and NUL.

        PostgreSQL refuses NUL (U+0000) in any text, so one sloppy value would cost the image.
        """
        value = _decoded(self._bytes(Tag(keyword)), self._encodings)
        return value.replace("\0", "").strip()[:length].rstrip()

    def integer(self, keyword: str) -> int | None:
        """Give an integer string (VR IS), `None` when it is none."""
        try:
            value = int(self._bytes(Tag(keyword)).strip(b" \0"))
        except ValueError:
            return None
        return value if value in _INTEGER_RANGE else None

    def _bytes(self, tag: BaseTag) -> bytes:
        element = self._data_set.get_item(tag)
        # A sequence in the place of a text comes as a parsed `DataElement`: it is no value.
        value = element.value if isinstance(element, RawDataElement) else None
        return value if isinstance(value, bytes) else b""


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


def _file_meta(
    sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, calling_ae_title: str
) -> bytes:
    """Encode the file meta information (PS3.10 table 7.1-1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    if calling_ae_title.strip():
        meta.SourceApplicationEntityTitle = calling_ae_title.strip()
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()
