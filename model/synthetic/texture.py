"""Grain of marrow, streaks of muscle and smooth unevenness.

Grain and streaks are patterns in the subject: one fixed periodic tile each, laid into the body with
a drawn place, size and slant. Neighbouring slices therefore show parts of the same grain, and it
moves with the subject; reading it costs one look-up for every pixel.
"""

import functools
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import fft

from model.affine import FloatArray

Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]

_TILE: Final = (64, 128, 128)  # powers of two, so that indices wrap by a bit mask
_SEED: Final = 0x7E87
_FAR: Final = 1024  # multiple of the tile's sides; keeps indices positive before they wrap
_GRAIN_VOXELS: Final = (1.5, 1.5, 1.5)
_STREAK_VOXELS: Final = (1.3, 5.0, 2.2)
_PATCH_VOXELS: Final = (4.0, 12.0, 12.0)


def smooth(
    rng: np.random.Generator,
    affine: FloatArray,
    shape: tuple[int, int, int],
    wavelengths_mm: tuple[float, float],
    count: int = 20,
) -> Floats:
    """Draw a smooth field of zero mean and unit variance (over many draws): plane waves.

    Args:
        rng: drawn from.
        affine: of the stack.
        shape: (slices, rows, columns) of the stack.
        wavelengths_mm: shortest and longest.
        count: of waves.
    """
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length_mm = rng.uniform(*wavelengths_mm, (count, 1))
    waves = direction * (2 * np.pi / length_mm) @ affine[:3, :3]
    phase = rng.uniform(0, 2 * np.pi, count)
    slices, rows, columns = (
        np.arange(size)[:, None] * w for size, w in zip(shape, waves.T, strict=True)
    )
    left = (slices[:, None] + rows[None] + phase).reshape(-1, count).astype(np.float32)
    waved = np.concatenate([np.sin(left), np.cos(left)], axis=1)
    right = np.concatenate([np.cos(columns), np.sin(columns)], axis=1).astype(np.float32)
    return np.asarray((waved @ right.T * np.sqrt(2 / count, dtype=np.float32)).reshape(shape))


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """A periodic tile that lies in a subject.

    Attributes:
        tile: float32 `_TILE`.
        turn: float32 (3, 3), indices of the label map to indices of the tile.
        shift: float32 (3, 1), where index 0 of the map lies in the tile.
        strength: multiplies the tile.
    """

    tile: Floats
    turn: Floats
    shift: Floats
    strength: float

    @classmethod
    def grain(cls, rng: np.random.Generator, spacing_mm: Spacing, pixel_mm: float) -> Self:
        """Lay the fine grain of trabecular bone: some millimetres across, about unit variance.

        Args:
            rng: drawn from.
            spacing_mm: of the label map.
            pixel_mm: over which a pixel averages; coarse pixels see weaker grain.
        """
        length_mm, through_mm = rng.uniform(0.6, 1.8), rng.uniform(1.8, 3.2)
        lengths_mm = np.array([through_mm, length_mm, length_mm])
        seen = 1 / (1 + (pixel_mm / (3.5 * length_mm)) ** 2)
        return cls._laid(rng, _grain(), np.eye(3), lengths_mm / _GRAIN_VOXELS / spacing_mm, seen)

    @classmethod
    def streaks(cls, rng: np.random.Generator, spacing_mm: Spacing, pixel_mm: float) -> Self:
        """Lay short bright lines at a slant down and forward, between them nothing; mean 0.25.

        Arguments as for `grain`.
        """
        size = rng.uniform(0.8, 1.3)
        lengths_mm = size * np.array([rng.uniform(1.6, 2.6), rng.uniform(5, 9), 0.8])
        seen = 1 / (1 + (pixel_mm / 3.0) ** 2)
        slant = np.eye(3)
        slant[2, 1] = rng.uniform(0.05, 0.25)  # rows count to the feet, columns to the back
        return cls._laid(rng, _streaks(), slant, lengths_mm / _STREAK_VOXELS / spacing_mm, seen)

    @classmethod
    def _laid(
        cls, rng: np.random.Generator, tile: Floats, slant: FloatArray, steps: FloatArray,
        strength: float,
    ) -> Self:  # fmt: skip
        shift = _FAR + rng.uniform(0, _TILE)
        turn = slant / steps[:, None]
        return cls(tile, turn.astype(np.float32), shift.astype(np.float32)[:, None], strength)

    def read(self, place: Floats) -> Floats:
        """Give the pattern (n,) at fractional indices (3, n) of the label map."""
        index = (self.turn @ place + self.shift).astype(np.int32)
        flat = (index[0] & (_TILE[0] - 1)) * np.int32(_TILE[1])
        flat += index[1] & (_TILE[1] - 1)
        flat *= np.int32(_TILE[2])
        flat += index[2] & (_TILE[2] - 1)
        found = self.tile.reshape(-1).take(flat, mode="clip")
        found *= np.float32(self.strength)
        return np.asarray(found)


@functools.cache
def _grain() -> Floats:
    return _unit(np.random.default_rng([_SEED, 0]), _GRAIN_VOXELS)


@functools.cache
def _streaks() -> Floats:
    """Cut thin lines out of noise where a coarser noise, which bends them too, lets them be."""
    rng = np.random.default_rng([_SEED, 1])
    lines, patches, bend = (
        _unit(rng, one) for one in (_STREAK_VOXELS, _PATCH_VOXELS, _PATCH_VOXELS)
    )
    place = _FAR + np.arange(_TILE[2], dtype=np.float32) + 3 * bend
    column = place.astype(np.int32)
    near, far = (
        np.take_along_axis(lines, (column + more) & (_TILE[2] - 1), axis=2) for more in (0, 1)
    )
    bent = near + (place - column) * (far - near)
    cut = np.maximum(bent + 0.9 * patches - 0.6, 0) ** np.float32(1.3)
    return np.asarray(cut * np.float32(0.25 / cut.mean()))


def _unit(rng: np.random.Generator, voxels: tuple[float, float, float]) -> Floats:
    """Filter white noise by a Gaussian of these standard deviations; periodic, unit variance."""
    spectrum = fft.rfftn(rng.standard_normal(_TILE, dtype=np.float32))
    for axis, (count, deviation) in enumerate(zip(_TILE, voxels, strict=True)):
        frequency = fft.rfftfreq(count) if axis == len(_TILE) - 1 else fft.fftfreq(count)
        line = np.exp(-2 * (np.pi * deviation * frequency) ** 2).astype(np.float32)
        spectrum *= line.reshape([-1 if one == axis else 1 for one in range(3)])
    field = fft.irfftn(spectrum, s=_TILE)
    field -= field.mean()
    return np.asarray(field / field.std(), dtype=np.float32)
