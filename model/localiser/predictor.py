"""The predictor of the two-stage method."""

import logging
from typing import Final

import numpy as np

from model.bundle import ModelBundle
from model.clock import Clock
from model.device import Device
from model.localiser import evidence, openvino_runtime, tta
from model.localiser.answer import Networks, answer
from model.localiser.method import TwoStageMethod
from model.localiser.verdict import verdict
from model.predictor import Predictor, Said, refused
from model.volume import Volume

_GREATEST: Final = 1e9  # of a pixel; float32 sums of squares would not hold much more

logger = logging.getLogger(__name__)


class TwoStagePredictor(Predictor):
    """Finds the ten foramina of a volume, or abstains from it."""

    def __init__(
        self, bundle: ModelBundle, method: TwoStageMethod, device: Device = "auto"
    ) -> None:
        """Load both networks.

        Raises:
            DeviceError: `gpu` is asked for and there is none.
            ValueError: the weights do not belong to the networks, or the bundle's certainty rests
                on other evidence than this version has.
        """
        for what, model, names in (
            ("levels", method.certainty.levels, evidence.SCAN),
            ("point", method.certainty.point, evidence.FORAMEN),
        ):
            if model.names != names:
                raise ValueError(
                    f"the bundle {bundle.name}: its certainty of {what} is fitted on "
                    f"{', '.join(model.names)}; this version measures {', '.join(names)}: "
                    "calibrate it again"
                )
        self.bundle, self._method = bundle, method
        networks, self.runtime = _networks(bundle, method, device)
        self._networks = tta.averaged(networks, method.tta)

    def _refusal(self, volume: Volume) -> str | None:
        return self._method.limits.refusal(volume)

    def _find(self, volume: Volume, clock: Clock) -> Said:
        reason = _unusable(volume)
        if reason is not None:
            return refused(reason)
        said = answer(volume.pixels, volume.affine, self._networks, clock.step)
        return verdict(said, self._method.chain, self._method.certainty)


def _unusable(volume: Volume) -> str | None:
    """Tell why the values of a volume cannot be looked at; slice by slice, to spare memory."""
    lowest, highest = np.inf, -np.inf
    for pixels in volume.pixels:
        low, high = float(pixels.min()), float(pixels.max())  # NaN where there is one
        if not (np.isfinite(low) and np.isfinite(high)):
            return "the image has values that are not numbers"
        lowest, highest = min(lowest, low), max(highest, high)
    if max(-lowest, highest) > _GREATEST:
        return f"the image has values beyond {_GREATEST:g}, which no scanner gives"
    if lowest == highest:
        return "the image is blank: every pixel has the same value"
    return None


def _networks(bundle: ModelBundle, method: TwoStageMethod, device: Device) -> tuple[Networks, str]:
    """Load the networks into OpenVINO where `auto` allows it and it can be, else TensorFlow."""
    if device == "auto":
        try:
            return openvino_runtime.networks(bundle.folder, method), openvino_runtime.name(method)
        except openvino_runtime.UnavailableError as error:
            logger.info("TensorFlow runs the bundle %s: %s", bundle.name, error)
    import tensorflow as tf

    from model.device import choose
    from model.localiser import runtime

    place = choose(tf, device)
    networks = runtime.networks(
        (bundle.folder / method.coarse_weights, method.coarse),
        (bundle.folder / method.fine_weights, method.fine),
        method.chain,
        place,
    )
    return networks, f"TensorFlow {tf.__version__} on {place}"
