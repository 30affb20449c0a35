"""A localiser without a network, so that thousands of jobs can run in a test. It finds nothing.

It answers ten points at fixed places of the volume, whatever the volume shows: what is tested is
that answers are neither lost nor doubled.
"""

import time

from model.bundle import ModelBundle
from model.clock import Clock
from model.labels import LABELS
from model.landmark import Landmark
from model.predictor import Predictor, Said
from model.volume import Volume

_THINKS_S = 0.05


class StandIn(Predictor):
    """Stands in for the network of any bundle."""

    def __init__(self, bundle: ModelBundle) -> None:
        self.bundle = bundle
        self.runtime = "stand-in of the kill tests, no network"

    def think(self) -> None:
        """Be in the middle of it for a moment."""
        time.sleep(_THINKS_S)

    def _refusal(self, volume: Volume) -> str | None:
        return None

    def _find(self, volume: Volume, clock: Clock) -> Said:
        del clock
        self.think()
        slices, rows, columns = volume.pixels.shape
        marks = []
        for number, label in enumerate(LABELS):
            index = (slices - 1) * (0.75 if label.endswith("left") else 0.25)
            at = (index, rows * (0.2 + 0.06 * number), columns / 2, 1.0)
            x, y, z = (float(value) for value in (volume.affine @ at)[:3])
            marks.append(Landmark(label, (x, y, z), confidence=0.5))
        return tuple(marks), None
