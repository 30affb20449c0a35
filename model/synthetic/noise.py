"""Smooth random fields, so that no surface and no tissue is perfectly regular.

A field is a periodic tile of band-limited noise at the voxels of a canvas. A window reads its part
by wrapped indices, which costs one gather and no interpolation.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatGrid = npt.NDArray[np.float32]

_TILE = (64, 120, 120)


@dataclass(frozen=True, eq=False, slots=True)
class Noise:
    """Zero-mean, unit-variance noise of three correlation lengths, mm.

    Attributes:
        tiles: correlation length in mm -> float32 (slice, row, column), periodic.
    """

    tiles: dict[float, FloatGrid]

    FINE_MM = 1.8
    MEDIUM_MM = 4.5
    COARSE_MM = 11.0

    @classmethod
    def sample(cls, rng: np.random.Generator, spacing_mm: tuple[float, float, float]) -> Self:
        """Draw the tiles for a canvas of this voxel size."""
        lengths = (cls.FINE_MM, cls.MEDIUM_MM, cls.COARSE_MM)
        return cls({length: _tile(rng, length, spacing_mm) for length in lengths})

    def read(
        self, length_mm: float, start: tuple[int, int, int], shape: tuple[int, int, int], key: int
    ) -> FloatGrid:
        """Give the noise of a window that starts at these indices of the canvas.

        Args:
            length_mm: one of the three lengths.
            start: first index of the window (slice, row, column).
            shape: its shape.
            key: shifts the tile, so that parts which meet do not share their bumps.
        """
        tile = self.tiles[length_mm]
        shift = (key * 37, key * 53, key * 71)
        index = [
            (np.arange(first, first + count) + offset) % size
            for first, count, offset, size in zip(start, shape, shift, tile.shape, strict=True)
        ]
        return np.asarray(tile[np.ix_(*index)])


def _tile(
    rng: np.random.Generator, length_mm: float, spacing_mm: tuple[float, float, float]
) -> FloatGrid:
    """Filter white noise with a Gaussian of standard deviation `length_mm` in Fourier space."""
    gain = np.ones((1, 1, 1), dtype=np.float32)
    for axis, (count, step) in enumerate(zip(_TILE, spacing_mm, strict=True)):
        last = axis == len(_TILE) - 1
        frequency = np.fft.rfftfreq(count, step) if last else np.fft.fftfreq(count, step)
        line = np.exp(-2 * (np.pi * frequency * length_mm) ** 2)
        gain = gain * line.reshape([-1 if one == axis else 1 for one in range(3)])
    white = rng.standard_normal(_TILE, dtype=np.float32)
    field = np.fft.irfftn(np.fft.rfftn(white) * gain, s=_TILE, axes=(0, 1, 2))
    field -= field.mean()
    return np.asarray(field / field.std(), dtype=np.float32)
