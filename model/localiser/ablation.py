"""What each step of the decoding is worth: the same networks decoded in several ways."""

import dataclasses
from collections.abc import Mapping
from typing import Final

import numpy as np

from model.affine import FloatArray
from model.labels import LABELS, split
from model.landmark import Landmark, Point, Prediction
from model.localiser import heatmap
from model.localiser.answer import Coarse, Networks, Pixels, answer, centre
from model.localiser.heatmap import Heatmaps
from model.localiser.held_out import HeldOut
from model.localiser.inputs import crop, whole
from model.localiser.pair import without_decoys
from model.metrics import Distance, distances
from model.preprocess import Prepared, orient

FULL: Final = "full"
DECODINGS: Final[Mapping[str, str]] = {
    FULL: "dynamic programming, decoys, coarse and fine network",
    "argmax": "each heatmap's peak instead of dynamic programming",
    "no decoys heard": "T12/L1 and S1/S2 are answered, but not listened to",
    "coarse only": "no fine network",
    "argmax, coarse only": "each heatmap's peak, and no fine network",
}

_PASSES: Final = 2
_PRESENT: Final = 0.5


def decoded(scan: HeldOut, networks: Networks) -> dict[str, list[Distance]]:
    """Decode one scan in every way of `DECODINGS`; nothing is abstained from.

    Returns:
        name of the decoding to the distances of the foramina that the truth knows.
    """
    once = dataclasses.replace(networks, coarse=_Once(networks.coarse))
    said = answer(scan.pixels, scan.affine, once)
    unheard = answer(scan.pixels, scan.affine, without_decoys(once))
    peaks = _peaks(scan, once)
    places = {
        FULL: {name: one.point_mm for name, one in said.found.items()},
        "argmax": _refined(scan, peaks, once),
        "no decoys heard": {name: one.point_mm for name, one in unheard.found.items()},
        "coarse only": {name: one.coarse_mm for name, one in said.found.items()},
        "argmax, coarse only": peaks,
    }
    return {name: measured(scan, points) for name, points in places.items()}


def measured(scan: HeldOut, points: Mapping[str, FloatArray]) -> list[Distance]:
    """Measure points (3,) mm by label; a foramen without one is missed."""
    landmarks = tuple(
        Landmark(name, _point(points[name]), 1.0)
        if name in points
        else Landmark(name, reason="not found")
        for name in LABELS
    )
    return distances(scan.name, Prediction(landmarks, "", "", ""), scan.points)


class _Once:
    """A network that is asked the same several times works once."""

    def __init__(self, ask: Coarse) -> None:
        self._ask = ask
        self._last: tuple[Pixels, tuple[Pixels, Pixels]] | None = None

    def __call__(self, inputs: Pixels) -> tuple[Pixels, Pixels]:
        if self._last is None or not np.array_equal(self._last[0], inputs):
            self._last = inputs, self._ask(inputs)
        return self._last[1]


def _peaks(scan: HeldOut, networks: Networks) -> dict[str, FloatArray]:
    """Take each heatmap's peak where its presence is likely: levels may repeat or swap."""
    spec = networks.coarse_spec
    low = whole(scan.pixels, scan.affine, spec.pixel_mm, spec.multiple)
    logits, presence = networks.coarse(low.pixels[None])
    maps = Heatmaps(logits[0], spec.points, low.affine, spec.stride)
    seen = dict(zip(spec.points, 1.0 / (1.0 + np.exp(-presence[0])), strict=True))
    return {name: heatmap.place_of(maps, name)[0] for name in LABELS if seen[name] >= _PRESENT}


def _refined(
    scan: HeldOut, places: Mapping[str, FloatArray], networks: Networks
) -> dict[str, FloatArray]:
    """Ask the fine network around each place, twice, as the full decoding does."""
    prepared = orient(Prepared(scan.pixels, scan.affine))
    here = dict(places)
    for _ in range(_PASSES if places else 0):
        crops = [crop(prepared, here[name], split(name)[1], networks.fine_spec) for name in here]
        logits, _ = networks.fine(np.stack([one.pixels for one in crops]))
        here = {
            name: centre(own, cut.affine)[0]
            for name, cut, own in zip(here, crops, logits, strict=True)
        }
    return here


def _point(place: FloatArray) -> Point:
    x, y, z = (float(value) for value in place)
    return x, y, z
