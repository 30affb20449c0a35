"""From a probability volume to ten landmarks, as in thesis sections 7.4.4 and 7.5.3."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from model.labels import LEVELS, SIDES, Level, Side, label, segment
from model.landmark import Landmark, Point
from model.order import impossible
from model.preprocess import Prepared

Pixels = npt.NDArray[np.float32]
Infer = Callable[[Pixels], Pixels]
"""Maps (n, 3, size, size, 1) inputs to (n, 1, size, size, channels) probabilities."""

_KMEANS_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class LocaliseSpec:
    """The settings of localisation; the defaults are the thesis's.

    Attributes:
        threshold: voxels at or above it are foramen (probabilities are rounded at 0.5).
        few_candidates: with so many candidates or fewer, the volume's middle slice divides left
            from right.
        least_spread_slices: with a smaller spread of the candidates' x, it does too.
        batch_size: inputs per call of the network.
        tile_size: rows and columns of an input, of the form that the network takes; None takes
            the patch it was trained on, or more where that is small (`model.predictor.tile_size`).
    """

    threshold: float = 0.5
    few_candidates: int = 5
    least_spread_slices: float = 4.0
    batch_size: int = 8
    tile_size: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connected component of one channel.

    Attributes:
        channel: index of its channel: of its level, or 0 where one channel holds all levels.
        centre: (slice, row, column) of its centre of mass.
        voxels: its size.
        confidence: mean probability over its voxels.
    """

    channel: int
    centre: tuple[float, float, float]
    voxels: int
    confidence: float


def probability_volume(
    pixels: Pixels,
    size: int,
    infer: Infer,
    batch_size: int,
    progress: Callable[[float], None] | None = None,
) -> Pixels:
    """Run the network over a volume: (slice, row, column) to (slice, row, column, channel).

    One empty slice is put at each end; each slice with its neighbours is one input. A side longer
    than `size` is covered by overlapping tiles (four per slice up to twice the size), which are
    merged by their mean; a shorter one is padded with zeros around it, outside the network.
    """
    slices, rows, columns = pixels.shape
    padding = [(1, 1), *(_around(length, size) for length in (rows, columns))]
    padded = np.pad(pixels, padding)
    tiles = list(product(_starts(padded.shape[1], size), _starts(padded.shape[2], size)))
    windows = list(product(range(slices), tiles))
    total: Pixels | None = None
    count = np.zeros(padded.shape[1:], np.float32)
    for row, column in tiles:
        count[row : row + size, column : column + size] += 1
    for first in range(0, len(windows), batch_size):
        batch = windows[first : first + batch_size]
        inputs = [padded[s : s + 3, r : r + size, c : c + size] for s, (r, c) in batch]
        answers = infer(np.stack(inputs)[..., None])
        if total is None:
            total = np.zeros((slices, *padded.shape[1:], answers.shape[-1]), np.float32)
        for (s, (r, c)), answer in zip(batch, answers, strict=True):
            total[s, r : r + size, c : c + size] += answer[0]
        if progress is not None:
            progress(min(first + batch_size, len(windows)) / len(windows))
    if total is None:
        raise ValueError("the volume has no slice")
    top, left = padding[1][0], padding[2][0]
    return (total / count[..., None])[:, top : top + rows, left : left + columns]


def _around(length: int, size: int) -> tuple[int, int]:
    missing = max(size - length, 0)
    return missing // 2, missing - missing // 2


