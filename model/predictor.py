"""The predictor: a bundle's networks, loaded once, answering volume after volume."""

from abc import ABC, abstractmethod
from typing import Final

import numpy as np

from model import tensorflow_environment
from model.bundle import ModelBundle
from model.clock import Clock, Report
from model.device import Device, DeviceError
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.patch import PatchMethod
from model.volume import Volume

__all__ = ["Device", "DeviceError", "Predictor", "Report", "Said", "load"]

Said = tuple[tuple[Landmark, ...], str | None]
"""The ten landmarks, and why the whole scan was abstained from, or None."""

_SAGITTAL: Final = 0.7  # least |x| of the slices' unit normal: within 45 degrees


class Predictor(ABC):
    """Finds the ten foramina of a volume; each method has its own.

    Attributes:
        bundle: what is loaded.
        runtime: what runs its networks, in words.
    """

    bundle: ModelBundle
    runtime: str

    def predict(self, volume: Volume, progress: Report | None = None) -> Prediction:
        """Find the ten landmarks; a volume that cannot be looked at is abstained from.

        Args:
            volume: the series.
            progress: called with the name of the step and the share of it that is done.
        """
        clock = Clock(progress)
        reason = _unusable(volume) or self._refusal(volume)
        landmarks, abstained = self._find(volume, clock) if reason is None else refused(reason)
        bundle = self.bundle
        return Prediction(
            landmarks, bundle.name, bundle.version, bundle.digest, abstained, clock.seconds
        )

    @abstractmethod
    def _refusal(self, volume: Volume) -> str | None:
        """Tell why a volume is outside what the method can look at, before any work on it."""

    @abstractmethod
    def _find(self, volume: Volume, clock: Clock) -> Said:
        """Find the landmarks of a volume that can be looked at."""


def load(bundle: ModelBundle, device: Device = "auto") -> Predictor:
    """Load the networks of a bundle; the first call of each has been made when this returns.

    Args:
        bundle: what to load.
        device: `auto` takes OpenVINO where it is installed and the bundle has networks for it,
            else a GPU where TensorFlow sees one, else the CPU; `gpu` and `cpu` are TensorFlow's.

    Raises:
        DeviceError: `gpu` is asked for and there is none.
        ValueError: the weights do not belong to the networks.
    """
    tensorflow_environment.prepare()
    if isinstance(bundle.method, PatchMethod):
        from model.patch_predictor import PatchPredictor

        return PatchPredictor(bundle, bundle.method, device)
    from model.localiser.predictor import TwoStagePredictor

    return TwoStagePredictor(bundle, bundle.method, device)


def refused(reason: str) -> Said:
    """Give the answer for a volume that cannot be looked at."""
    return tuple(Landmark(name, reason=reason) for name in LABELS), reason


def _unusable(volume: Volume) -> str | None:
    """Tell why no method can look at a volume."""
    if volume.pixels.ndim != 3 or min(volume.pixels.shape) < 1:
        return f"the image has shape {volume.pixels.shape}; expected slices, rows and columns"
    if not np.isfinite(volume.affine).all() or min(volume.spacing_mm) <= 0:
        return "the image has no usable geometry"
    normal = np.cross(volume.affine[:3, 1], volume.affine[:3, 2])
    length = float(np.linalg.norm(normal))
    if length == 0 or abs(np.linalg.det(volume.affine)) == 0:
        return "the image has no usable geometry"
    if abs(normal[0]) < _SAGITTAL * length:
        return "the slices are not sagittal"
    return None
