"""What goes wrong between the subject and the image."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from model.affine import FloatArray, spacing_mm, to_index

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

_FAT_PPM: Final = 3.4  # fat below water, textbook value
_HYDROGEN_HZ: Final = 42.58e6  # per tesla


@dataclass(frozen=True, slots=True)
class Flaws:
    """Strength of what happens in k-space; the phase is encoded along `phase_axis`.

    Attributes:
        phase_axis: 1 (rows: head to feet) or 2 (columns: front to back).
        softness: standard deviation of the point spread, pixels, beyond that of truncation.
        kept: share of the k-space along rows and columns that is acquired; the rest is zero.
        ghost: relative strength of ghosts, 0 for none.
        ghosts: how many of them fit into the field of view.
        shift: greatest displacement in pixels by motion between parts of k-space.
    """

    phase_axis: int
    softness: float = 0.0
    kept: tuple[float, float] = (1.0, 1.0)
    ghost: float = 0.0
    ghosts: int = 2
    shift: float = 0.0

    @classmethod
    def sample(cls, rng: np.random.Generator, *, phase_head_feet: bool) -> "Flaws":
        """Draw: ghosts in a fifth of the scans, motion in a tenth, truncation in most."""
        axis = 1 if phase_head_feet else 2
        kept = [1.0, 1.0]
        kept[axis - 1] = rng.uniform(0.7, 1.0)
        return cls(
            phase_axis=axis,
            softness=float(rng.uniform(0.25, 0.75)),
            kept=(kept[0], kept[1]) if rng.random() < 0.7 else (1.0, 1.0),
            ghost=float(rng.uniform(0.005, 0.04)) if rng.random() < 0.2 else 0.0,
            ghosts=int(rng.integers(2, 7)),
            shift=float(rng.uniform(0.3, 1.2)) if rng.random() < 0.1 else 0.0,
        )


def fat_shift(field_t: float, bandwidth_hz: float) -> float:
    """Give by how many acquired pixels fat is displaced along the read direction."""
    return _FAT_PPM * 1e-6 * _HYDROGEN_HZ * field_t / bandwidth_hz


def shifted(image: Floats, pixels: float, axis: int) -> Floats:
    """Displace (slices, rows, columns) along an axis by linear interpolation."""
    whole = int(np.floor(pixels))
    part = np.float32(pixels - whole)
    near, far = (_rolled(image, whole + more, axis) for more in (0, 1))
    return np.asarray(near * (1 - part) + far * part, dtype=np.float32)


def blurred(image: Floats, pixels: tuple[float, float], share: Floats) -> Floats:
    """Mix an image with itself blurred, by a share (columns,) of the blurred one.

    Args:
        image: (slices, rows, columns).
        pixels: standard deviation of the blur along rows and columns.
        share: 0..1 for every column.
    """
    reached = np.flatnonzero(share > 0.01)
    if not len(reached):
        return image
    last = int(reached[-1]) + 1
    soft = ndimage.gaussian_filter(image[..., :last], (0, *pixels), truncate=2.5)
    image[..., :last] += share[:last] * (soft - image[..., :last])
    return image


def through_k_space(
    rng: np.random.Generator,
    image: Floats,
    flaws: Flaws,
    *,
    noise: float,
    pixels: tuple[int, int],
) -> Floats:
    """Acquire and reconstruct: truncation (Gibbs), ghosts, motion, noise, interpolation by zeros.

    Args:
        rng: drawn from.
        image: float32 (slices, rows, columns), >= 0.
        flaws: what happens.
        noise: standard deviation in each of the two channels of an acquired pixel.
        pixels: rows and columns of the result, at least as many as the image has; index 0 keeps
            its place, the field of view stays.

    Returns:
        the magnitude, with Rician noise, float32 (slices, *pixels).
    """
    result = np.empty((len(image), *pixels), dtype=np.float32)
    scale = np.float32(np.prod(pixels) / np.prod(image.shape[1:]))
    deviation = np.float32(noise * np.sqrt(image[0].size))
    for number, plane in enumerate(image):
        spectrum = fft.fftshift(fft.fft2(plane))
        spectrum = _flawed(rng, spectrum, flaws)
        spectrum += deviation * _complex_noise(rng, plane.shape)
        spectrum *= _window(plane.shape, flaws)
        padded = _padded(spectrum, pixels)
        result[number] = np.abs(fft.ifft2(fft.ifftshift(padded))) * scale
    return result


def rician(rng: np.random.Generator, image: Floats, deviation: float) -> Floats:
    """Add complex noise of this standard deviation per channel and take the magnitude."""
    real = rng.standard_normal(image.shape, dtype=np.float32)
    real *= np.float32(deviation)
    real += image
    other = rng.standard_normal(image.shape, dtype=np.float32)
    other *= np.float32(deviation)
    return np.asarray(np.hypot(real, other))


def metal(
    rng: np.random.Generator, image: Floats, affine: FloatArray, points_mm: FloatArray
) -> None:
    """Burn voids with bright rims into an image, as screws near these points leave them."""
    reach = np.array([9.0, 14.0, 14.0])
    distances_mm = np.array(spacing_mm(affine))
    for point in points_mm:
        place = to_index(affine, point + rng.normal(0.0, 6.0, 3))[0]
        radius = reach * rng.uniform(0.6, 1.5) / distances_mm
        low = np.maximum(np.floor(place - 2 * radius), 0).astype(int)
        high = np.minimum(np.ceil(place + 2 * radius) + 1, image.shape).astype(int)
        if np.any(high <= low):
            continue
        window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        index = np.ogrid[window]
        parts = [(i - p) / r for i, p, r in zip(index, place, radius, strict=True)]
        around = np.arctan2(parts[1], parts[2])
        lobes = 1 + 0.3 * np.sin(2 * around + rng.uniform(0, 6)) * rng.random()
        lobes = lobes + 0.25 * np.sin(3 * around + rng.uniform(0, 6)) * rng.random()
        away = (parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2) * lobes
        rim = 1 + rng.uniform(0.3, 1.5) * np.exp(-(((np.sqrt(away) - 1.05) / 0.12) ** 2))
        image[window] *= ((1 - np.exp(-(away**3))) * rim).astype(np.float32)


def _rolled(image: Floats, pixels: int, axis: int) -> Floats:
    """Displace by whole pixels; the border goes on."""
    index = np.clip(np.arange(image.shape[axis]) - pixels, 0, image.shape[axis] - 1)
    return np.asarray(image.take(index, axis))


def _flawed(rng: np.random.Generator, spectrum: Spectrum, flaws: Flaws) -> Spectrum:
    """Modulate the lines of k-space as pulsation and motion do; `spectrum` is centred."""
    axis = flaws.phase_axis - 1
    count = spectrum.shape[axis]
    line = np.arange(count) - count // 2
    change = np.ones(count, dtype=np.complex64)
    if flaws.ghost > 0:
        beat = np.cos(2 * np.pi * line * flaws.ghosts / (2 * flaws.ghosts + 1) + rng.uniform(0, 6))
        change *= 1 + flaws.ghost * beat
    if flaws.shift > 0:
        parts = np.interp(line, np.linspace(line[0], line[-1], 8), rng.uniform(-1, 1, 8))
        parts[np.abs(line) < count // 12] = 0.0  # the centre of k-space tells where things are
        change *= np.exp(-2j * np.pi * line / count * flaws.shift * parts)
    shape = (-1, 1) if axis == 0 else (1, -1)
    return np.asarray(spectrum * change.astype(np.complex64).reshape(shape))


def _complex_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Spectrum:
    values = rng.standard_normal((*shape, 2), dtype=np.float32)
    return np.asarray(values.view(np.complex64)[..., 0])


def _window(shape: tuple[int, ...], flaws: Flaws) -> Floats:
    """Keep the middle of k-space, its last tenth fading as scanners' filters do; soften."""
    lines = []
    for count, share in zip(shape, flaws.kept, strict=True):
        frequency = (np.arange(count) - count // 2) / count
        soft = np.exp(-2 * (np.pi * flaws.softness * frequency) ** 2)
        away = 2 * np.abs(frequency) / share
        fading = 0.5 + 0.5 * np.cos(np.pi * np.clip((away - 0.9) / 0.1, 0, 1))
        lines.append(soft * np.where(share < 1, np.maximum(fading, 0.35) * (away <= 1), 1.0))
    return np.asarray(np.outer(*lines), dtype=np.float32)


def _padded(spectrum: Spectrum, pixels: tuple[int, int]) -> Spectrum:
    if spectrum.shape == pixels:
        return spectrum
    result = np.zeros(pixels, dtype=np.complex64)
    start = [big // 2 - small // 2 for big, small in zip(pixels, spectrum.shape, strict=True)]
    window = tuple(slice(at, at + small) for at, small in zip(start, spectrum.shape, strict=True))
    result[window] = spectrum
    return result
