"""The predictor of patch networks (thesis section 7.4); imports TensorFlow."""

import dataclasses
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import tensorflow as tf

from model import networks, preprocess
from model.bundle import ModelBundle
from model.clock import Clock
from model.device import Device, choose
from model.localise import Pixels, localise, probability_volume
from model.patch import PatchMethod
from model.predictor import Predictor, Said, refused
from model.preprocess import Prepared
from model.volume import Volume

_LEAST_SIDE_PX: Final = 32  # rows or columns after resampling
_GREATEST_SIDE_TILES: Final = 8  # 64 tiles per slice


class PatchPredictor(Predictor):
    """Finds the ten foramina of a volume with a patch network."""

    def __init__(self, bundle: ModelBundle, method: PatchMethod, device: Device = "auto") -> None:
        """Build the network, read its weights.

        Raises:
            DeviceError: `gpu` is asked for and there is none.
            ValueError: the weights do not belong to the network, or its tiles do not fit it.
        """
        self.bundle, self._method = bundle, method
        self._device = choose(tf, device)
        self.runtime = f"TensorFlow {tf.__version__} on {self._device}"
        size, slices = method.tile_size, method.network.slices_in
        with self._placed():
            self._network = networks.build(dataclasses.replace(method.network, patch_size=size))
            self._network.load_weights(str(bundle.folder / method.weights))
            self._graph = tf.function(
                lambda inputs: self._network(inputs, training=False),
                input_signature=[tf.TensorSpec((None, slices, size, size, 1), tf.float32)],
            )
        # traced now, so that the first series does not wait for it
        self._infer(np.zeros((1, slices, size, size, 1), np.float32))

    def _refusal(self, volume: Volume) -> str | None:
        target_mm = self._method.preprocess.norm_spacing_mm
        sides, spacing = np.array(volume.pixels.shape[1:]), np.array(volume.spacing_mm[1:])
        pixels = sides * (spacing / target_mm if target_mm else 1)
        if pixels.max() > _GREATEST_SIDE_TILES * self._method.tile_size:
            return f"the field of view of {(sides * spacing).max():.0f} mm is too large"
        if pixels.min() < _LEAST_SIDE_PX:
            return f"the field of view of {(sides * spacing).min():.0f} mm is too small"
        return None

    def _find(self, volume: Volume, clock: Clock) -> Said:
        method = self._method
        with clock.step("preprocess"):
            prepared = preprocess.prepare(volume, method.preprocess)
        reason = _unusable(prepared)
        if reason is not None:
            return refused(reason)
        with clock.step("network") as report:
            probability = probability_volume(
                prepared.pixels, method.tile_size, self._infer, method.localise.batch_size, report
            )
        with clock.step("localise"):
            return localise(probability, prepared, method.localise), None

    def _infer(self, inputs: Pixels) -> Pixels:
        with self._placed():
            answer: Pixels = self._graph(inputs).numpy()
        return answer

    def _placed(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = tf.device(self._device)
        return context


def _unusable(prepared: Prepared) -> str | None:
    if not np.isfinite(prepared.pixels).all():
        return "the image has values that are not numbers"
    if np.ptp(prepared.pixels) == 0:
        return "the image is blank: every pixel has the same value"
    return None
