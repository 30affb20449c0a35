"""Training examples: patches of prepared volumes with the targets of their ten foramina."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model import preprocess
from model.augment import AugmentSpec, augment
from model.cases import Case
from model.labels import LEVELS, split
from model.preprocess import Prepared, PreprocessSpec

Example = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False, slots=True)
class TrainingVolume:
    """A prepared volume, padded by one empty slice at each end, with its discs' centres.

    Attributes:
        pixels: float32 (slice + 2, row, column).
        marks: (n, 4) of slice (in the padded volume), row, column, channel.
        radius_px: radius of a disc in rows and columns.
    """

    pixels: npt.NDArray[np.float32]
    marks: npt.NDArray[np.float64]
    radius_px: tuple[float, float]

    def target(self, index: int) -> npt.NDArray[np.float32]:
        """Draw the target (row, column, channel) of a slice: discs, not spheres (section 7.2)."""
        rows, columns = self.pixels.shape[1:]
        target = np.zeros((rows, columns, len(LEVELS)), np.float32)
        row, column = np.ogrid[:rows, :columns]
        for _, y, x, channel in self.marks[self.marks[:, 0] == index]:
            far = ((row - y) / self.radius_px[0]) ** 2 + ((column - x) / self.radius_px[1]) ** 2
            target[far <= 1.0, int(channel)] = 1.0
        return target


def training_volume(case: Case, spec: PreprocessSpec) -> TrainingVolume:
    """Prepare a case for training.

    Where the truth has no marks for a label, its point marks the nearest slices: every slice
    whose centre lies within three quarters of the slice spacing of it, always at least one.
    """
    prepared = preprocess.prepare(case.volume, spec)
    marks = [
        (index, row, column, LEVELS.index(split(name)[0]))
        for name in case.points
        for index, row, column in _marked(prepared, case, name)
    ]
    inside = [mark for mark in marks if 0 <= mark[0] < len(prepared.pixels)]
    array = np.array(inside, np.float64).reshape(-1, 4)
    array[:, 0] += 1
    spacing = np.linalg.norm(prepared.affine[:3, 1:3], axis=0)
    radius_px = (spec.label_radius_mm / spacing[0], spec.label_radius_mm / spacing[1])
    padded = np.pad(prepared.pixels, ((1, 1), (0, 0), (0, 0)))
    return TrainingVolume(padded, array, radius_px)


def _marked(prepared: Prepared, case: Case, name: str) -> Iterator[tuple[int, float, float]]:
    """Yield (slice, row, column) of each disc of a label."""
    if case.marks.get(name):
        for index, row, column in prepared.to_index(case.marks[name]):
            yield round(index), row, column
        return
    index, row, column = prepared.to_index([case.points[name]])[0]
    for number in range(len(prepared.pixels)):
        if abs(number - index) <= 0.75:
            yield number, row, column


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws training examples; example n of a seed is always the same.

    Attributes:
        volumes: what to draw from, each equally often.
        patch_size: rows and columns of an example.
        augmentation: what is done to it.
        seed: of the whole run.
        foramen_share: share of examples whose middle slice shows a foramen; None draws every
            slice equally often, as the thesis does.
    """

    volumes: Sequence[TrainingVolume]
    patch_size: int
    augmentation: AugmentSpec
    seed: int
    foramen_share: float | None = None

    def example(self, number: int) -> Example:
        """Draw example `number`: (3, n, n, 1) and its target (1, n, n, channels)."""
        rng = np.random.default_rng([self.seed, number])
        volume = self.volumes[int(rng.integers(len(self.volumes)))]
        index = self._slice(rng, volume)
        image, target = augment(
            rng,
            volume.pixels[index - 1 : index + 2],
            volume.target(index),
            self.patch_size,
            self.augmentation,
        )
        return image[..., None], target[None]

    def _slice(self, rng: np.random.Generator, volume: TrainingVolume) -> int:
        marked = np.unique(volume.marks[:, 0]).astype(int)
        wanted = self.foramen_share is not None and rng.random() < self.foramen_share
        if wanted and len(marked):
            return int(rng.choice(marked))
        return int(rng.integers(1, len(volume.pixels) - 1))
