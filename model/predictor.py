"""The predictor: a bundle's network, loaded once, answering volume after volume."""

import dataclasses
import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import numpy as np

from model import preprocess
from model.bundle import ModelBundle
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.localise import Pixels, localise, probability_volume
from model.preprocess import Prepared
from model.volume import Volume

Device = Literal["auto", "gpu", "cpu"]
Report = Callable[[str, float], None]

_SAGITTAL: Final = 0.7  # least |x| of the slices' unit normal: within 45 degrees
_LEAST_SIDE_PX: Final = 32  # rows or columns after resampling
_LEAST_TILE_MM: Final = 180.0  # half of a common field of view: four tiles per slice
_GREATEST_SIDE_TILES: Final = 8  # 64 tiles per slice


class DeviceError(ValueError):
    """The asked device is not there."""


class Predictor:
    """Finds the ten foramina of a volume with a bundle's network."""

    def __init__(self, bundle: ModelBundle, device: Device = "auto") -> None:
        """Load TensorFlow, build the network, read its weights.

        Args:
            bundle: what to load.
            device: `auto` takes a GPU where TensorFlow sees one, else the CPU.

        Raises:
            DeviceError: `gpu` is asked for and there is none.
            ValueError: the weights do not belong to the network, or its tiles do not fit it.
        """
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        from model import networks

        self.bundle = bundle
        self.device = _choose(tf, device)
        size, slices = tile_size(bundle), bundle.network.slices_in
        with self._placed():
            self._network = networks.build(dataclasses.replace(bundle.network, patch_size=size))
            self._network.load_weights(str(bundle.weights))
            self._graph = tf.function(
                lambda inputs: self._network(inputs, training=False),
                input_signature=[tf.TensorSpec((None, slices, size, size, 1), tf.float32)],
            )
        # traced now, so that the first series does not wait for it
        self._infer(np.zeros((1, slices, size, size, 1), np.float32))

    def predict(self, volume: Volume, progress: Report | None = None) -> Prediction:
        """Find the ten landmarks; a volume that shows none gets ten missed ones with reasons.

        Args:
            volume: the series.
            progress: called with the name of the step and the share of it that is done.
        """
        clock = _Clock(progress)
        reason = self._unusable(volume)
        if reason is not None:
            return self._answer(_all_missed(reason), clock)
        with clock.step("preprocess"):
            prepared = preprocess.prepare(volume, self.bundle.preprocess)
        reason = self._unusable_prepared(prepared)
        if reason is not None:
            return self._answer(_all_missed(reason), clock)
        with clock.step("network") as step:
            probability = probability_volume(
                prepared.pixels,
                tile_size(self.bundle),
                self._infer,
                self.bundle.localise.batch_size,
                step.report,
            )
        with clock.step("localise"):
            landmarks = localise(probability, prepared, self.bundle.localise)
        return self._answer(landmarks, clock)

    def _infer(self, inputs: Pixels) -> Pixels:
        with self._placed():
            answer: Pixels = self._graph(inputs).numpy()
        return answer

    def _placed(self) -> AbstractContextManager[Any]:
        import tensorflow as tf

        context: AbstractContextManager[Any] = tf.device(self.device)
        return context

    def _answer(self, landmarks: tuple[Landmark, ...], clock: "_Clock") -> Prediction:
        bundle = self.bundle
        return Prediction(
            landmarks, bundle.name, bundle.version, bundle.digest, seconds=clock.seconds
        )

    def _unusable(self, volume: Volume) -> str | None:
        """Tell why a volume cannot be looked at, before any work is done on it."""
        if volume.pixels.ndim != 3 or min(volume.pixels.shape) < 1:
            return f"the image has shape {volume.pixels.shape}; expected slices, rows and columns"
        spacing = np.array(volume.spacing_mm)
        if not np.isfinite(volume.affine).all() or spacing.min() <= 0:
            return "the image has no usable geometry"
        normal = np.cross(volume.affine[:3, 1], volume.affine[:3, 2])
        if abs(normal[0]) < _SAGITTAL * np.linalg.norm(normal):
            return "the slices are not sagittal"
        target_mm = self.bundle.preprocess.norm_spacing_mm
        pixels = np.array(volume.pixels.shape[1:]) * (spacing[1:] / target_mm if target_mm else 1)
        side_mm = np.array(volume.pixels.shape[1:]) * spacing[1:]
        if pixels.max() > _GREATEST_SIDE_TILES * tile_size(self.bundle):
            return f"the field of view of {side_mm.max():.0f} mm is too large"
        if pixels.min() < _LEAST_SIDE_PX:
            return f"the field of view of {side_mm.min():.0f} mm is too small"
        return None

    @staticmethod
    def _unusable_prepared(prepared: Prepared) -> str | None:
        if not np.isfinite(prepared.pixels).all():
            return "the image has values that are not numbers"
        if np.ptp(prepared.pixels) == 0:
            return "the image is blank: every pixel has the same value"
        return None


def tile_size(bundle: ModelBundle) -> int:
    """Give the rows and columns that the bundle's network sees at once.

    Where the bundle does not say it, it is the patch of the training, but at least 180 mm: at the
    seams of small tiles the network sees nothing beyond them. Weights fit any size.
    """
    network, spacing_mm = bundle.network, bundle.preprocess.norm_spacing_mm
    if bundle.localise.tile_size is not None:
        return bundle.localise.tile_size
    if spacing_mm is None:
        return network.patch_size
    return max(network.patch_size, network.fitting(math.ceil(_LEAST_TILE_MM / spacing_mm)))


def _all_missed(reason: str) -> tuple[Landmark, ...]:
    return tuple(Landmark(name, reason=reason) for name in LABELS)


def _choose(tf: Any, device: Device) -> str:
    """Name the TensorFlow device; GPUs give memory as it is needed."""
    if device == "cpu":
        return "/CPU:0"
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # TensorFlow already runs in this process: too late, and harmless
            break
    if device == "gpu" and not gpus:
        raise DeviceError("device is 'gpu', but TensorFlow sees no GPU; set it to 'auto' or 'cpu'")
    return "/GPU:0" if gpus else "/CPU:0"


class _Clock:
    """Measures the steps of one prediction and reports their progress."""

    def __init__(self, report: Report | None) -> None:
        self.seconds: dict[str, float] = {}
        self._report = report

    def step(self, name: str) -> "_Step":
        return _Step(self, name)

    def tell(self, name: str, share: float) -> None:
        if self._report is not None:
            self._report(name, share)


class _Step:
    """One step, as a context: tells its beginning and its end."""

    def __init__(self, clock: _Clock, name: str) -> None:
        self._clock, self._name = clock, name
        self._began = 0.0

    def report(self, share: float) -> None:
        self._clock.tell(self._name, share)

    def __enter__(self) -> "_Step":
        self._began = time.perf_counter()
        self._clock.tell(self._name, 0.0)
        return self

    def __exit__(self, *exception: object) -> None:
        self._clock.seconds[self._name] = round(time.perf_counter() - self._began, 4)
        self._clock.tell(self._name, 1.0)
