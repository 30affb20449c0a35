"""An object as a file: what highdicom wrote, the source's own bytes, and the job's times."""

import re
from datetime import datetime, timedelta, timezone
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian

from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.report.elements import tag_of, written
from node.report.header import CARRIED, Source

_CLOCKED: Final = ("ContributingEquipmentSequence",)  # highdicom notes there when it was run
_DATES: Final = ("ContentDate", "InstanceCreationDate", "PresentationCreationDate")
_TIMES: Final = ("ContentTime", "InstanceCreationTime", "PresentationCreationTime")
_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4])([0-5]\d)")  # PS3.3 C.12.1.1.8


def part10(document: Dataset, source: Source, created_at: datetime) -> bytes:
    """Write an object as a file (PS3.10), Explicit VR Little Endian.

    Patient and study attributes are the source's, byte for byte; dates and times are the job's,
    wherever highdicom wrote the clock's.

    Args:
        document: as highdicom made it; its text is ASCII. Its dates and times are replaced.
        source: the series that it is about.
        created_at: aware; written in the zone that it has, or in the source's.
    """
    _set_times(document, in_zone(created_at, source.timezone_offset))
    left_out = {tag_of(keyword) for keyword in (*CARRIED, *_CLOCKED)}
    own = [element for element in document if element.tag not in left_out]
    content = written([*own, *source.elements])
    return with_file_meta(document.SOPClassUID, document.SOPInstanceUID, content)


def with_file_meta(sop_class_uid: str, sop_instance_uid: str, content: bytes) -> bytes:
    """Put preamble and file meta information before a data set (PS3.10 section 7.1).

    Args:
        sop_class_uid, sop_instance_uid: of the data set.
        content: the data set, Explicit VR Little Endian.
    """
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    stream.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(stream, meta, enforce_standard=True)
    stream.write(content)
    return stream.getvalue()


def _set_times(document: Dataset, created_at: datetime) -> None:
    for keyword in (keyword for keyword in _DATES if keyword in document):
        setattr(document, keyword, created_at.strftime("%Y%m%d"))
    for keyword in (keyword for keyword in _TIMES if keyword in document):
        setattr(document, keyword, created_at.strftime("%H%M%S.%f"))


def in_zone(created_at: datetime, offset: str) -> datetime:
    """Turn a time into the zone that TimezoneOffsetFromUTC declares for the whole object."""
    match = _OFFSET.fullmatch(offset)
    if match is None:
        return created_at
    sign, hours, minutes = match.groups()
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return created_at.astimezone(timezone(ahead if sign == "+" else -ahead))
