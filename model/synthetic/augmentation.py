"""Change finished training volumes further than scanners do; never used for test data."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from model.labels import SIDES

Floats = npt.NDArray[np.float32]

_SWAPPED: Final = dict(zip(SIDES, reversed(SIDES), strict=True))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Probability of each change; 0 switches it off."""

    gamma: float = 0.3
    inversion: float = 0.1
    random_convolution: float = 0.15
    low_resolution: float = 0.2
    flip: float = 0.5

    @classmethod
    def none(cls) -> "Augmentation":
        """Switch everything off."""
        return cls(0.0, 0.0, 0.0, 0.0, 0.0)


def intensities(rng: np.random.Generator, pixels: Floats, augmentation: Augmentation) -> Floats:
    """Change brightness and sharpness of (slices, rows, columns); stays >= 0."""
    happens = rng.random(4) < [
        augmentation.random_convolution,
        augmentation.low_resolution,
        augmentation.gamma,
        augmentation.inversion,
    ]
    top = max(float(pixels.max()), 1e-6)
    image = pixels / np.float32(top)
    if happens[0]:
        image = _convolved(rng, image)
    if happens[1]:
        sigma = rng.uniform(0.4, 1.1, 2)
        image = ndimage.gaussian_filter(image, (0, *sigma), truncate=2.5)
    if happens[2]:
        image = np.power(image, np.float32(np.exp(rng.normal(0.0, 0.3))))
    if happens[3]:
        image = _inverted(image)
    return np.asarray(image * np.float32(top), dtype=np.float32)


def swapped(name: str) -> str:
    """Name the same foramen of the other side: `swapped("L4-left")` is `L4-right`."""
    level, _, side = name.rpartition("-")
    return f"{level}-{_SWAPPED[side]}" if side in _SWAPPED else name


def _convolved(rng: np.random.Generator, image: Floats) -> Floats:
    """Mix with a random convolution in the plane, which changes contrast and edges at once."""
    size = int(rng.choice([3, 5]))
    kernel = rng.normal(0.0, 1.0 / size, (1, size, size)).astype(np.float32)
    made = ndimage.convolve(image, kernel, mode="nearest")
    low, high = np.quantile(made[:, ::4, ::4], [0.01, 0.99])
    made = np.clip((made - low) / max(high - low, 1e-6), 0, 1)
    share = np.float32(rng.uniform(0.2, 0.7))
    return np.asarray(share * made + (1 - share) * image, dtype=np.float32)


def _inverted(image: Floats) -> Floats:
    """Turn bright to dark; fat below the coil, far brighter than all else, all becomes black."""
    thinned = image[:, ::4, ::4]
    body = thinned[thinned > 0.02]
    top = np.float32(np.quantile(body, 0.9) if body.size else 1.0)
    return np.asarray(np.maximum(top - image, 0))
