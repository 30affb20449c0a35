"""Single slices of a series: reading them, and putting them in order.

A slice is a classic instance or one frame of an Enhanced MR object: both become the same `Slice`.
Every way in which instances fail to make one volume ends as a `VolumeError` with a sentence for an
administrator; it names counts, positions and UIDs, never a patient.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydicom import Dataset

from model import frames, pixels
from model.affine import FloatArray
from model.frames import VolumeError
from model.pixels import FloatImage

_MIN_SLICES: Final = 3  # the network sees a slice between two others
_SAME_DIRECTION: Final = 1e-3  # greatest difference of two direction cosines taken as equal
_SAME_SPACING_MM: Final = 1e-3
_DUPLICATE_MM: Final = 0.01
_UNEVEN: Final = 0.10  # share of the slice spacing that one gap may differ by
_DRIFT_MM: Final = 1.0  # how far a slice may lie off the straight line of the stack


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """One classic instance, or one frame of a multi-frame one.

    Attributes:
        sop_instance_uid: of the instance.
        frame_number: of the frame, from 1; None for a classic instance.
        pixels: float32 (row, column), rescaled, as stored: of MONOCHROME1 the largest is black.
        inverted: the pixels are MONOCHROME1.
        position_mm: ImagePositionPatient: the centre of the first pixel.
        along: unit direction in which the column index rises.
        down: unit direction in which the row index rises.
        pixel_spacing_mm: distance between rows, between columns.
        frame_of_reference_uid: empty when absent.
    """

    sop_instance_uid: str
    frame_number: int | None
    pixels: FloatImage
    inverted: bool
    position_mm: FloatArray
    along: FloatArray
    down: FloatArray
    pixel_spacing_mm: tuple[float, float]
    frame_of_reference_uid: str


def read_slices(dataset: Dataset, room: int = pixels.MAX_PIXELS) -> list[Slice]:
    """Read an instance with its pixels: one slice of a classic one, one per frame of Enhanced MR.

    Args:
        dataset: with pixels.
        room: how many pixels there may be, counted before any is decoded.

    Raises:
        VolumeError: it has no usable geometry or pixels, is too large, or is in colour.
    """
    uid = str(dataset.get("SOPInstanceUID", "(no SOPInstanceUID)"))
    inverted = pixels.grey(dataset, uid)
    headers = _headers(dataset, uid)
    if pixels.count(dataset, uid, len(headers)) > room:
        raise VolumeError(f"the series has more than {pixels.MAX_PIXELS} pixels; expected fewer")
    placed = [_geometry(header, uid) for header in headers]
    images = pixels.rescaled(dataset, headers, uid)
    return [
        Slice(
            sop_instance_uid=uid,
            frame_number=frames.frame_number(header),
            pixels=image,
            inverted=inverted,
            frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or ""),
            **geometry,
        )
        for header, geometry, image in zip(headers, placed, images, strict=True)
    ]


def _headers(dataset: Dataset, uid: str) -> list[Dataset]:
    """Give what holds of each image in an instance."""
    if frames.is_multiframe(dataset):
        return frames.frames_of(dataset)
    count = frames.number_of_frames(dataset)
    if count > 1 or "PerFrameFunctionalGroupsSequence" in dataset:
        raise VolumeError(
            f"instance {uid} is a multi-frame image ({count} frames) of another class than "
            "Enhanced MR; expected Enhanced MR or classic single-frame images"
        )
    return [dataset]


def _geometry(header: Dataset, uid: str) -> dict[str, Any]:
    """Read where an image lies: the fields of a `Slice` that say so."""
    orientation = _numbers(header, "ImageOrientationPatient", 6, uid)
    spacing = _numbers(header, "PixelSpacing", 2, uid)
    along, down = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if abs(lengths[0] - 1) > 0.01 or abs(lengths[1] - 1) > 0.01 or abs(along @ down) > 0.01:
        raise VolumeError(
            f"instance {uid}: ImageOrientationPatient {orientation.tolist()} is not a pair of "
            "perpendicular unit vectors"
        )
    if min(spacing) <= 0:
        raise VolumeError(f"instance {uid}: PixelSpacing {spacing.tolist()} is not positive")
    return {
        "position_mm": _numbers(header, "ImagePositionPatient", 3, uid),
        "along": along / lengths[0],
        "down": down / lengths[1],
        "pixel_spacing_mm": (float(spacing[0]), float(spacing[1])),
    }


def _numbers(header: Dataset, keyword: str, count: int, uid: str) -> FloatArray:
    """Read an attribute of so many finite numbers."""
    try:
        value: Any = header.get(keyword)
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
        "photometric interpretations": len({one.inverted for one in slices}) > 1,
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
            "position: the series may hold several echoes, stacks or repetitions"
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
    """Hash UIDs, rescaled pixels and geometry of ordered slices: SHA-256, hexadecimal.

    A frame adds its number, and MONOCHROME1 its name, to what a slice is hashed by.
    """
    digest = hashlib.sha256()
    for one in slices:
        geometry = (one.position_mm, one.along, one.down, np.array(one.pixel_spacing_mm))
        frame = "" if one.frame_number is None else f"#{one.frame_number}"
        colour = "MONOCHROME1\n" if one.inverted else ""
        uids = f"{one.sop_instance_uid}{frame}\n{one.frame_of_reference_uid}\n{colour}"
        digest.update(uids.encode())
        digest.update(f"{one.pixels.shape}\n".encode())
        for array in geometry:
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(one.pixels, dtype="<f4").tobytes())
    return digest.hexdigest()
