"""Scans with truth that no network was trained on: read from cases, or drawn from anatomies."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model import expected
from model.affine import FloatArray, to_index
from model.expected import Expected
from model.index import Reader
from model.landmark import Point
from model.localiser import spoiling

_IMAGING: Final = 7105  # keep the streams of random numbers apart
_SPOILING: Final = 7107


@dataclass(frozen=True, eq=False, slots=True)
class HeldOut:
    """One scan with its truth.

    Attributes:
        name: for tables.
        pixels: float32 (slice, row, column), slices from the patient's right to the left.
        affine: 4x4, indices to mm.
        points: the foramina in the image, mm.
        expected: what an honest answer is.
    """

    name: str
    pixels: npt.NDArray[np.float32]
    affine: FloatArray
    points: Mapping[str, Point]
    expected: Expected


Read = Callable[[], HeldOut]


@dataclass(frozen=True, slots=True)
class OfCase:
    """Reads a case from its files."""

    reader: Reader

    def __call__(self) -> HeldOut:
        """Read it."""
        case = self.reader()
        return HeldOut(
            case.name,
            case.volume.pixels,
            case.volume.affine,
            case.points,
            expected.of(self.reader),
        )


@dataclass(frozen=True, slots=True)
class OfAnatomy:
    """Images a kept subject at full resolution, as a scanner does.

    Attributes:
        file: the subject.
        number: of the scan; decides together with `seed` how it is imaged.
        seed: of all scans.
    """

    file: Path
    number: int
    seed: int

    def __call__(self) -> HeldOut:
        """Image it."""
        from model.synthetic import acquisition, cache
        from model.synthetic.marks import inside

        subject = cache.load(self.file)
        scan = acquisition.image(subject, np.random.default_rng([self.seed, _IMAGING, self.number]))
        seen = {
            name: point
            for name, point in scan.points.items()
            if inside(point, scan.affine, scan.pixels.shape)
        }
        told = Expected(
            subject.numbered,
            subject.lumbar_count,
            tuple(name for name in scan.points if name not in seen),
        )
        name = f"{self.file.stem} imaged {self.number}"
        return HeldOut(name, scan.pixels, scan.affine, seen, told)


def of_anatomies(files: Sequence[Path], count: int, seed: int) -> list[Read]:
    """Prepare to image subjects in turn."""
    return [OfAnatomy(files[number % len(files)], number, seed) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Control:
    """Reads a scan and makes it hard or impossible to answer, to calibrate when to abstain.

    Attributes:
        read: the scan.
        seed: of how; every other one loses its lower part with the sacrum, and keeps the points
            above; the rest is spoilt, and has no point.
    """

    read: Read
    seed: int

    def __call__(self) -> HeldOut:
        """Read and spoil it."""
        scan = self.read()
        rng = np.random.default_rng([self.seed, _SPOILING])
        image = scan.pixels, scan.affine
        if not (self.seed % 2 and scan.points):
            spoilt = spoiling.spoil(image, rng)
            return HeldOut(f"{scan.name}, spoilt", *spoilt, {}, Expected())
        names = sorted(scan.points)
        lowest = np.asarray(scan.points[names[int(rng.integers(len(names)))]], float)
        pixels, affine = spoiling.above(image, lowest)
        left = {
            name: point
            for name, point in scan.points.items()
            if 0 <= to_index(affine, point)[0][1] <= pixels.shape[1] - 1
        }
        return HeldOut(f"{scan.name}, cut off", pixels, affine, left, scan.expected)


def with_controls(readers: Sequence[Read], every: int = 3) -> list[Read]:
    """Follow every third scan by a control made of it."""
    found: list[Read] = []
    for number, read in enumerate(readers):
        found.append(read)
        if number % every == every - 1:
            found.append(Control(read, number))
    return found


def digest(readers: Sequence[Read]) -> str:
    """Hash what would be read: which files and seeds, not what is in them."""
    return hashlib.sha256("\n".join(map(repr, readers)).encode()).hexdigest()
