"""Single slices of a series: reading one, and putting them in order.

Every way in which instances fail to make one volume ends here as a `VolumeError` with a sentence
for an administrator; it names counts, positions and UIDs, never a patient.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from model.affine import FloatArray

_MIN_SLICES: Final = 3  # the network sees a slice between two others
_SAME_DIRECTION: Final = 1e-3  # greatest difference of two direction cosines taken as equal
_SAME_SPACING_MM: Final = 1e-3
_DUPLICATE_MM: Final = 0.01
_UNEVEN: Final = 0.10  # share of the slice spacing that one gap may differ by
_DRIFT_MM: Final = 1.0  # how far a slice may lie off the straight line of the stack

_PIXEL_KEYWORDS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_UNCOMPRESSED: Final = frozenset({
    ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
})  # fmt: skip
_DECODING_ERRORS: Final = (
    AttributeError, EOFError, IndexError, KeyError, NotImplementedError, OSError, RuntimeError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


class VolumeError(ValueError):
    """A series cannot become one volume; the message is a sentence for an administrator."""


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """One instance.

    Attributes:
        sop_instance_uid: its UID.
        pixels: float32 (row, column), rescaled.
        position_mm: ImagePositionPatient: the centre of the first pixel.
        along: unit direction in which the column index rises.
        down: unit direction in which the row index rises.
        pixel_spacing_mm: distance between rows, between columns.
        frame_of_reference_uid: empty when absent.
    """

    sop_instance_uid: str
    pixels: npt.NDArray[np.float32]
    position_mm: FloatArray
    along: FloatArray
    down: FloatArray
    pixel_spacing_mm: tuple[float, float]
    frame_of_reference_uid: str


def read_slice(dataset: Dataset) -> Slice:
    """Read one instance with its pixels.

    Raises:
        VolumeError: it has no usable geometry or pixels, or is multi-frame or in colour.
    """
    uid = str(dataset.get("SOPInstanceUID", "(no SOPInstanceUID)"))
    _require_single_frame(dataset, uid)
    orientation = _numbers(dataset, "ImageOrientationPatient", 6, uid)
    spacing = _numbers(dataset, "PixelSpacing", 2, uid)
    along, down = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if abs(lengths[0] - 1) > 0.01 or abs(lengths[1] - 1) > 0.01 or abs(along @ down) > 0.01:
        raise VolumeError(
            f"instance {uid}: ImageOrientationPatient {orientation.tolist()} is not a pair of "
            "perpendicular unit vectors"
        )
    if min(spacing) <= 0:
        raise VolumeError(f"instance {uid}: PixelSpacing {spacing.tolist()} is not positive")
    return Slice(
        sop_instance_uid=uid,
        pixels=_rescaled(dataset, uid),
        position_mm=_numbers(dataset, "ImagePositionPatient", 3, uid),
        along=along / lengths[0],
        down=down / lengths[1],
        pixel_spacing_mm=(float(spacing[0]), float(spacing[1])),
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or ""),
    )


def _require_single_frame(dataset: Dataset, uid: str) -> None:
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1 or "PerFrameFunctionalGroupsSequence" in dataset:
        raise VolumeError(
            f"instance {uid} is a multi-frame image ({frames} frames); expected classic "
            "single-frame images: send the series in its classic form"
        )
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples != 1:
        raise VolumeError(f"instance {uid} has {samples} samples per pixel; expected 1 (grey)")


def _numbers(dataset: Dataset, keyword: str, count: int, uid: str) -> FloatArray:
    """Read an attribute of so many finite numbers."""
    try:
        value: Any = dataset.get(keyword)
        numbers = np.array([float(item) for item in value or ()], np.float64)
    except (TypeError, ValueError) as error:
        raise VolumeError(f"instance {uid}: {keyword} is not a list of numbers") from error
    if len(numbers) == 0:
        raise VolumeError(
            f"instance {uid} has no {keyword}: where its slice lies in the patient is unknown"
        )
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise VolumeError(
            f"instance {uid}: {keyword} is {numbers.tolist()}; expected {count} finite numbers"
        )
    return numbers


def _rescaled(dataset: Dataset, uid: str) -> npt.NDArray[np.float32]:
    slope = _number(dataset, "RescaleSlope", uid) or 1.0
    intercept = _number(dataset, "RescaleIntercept", uid)
    try:
        stored = np.asarray(dataset.pixel_array)
    except _DECODING_ERRORS as error:
        raise VolumeError(f"instance {uid}{_why_undecodable(dataset, error)}") from error
    if stored.ndim != 2:
        raise VolumeError(
            f"instance {uid}: expected one plane of pixels, received shape {stored.shape}"
        )
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


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
    """Say why the pixels could not be decoded, to follow the UID of the instance.

    The decoder's message is not passed on: it may quote the data set.
    """
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


def ordered(slices: Sequence[Slice]) -> list[Slice]:
    """Order slices along their normal, turned so that its largest component is positive.

    Raises:
        VolumeError: the slices do not make one evenly spaced stack.
    """
    if len(slices) < _MIN_SLICES:
        raise VolumeError(f"the series has {len(slices)} slices; expected at least {_MIN_SLICES}")
    _require_same(slices)
    normal = np.cross(slices[0].along, slices[0].down)
    normal *= np.sign(normal[np.argmax(np.abs(normal))])
    result = sorted(slices, key=lambda one: float(one.position_mm @ normal))
    _require_even(result, normal)
    return result


def _require_same(slices: Sequence[Slice]) -> None:
    first = slices[0]
    spacings = np.array([one.pixel_spacing_mm for one in slices])
    directions = np.array([[*one.along, *one.down] for one in slices])
    differing = {
        "frames of reference": len({one.frame_of_reference_uid for one in slices}) > 1,
        "image sizes": len({one.pixels.shape for one in slices}) > 1,
        "pixel spacings": np.abs(spacings - first.pixel_spacing_mm).max() > _SAME_SPACING_MM,
        "orientations": np.abs(directions - directions[0]).max() > _SAME_DIRECTION,
    }
    if any(differing.values()):
        names = " and ".join(name for name, differs in differing.items() if differs)
        raise VolumeError(
            f"the {len(slices)} slices of the series have differing {names}; expected one stack "
            "of like slices: several stacks or a localizer may be mixed in"
        )


def _require_even(slices: Sequence[Slice], normal: FloatArray) -> None:
    """Check the gaps between neighbours, and that the slices lie on one straight line."""
    positions = np.array([one.position_mm for one in slices])
    heights = positions @ normal
    gaps = np.diff(heights)
    spacing = float(np.median(gaps))
    if gaps.min() < _DUPLICATE_MM:
        twice = int((gaps < _DUPLICATE_MM).sum())
        raise VolumeError(
            f"{twice} of {len(slices)} slices lie where another one lies; expected one slice per "
            "position: an acquisition may be repeated within the series"
        )
    worst = int(np.argmax(np.abs(gaps - spacing)))
    if abs(gaps[worst] - spacing) > _UNEVEN * spacing:
        missing = round(float(gaps[worst]) / spacing) - 1
        cause = f"{missing} missing there" if missing > 0 else "the spacing is uneven"
        raise VolumeError(
            f"between slice {worst + 1} and slice {worst + 2} of {len(slices)}, counted along the "
            f"normal, lie {gaps[worst]:.2f} mm; expected {spacing:.2f} mm: {cause}"
        )
    line = np.linspace(positions[0], positions[-1], len(slices))
    drift_mm = float(np.linalg.norm(positions - line, axis=1).max())
    if drift_mm > max(_DRIFT_MM, _UNEVEN * spacing):
        raise VolumeError(
            f"a slice lies {drift_mm:.1f} mm off the straight line through the stack; "
            "expected parallel slices in one row"
        )


def content_digest(slices: Sequence[Slice]) -> str:
    """Hash UIDs, rescaled pixels and geometry of ordered slices: SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    for one in slices:
        geometry = (one.position_mm, one.along, one.down, np.array(one.pixel_spacing_mm))
        digest.update(f"{one.sop_instance_uid}\n{one.frame_of_reference_uid}\n".encode())
        digest.update(f"{one.pixels.shape}\n".encode())
        for array in geometry:
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(one.pixels, dtype="<f4").tobytes())
    return digest.hexdigest()
