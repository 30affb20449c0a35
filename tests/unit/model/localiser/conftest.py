"""A scan with a bright bead in each foramen, and networks that need no training to see them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from model.affine import FloatArray, to_index
from model.labels import LABELS
from model.landmark import Point
from model.localiser.answer import Networks
from model.localiser.chain import ChainSpec
from model.localiser.inputs import whole
from model.localiser.spec import ANCHORS, DECOYS, CoarseSpec, FineSpec

Error = Callable[[str], FloatArray]


@dataclass(frozen=True)
class Spine:
    """A scan with every point."""

    pixels: np.ndarray
    affine: FloatArray
    points: Mapping[str, Point]
    decoys: Mapping[str, Point]
    anchors: Mapping[str, Point]

    @property
    def everything(self) -> dict[str, Point]:
        return {**self.points, **self.decoys, **self.anchors}


def spine(seed: int = 0) -> Spine:
    """Give a bent row of foramina in an oblique stack."""
    rng = np.random.default_rng(seed)
    heights = 34.0 * np.array([3, 2, 1, 0, -1, -1.95, -2.8])
    named: dict[str, Point] = {}
    for state, z in zip(("T12", "L1", "L2", "L3", "L4", "L5", "S1"), heights, strict=True):
        for side, x in (("left", 17.0), ("right", -17.0)):
            named[f"{state}-{side}"] = (x + rng.normal(0, 1.5), 30 - z * z / 900, z)
        named[f"{state}-body"] = (0.0, 5.0 - z * z / 900, z + 16)
    named["S1-endplate"] = (0.0, -3.0, heights[-2] - 10)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[4.4, 0.02, -0.05], [0.1, 0.02, 0.9], [0.2, -0.9, 0.02]])
    affine[:3, 3] = np.array([0, 15, 5]) - affine[:3, :3] @ np.array([7, 155, 130])
    pixels = rng.normal(0, 0.01, (15, 310, 270)).astype(np.float32)
    grid = np.stack(np.meshgrid(*map(np.arange, pixels.shape), indexing="ij"), -1)
    for name in (*LABELS, *DECOYS):
        apart = (grid - to_index(affine, named[name])[0]) * np.array([4.4, 0.9, 0.9])
        pixels += np.exp(-0.5 * (apart**2).sum(-1) / 3.0**2).astype(np.float32)
    return Spine(
        pixels,
        affine,
        {name: named[name] for name in LABELS},
        {name: named[name] for name in DECOYS},
        {name: named[name] for name in ANCHORS},
    )


def knowing(scan: Spine, error: Error = lambda _: np.zeros(3)) -> Networks:
    """Give a coarse network that knows the scan's points, with errors (mm), and a fine one.

    The fine network takes brightness for evidence.
    """
    spec = CoarseSpec()
    low = whole(scan.pixels, scan.affine, spec.pixel_mm, spec.multiple)

    def coarse(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shape = (inputs.shape[1], *(size // spec.stride for size in inputs.shape[2:]))
        grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).astype(float)
        grid[..., 1:] = grid[..., 1:] * spec.stride + (spec.stride - 1) / 2
        maps = []
        for name in spec.points:
            index = low.to_index(np.add(scan.everything[name], error(name)))[0]
            apart = (grid - index) * np.array([1 / 0.7, spec.pixel_mm / 6, spec.pixel_mm / 6])
            maps.append(-0.5 * (apart**2).sum(-1))
        maps.append(np.max([maps[spec.points.index(name)] for name in (*LABELS, *DECOYS)], 0) + 3)
        present = np.full((1, len(spec.points)), 6.0, np.float32)
        return np.stack(maps, -1)[None].astype(np.float32), present

    def fine(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return 4 * inputs, np.full(len(inputs), 5.0, np.float32)

    return Networks(coarse, spec, fine, FineSpec(), ChainSpec())


@pytest.fixture(scope="module")
def scan() -> Spine:
    return spine()