def _starts(length: int, size: int) -> list[int]:
    """Spread the fewest tiles evenly over a side: one if it fits, two up to twice the size."""
    tiles = -(-length // size)
    return [round(start) for start in np.linspace(0, length - size, tiles)]


def candidates(probability: Pixels, threshold: float) -> list[Candidate]:
    """Find the connected components (faces touching) of each channel at or above the threshold."""
    from scipy import ndimage

    found = []
    for channel in range(probability.shape[-1]):
        plane = np.nan_to_num(probability[..., channel])
        components, count = ndimage.label(plane >= threshold)
        numbers = range(1, count + 1)
        centres = ndimage.center_of_mass(components > 0, components, numbers)
        sizes = ndimage.sum_labels(np.ones_like(plane), components, numbers)
        means = ndimage.mean(plane, components, numbers)
        for centre, voxels, mean in zip(centres, sizes, means, strict=True):
            place = (float(centre[0]), float(centre[1]), float(centre[2]))
            found.append(Candidate(channel, place, int(voxels), min(float(mean), 1.0)))
    return found


def dividing_slice(found: list[Candidate], slices: int, spec: LocaliseSpec) -> float:
    """Give the slice between left and right: k-means (k = 2) on the candidates' x.

    With few candidates, or when all lie on one side, it is the volume's middle slice.
    """
    middle = (slices - 1) / 2
    along_x = np.array([[one.centre[0]] for one in found])
    if len(found) <= spec.few_candidates or np.ptp(along_x) < spec.least_spread_slices:
        return middle
    from sklearn.cluster import KMeans

    clusters = KMeans(n_clusters=2, n_init=10, random_state=_KMEANS_SEED).fit(along_x)
    return float(clusters.cluster_centers_.mean())


def localise(probability: Pixels, prepared: Prepared, spec: LocaliseSpec) -> tuple[Landmark, ...]:
    """Find the ten landmarks in five channels (MultiNet) or in one (SingleNet).

    The confidence of a landmark is the mean probability over its component's voxels, so it lies
    between the threshold and 1; it is the network's own word, not a calibrated probability.
    Points in impossible order (`model.order`) become missed, with the reason.

    Args:
        probability: (slice, row, column, channel), channels in the order of `LEVELS`, or one.
        prepared: the volume it was computed from; its slices run from right to left.
        spec: settings.
    """
    found = candidates(probability, spec.threshold)
    divide = dividing_slice(found, probability.shape[0], spec)
    choose = by_order if probability.shape[-1] == 1 else by_channel
    chosen: dict[str, Candidate] = {}
    for side in SIDES:
        there = [one for one in found if _side(one, divide, prepared) == side]
        levels = choose(there, prepared)
        chosen |= {label(level, side): one for level, one in levels.items()}
    points = {name: _point(prepared, one) for name, one in chosen.items()}
    broken = impossible(points)
    return tuple(
        _landmark(level, side, chosen, points, broken) for level in LEVELS for side in SIDES
    )


def by_channel(found: list[Candidate], prepared: Prepared) -> dict[Level, Candidate]:
    """Take the largest candidate of each channel of one side (thesis section 7.5.3)."""
    chosen: dict[Level, Candidate] = {}
    for one in sorted(found, key=_rank, reverse=True):
        chosen.setdefault(LEVELS[one.channel], one)
    return chosen


def by_order(found: list[Candidate], prepared: Prepared) -> dict[Level, Candidate]:
    """Take the five largest candidates of one side, named by their height (section 7.4.4).

    With fewer than five the lowest is L5 and the upper levels are missed: in the thesis's Table
    B.1 every variant misses L1 most and L5 least.
    """
    largest = sorted(found, key=_rank, reverse=True)[: len(LEVELS)]
    upward = sorted(largest, key=lambda one: _point(prepared, one)[2])
    return dict(zip(reversed(LEVELS), upward, strict=False))


def _side(one: Candidate, divide: float, prepared: Prepared) -> Side:
    """Name the side by the patient's x: left is where x is larger."""
    rising = prepared.affine[0, 0] >= 0
    return "left" if (one.centre[0] > divide) == rising else "right"


def _rank(one: Candidate) -> tuple[int, float]:
    return one.voxels, one.confidence


def _point(prepared: Prepared, one: Candidate) -> Point:
    x, y, z = (float(value) for value in prepared.to_patient(one.centre)[0])
    return x, y, z


def _landmark(
    level: Level,
    side: Side,
    chosen: dict[str, Candidate],
    points: dict[str, Point],
    broken: dict[str, str],
) -> Landmark:
    name = label(level, side)
    if name not in chosen:
        reason = f"no image region on the {side} looks like a foramen of {segment(level)}"
        return Landmark(name, reason=reason)
    if name in broken:
        return Landmark(name, reason=broken[name])
    return Landmark(name, point_mm=points[name], confidence=chosen[name].confidence)
