"""Refuse deflated data sets that would fill the memory: 1 MB may inflate to 1 GB (RFC 1951).

pydicom inflates a data set in the transfer syntax Deflated Explicit VR Little Endian as a whole,
whatever is asked of it. Here it is inflated before, piece by piece, and only counted.
"""

import zlib
from pathlib import Path
from typing import BinaryIO, Final

from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

LIMIT_BYTES: Final = 256 << 20
"""An inflated data set of an image; a series of 512 images of 512 by 512 pixels in one."""

_PIECE_BYTES: Final = 1 << 16


class InflatedTooLargeError(ValueError):
    """A deflated data set is larger than any image that is worked on."""


def check(path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """See that a DICOM file does not inflate to more than `limit_bytes`; others pass unread.

    Raises:
        InflatedTooLargeError: it would.
        pydicom.errors.InvalidDicomError: it is no DICOM file.
        zlib.error: what should be deflated is not.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        read_preamble(file, False)
        meta = read_dataset(
            file, is_implicit_VR=False, is_little_endian=True, stop_when=_behind_file_meta
        )
        syntax = meta.get_item("TransferSyntaxUID") if "TransferSyntaxUID" in meta else None
        value = getattr(syntax, "value", None)
        if isinstance(value, bytes):
            value = value.rstrip(b" \0").decode("latin-1")
        if value == DeflatedExplicitVRLittleEndian and _inflates_beyond(file, limit_bytes):
            raise InflatedTooLargeError(
                f"{path.name} inflates to more than {limit_bytes >> 20} MiB; expected an image "
                "that fits in there: send it in another transfer syntax"
            )


def _behind_file_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group != 2


def _inflates_beyond(file: BinaryIO, limit_bytes: int) -> bool:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # raw, without zlib's own header
    size_bytes = 0
    while not inflate.eof and (piece := file.read(_PIECE_BYTES)):
        while piece:
            size_bytes += len(inflate.decompress(piece, _PIECE_BYTES))
            piece = inflate.unconsumed_tail
            if size_bytes > limit_bytes:
                return True
    return False
