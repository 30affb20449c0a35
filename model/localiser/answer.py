"""From a series to named points: coarse heatmaps, the chain of levels, fine centres; numpy alone.

The two networks come in as functions, so that TensorFlow, another runtime or a test can run them.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from model.affine import FloatArray
from model.labels import LABELS, split
from model.localiser import heatmap
from model.localiser.chain import STATES, Chain, ChainSpec, name_levels
from model.localiser.heatmap import Heatmaps
from model.localiser.inputs import crop, whole
from model.localiser.spec import CoarseSpec, FineSpec
from model.preprocess import Prepared, orient

Pixels = npt.NDArray[np.float32]
Coarse = Callable[[Pixels], tuple[Pixels, Pixels]]
"""Maps (1, slice, row, column) to heatmap logits and presence logits."""
Fine = Callable[[Pixels], tuple[Pixels, Pixels]]
"""Maps (crop, slice, row, column) to heatmap logits and presence logits."""
Step = Callable[[str], AbstractContextManager[object]]
"""Surrounds a named part of the work, for example with a clock."""

_PASSES: Final = 2  # the second crop is centred where the first found the foramen
_WINDOW: Final = (1, 4, 4)  # cells around the peak that the soft-argmax looks at
_SHIFTS: Final = 3  # of this window to what it sees (mean shift)
_NEAR_MM: Final = 5.0


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """One foramen.

    Attributes:
        point_mm: (3,) where the fine network sees its centre.
        coarse_mm: (3,) where the coarse one did.
        present: the fine network's probability that there is a foramen.
        mass: share of the fine heatmap within 5 mm (in-plane) of the point.
        level_mass: share of the coarse heatmap of this level around the place.
        moved_mm: how far the last pass moved the point, in-plane.
    """

    point_mm: FloatArray
    coarse_mm: FloatArray
    present: float
    mass: float
    level_mass: float
    moved_mm: float


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    """What both networks say about one series.

    Attributes:
        found: label to what was found there.
        chain: the levels.
        anchors: name to (point (3,) mm, share of its heatmap around it, presence probability).
        presence: label to the probability that the foramen lies in the image.
    """

    found: Mapping[str, Found]
    chain: Chain
    anchors: Mapping[str, tuple[FloatArray, float, float]]
    presence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Networks:
    """The two networks with what they see."""

    coarse: Coarse
    coarse_spec: CoarseSpec
    fine: Fine
    fine_spec: FineSpec
    chain: ChainSpec


def answer(
    pixels: Pixels, affine: FloatArray, networks: Networks, step: Step = nullcontext
) -> Answer:
    """Find the foramina of a series.

    Args:
        pixels: (slice, row, column), slices from the patient's right to the left.
        affine: 4x4, indices to mm.
        networks: what to ask.
        step: surrounds "prepare", "coarse", "levels" and "fine".
    """
    spec = networks.coarse_spec
    with step("prepare"):
        low = whole(pixels, affine, spec.pixel_mm, spec.multiple)
    with step("coarse"):
        logits, presence = networks.coarse(low.pixels[None])
    with step("levels"):
        maps = Heatmaps(logits[0], spec.points, low.affine, spec.stride)
        seen = 1.0 / (1.0 + np.exp(-presence[0].astype(np.float64)))
        by_name = dict(zip(spec.points, (float(value) for value in seen), strict=True))
        candidates = heatmap.candidates(maps)
        presence_of = heatmap.presence_by_state(spec.points, seen)
        chain = name_levels(candidates, presence_of, networks.chain)
        places = {
            f"{level}-{side}": one.point_mm
            for (level, side), one in chain.chosen.items()
            if f"{level}-{side}" in LABELS
        }
    with step("fine"):
        in_order = {name: places[name] for name in LABELS if name in places}
        found = _refine(orient(Prepared(pixels, affine)), in_order, networks)
    return Answer(
        {name: _found(one, places[name], chain, name) for name, one in found.items()},
        chain,
        {
            name: (*heatmap.place_of(maps, name), by_name[name])
            for name in spec.points
            if not name.endswith(("left", "right"))
        },
        {name: by_name[name] for name in LABELS},
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    point_mm: FloatArray
    present: float
    mass: float
    moved_mm: float


def _found(one: _Seen, place: FloatArray, chain: Chain, name: str) -> Found:
    level, side = split(name)
    candidate = chain.chosen[level, side]
    state = STATES.index(level)
    return Found(
        one.point_mm, place, one.present, one.mass, float(candidate.mass[state]), one.moved_mm
    )


def _refine(
    prepared: Prepared, places: Mapping[str, FloatArray], networks: Networks
) -> dict[str, _Seen]:
    """Ask the fine network, then once more around what it said."""
    here = dict(places)
    seen: dict[str, _Seen] = {}
    for _ in range(_PASSES if places else 0):
        crops = [crop(prepared, here[name], split(name)[1], networks.fine_spec) for name in here]
        logits, presence = networks.fine(np.stack([one.pixels for one in crops]))
        for name, cut, own, present in zip(here, crops, logits, presence, strict=True):
            point, mass = centre(own, cut.affine)
            moved = float(np.linalg.norm((point - here[name])[1:]))
            seen[name] = _Seen(point, 1.0 / (1.0 + float(np.exp(-present))), mass, moved)
        here = {name: one.point_mm for name, one in seen.items()}
    return seen


def centre(logits: Pixels, affine: FloatArray) -> tuple[FloatArray, float]:
    """Give a heatmap's centre around its peak in mm, and the share of it within 5 mm in-plane."""
    share = np.exp(logits.astype(np.float64) - logits.max())
    share /= share.sum()
    index = np.array(np.unravel_index(int(share.argmax()), share.shape), float)
    for _ in range(_SHIFTS):
        cut = tuple(
            slice(max(round(at) - reach, 0), round(at) + reach + 1)
            for at, reach in zip(index, _WINDOW, strict=True)
        )
        index = np.array(ndimage.center_of_mass(share[cut])) + [one.start for one in cut]
    spacing = np.linalg.norm(affine[:3, 1:3], axis=0)
    rows, columns = (np.arange(n, dtype=float) for n in share.shape[1:])
    far = np.hypot((rows - index[1])[:, None] * spacing[0], (columns - index[2]) * spacing[1])
    mass = float(share[:, far <= _NEAR_MM].sum())
    return affine[:3, :3] @ index + affine[:3, 3], mass
