"""Pixels of an instance, decoded frame by frame and rescaled, in bounded memory.

Every way in which pixels cannot be had ends here as a `VolumeError` with a sentence for an
administrator. The decoder's own message is not passed on: it may quote the data set.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels.utils import get_expected_length, iter_pixels
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from model.frames import VolumeError

FloatImage = npt.NDArray[np.float32]

MAX_PIXELS: Final = 2**27
"""Of all slices of a series together: 512 MiB of 32-bit numbers, 512 images of 512 by 512."""

_PIXEL_KEYWORDS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_UNCOMPRESSED: Final = frozenset({
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
})  # fmt: skip
_DECODING_ERRORS: Final = (
    AttributeError, EOFError, IndexError, KeyError, MemoryError, NotImplementedError, OSError,
    RuntimeError, TypeError, ValueError, struct.error,
)  # fmt: skip


def count(dataset: Dataset, uid: str, frames: int) -> int:
    """Tell how many pixels an instance claims to have, before any is decoded.

    Raises:
        VolumeError: Rows or Columns is no number above zero, or they are too many for one series.
    """
    rows, columns = (_size(dataset, keyword, uid) for keyword in ("Rows", "Columns"))
    pixels = rows * columns * frames
    if pixels > MAX_PIXELS:
        raise VolumeError(
            f"instance {uid} claims {frames} images of {rows} by {columns} pixels; expected at "
            f"most {MAX_PIXELS} pixels in a series"
        )
    return pixels


def grey(dataset: Dataset, uid: str) -> bool:
    """Check that the pixels are grey, and tell whether the largest is black (MONOCHROME1).

    Raises:
        VolumeError: they are in colour.
    """
    samples = int(_number(dataset, "SamplesPerPixel", uid) or 1)
    if samples != 1:
        raise VolumeError(f"instance {uid} has {samples} samples per pixel; expected 1 (grey)")
    interpretation = str(dataset.get("PhotometricInterpretation") or _GREY[1]).strip()
    if interpretation not in _GREY:
        raise VolumeError(
            f"instance {uid} has PhotometricInterpretation {interpretation[:16]!r}; expected one "
            f"of {' and '.join(_GREY)}"
        )
    return interpretation == _GREY[0]


def rescaled(dataset: Dataset, headers: Sequence[Dataset], uid: str) -> list[FloatImage]:
    """Decode the frames of an instance, each rescaled as its own header says.

    Args:
        dataset: the instance, with pixels.
        headers: what holds of each frame, in the order of the frames; of a classic instance, the
            instance itself.
        uid: its SOP Instance UID, for messages.

    Returns:
        One float32 (row, column) per header.

    Raises:
        VolumeError: the pixels are missing, cut off, cannot be decoded, or are other than claimed.
    """
    scales = [_scale(header, uid) for header in headers]
    stored = _decoded(dataset, uid)
    images = [
        (image.astype(np.float64) * slope + intercept).astype(np.float32)
        for (slope, intercept), image in zip(scales, stored, strict=False)
    ]
    if len(images) < len(scales) or next(stored, None) is not None:
        raise VolumeError(
            f"instance {uid}: its pixel data does not hold {len(scales)} images, as its header "
            "says: it may have been cut off; send the series again"
        )
    return images


def _scale(header: Dataset, uid: str) -> tuple[float, float]:
    """Give slope and intercept (PS3.3 sections C.11.1 and C.7.6.16.2.9)."""
    slope = _number(header, "RescaleSlope", uid) or 1.0
    return slope, _number(header, "RescaleIntercept", uid)


def _decoded(dataset: Dataset, uid: str) -> Iterator[npt.NDArray[np.generic]]:
    expected = (_size(dataset, "Rows", uid), _size(dataset, "Columns", uid))
    try:
        for image in iter_pixels(dataset):
            if image.shape != expected:
                raise VolumeError(
                    f"instance {uid}: expected one plane of {expected} pixels, received shape "
                    f"{image.shape}"
                )
            yield image
    except VolumeError:
        raise
    except _DECODING_ERRORS as error:
        raise VolumeError(f"instance {uid}{_why_undecodable(dataset, error)}") from error


def _size(dataset: Dataset, keyword: str, uid: str) -> int:
    size = int(_number(dataset, keyword, uid))
    if size < 1:
        raise VolumeError(f"instance {uid}: {keyword} is {size}; expected a number above zero")
    return size


def _number(dataset: Dataset, keyword: str, uid: str) -> float:
    """Read an attribute of one finite number; 0 when it is absent or empty."""
    try:
        number = float(dataset.get(keyword) or 0)
    except _DECODING_ERRORS as error:
        raise VolumeError(
            f"instance {uid}: {keyword} is not a number; expected one number, or no {keyword}"
        ) from error
    if not np.isfinite(number):
        raise VolumeError(f"instance {uid}: {keyword} is {number}; expected a finite number")
    return number


def _why_undecodable(dataset: Dataset, error: Exception) -> str:
    """Say why the pixels could not be decoded, to follow the UID of the instance."""
    # As read: converting a value of a wrong VR could fail once more.
    values = [dataset.get_item(key).value for key in _PIXEL_KEYWORDS if key in dataset]
    received = next(filter(None, values), None)
    if received is None:
        return " has no pixel data: it is not an image, or its sender left the pixels out"
    syntax = UID(str(getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", "")))
    if syntax and syntax not in _UNCOMPRESSED:
        return (
            f": its pixels in {syntax.name} cannot be decoded ({type(error).__name__}); "
            "send the series uncompressed or in a lossless transfer syntax"
        )
    expected = _expected_bytes(dataset)
    if expected is not None and isinstance(received, bytes) and len(received) < expected:
        return (
            f": its uncompressed pixel data has {len(received)} bytes; expected {expected}: "
            "it may have been cut off; send the series again"
        )
    return (
        f": its uncompressed pixels cannot be read ({type(error).__name__}); expected valid "
        "TransferSyntaxUID, PhotometricInterpretation, Rows, Columns, SamplesPerPixel, "
        "BitsAllocated, BitsStored and PixelRepresentation"
    )


def _expected_bytes(dataset: Dataset) -> int | None:
    """Reckon the length of uncompressed pixels; None when the data set does not say it."""
    try:
        return int(get_expected_length(dataset))
    except _DECODING_ERRORS:
        return None
