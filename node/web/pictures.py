"""The slices of a series as pictures, read from the stored files, with room for a few series."""

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from model import affine as affine_map
from model import volume
from model.affine import FloatArray
from model.landmark import Landmark
from model.volume import Volume, VolumeError

_KEPT_BYTES: Final = 64 << 20
_DARK_PERCENT: Final = 1.0
_BRIGHT_PERCENT: Final = 99.5


class PictureError(Exception):
    """There is nothing to be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One located foramen on its slice; millimetres from the slice's upper left corner."""

    label: str
    confidence: float
    x_mm: float
    y_mm: float


@dataclass(frozen=True, eq=False, slots=True)
class Slices:
    """The images of a series.

    Attributes:
        pixels: (slice, row, column), 0..255.
        spacing_mm: between slices, rows, columns.
        affine: index (slice, row, column) to LPS mm.
    """

    pixels: npt.NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    affine: FloatArray

    @property
    def size_mm(self) -> tuple[float, float]:
        """Give width and height of a slice."""
        _, rows, columns = self.pixels.shape
        return columns * self.spacing_mm[2], rows * self.spacing_mm[1]

    def marks(self, landmarks: Sequence[Landmark]) -> dict[int, list[Mark]]:
        """Put the located landmarks on their nearest slices, by the slices' number from 0."""
        found: dict[int, list[Mark]] = {}
        for landmark in landmarks:
            if landmark.point_mm is None or landmark.confidence is None:
                continue
            ((slice_, row, column),) = affine_map.to_index(self.affine, [landmark.point_mm])
            nearest = int(np.clip(round(float(slice_)), 0, len(self.pixels) - 1))
            mark = Mark(
                landmark.label,
                landmark.confidence,
                (float(column) + 0.5) * self.spacing_mm[2],  # indices count from pixel centres
                (float(row) + 0.5) * self.spacing_mm[1],
            )
            found.setdefault(nearest, []).append(mark)
        return dict(sorted(found.items()))

    def png(self, number: int) -> bytes:
        """Give one slice as PNG.

        Raises:
            PictureError: there is no such slice.
        """
        if not 0 <= number < len(self.pixels):
            raise PictureError(f"there is no slice {number}")
        out = io.BytesIO()
        Image.fromarray(self.pixels[number]).save(out, "PNG", compress_level=1)
        return out.getvalue()


class Pictures:
    """Reads one series at a time, and keeps the last ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, ...], Slices] = OrderedDict()

    def slices(self, paths: Sequence[str]) -> Slices:
        """Give the slices of the files at these paths below the storage folder.

        Raises:
            PictureError: they cannot be read, or make no volume.
        """
        key = tuple(paths)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._read(key)
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and self._bytes() > _KEPT_BYTES:
                self._kept.popitem(last=False)
            return self._kept[key]

    def _read(self, paths: tuple[str, ...]) -> Slices:
        try:
            scan = volume.load([self._folder / path for path in paths])
        except (VolumeError, OSError) as error:
            raise PictureError(str(error)) from error
        return Slices(_windowed(scan), scan.spacing_mm, scan.affine)

    def _bytes(self) -> int:
        return sum(slices.pixels.nbytes for slices in self._kept.values())


def _windowed(scan: Volume) -> npt.NDArray[np.uint8]:
    """Map the range of the series to 0..255, slice by slice to spare memory."""
    sample = scan.pixels[::, ::4, ::4]
    low, high = np.percentile(sample, (_DARK_PERCENT, _BRIGHT_PERCENT))
    scale = 255.0 / max(float(high - low), 1e-6)
    out = np.empty(scan.pixels.shape, np.uint8)
    for number, image in enumerate(scan.pixels):
        out[number] = np.clip((image - low) * scale, 0, 255)
    return out
