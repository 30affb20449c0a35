"""The networks by name; importing this needs no TensorFlow."""

from typing import Any, Literal

from model.networks.count import parameters
from model.networks.presets import PRESETS, Preset, preset, reduced
from model.networks.spec import NetworkSpec

__all__ = [
    "PRESETS",
    "NetworkSpec",
    "Precision",
    "Preset",
    "build",
    "parameters",
    "preset",
    "reduced",
]

Precision = Literal["float32", "mixed_bfloat16"]


def build(spec: NetworkSpec, precision: Precision = "float32") -> Any:
    """Build the Keras model of a specification; imports TensorFlow.

    Args:
        spec: what to build.
        precision: what the layers compute in; weights and probabilities are float32 in both.
    """
    from model.networks import vnet
    from model.networks.layers import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return vnet.build(spec)
    finally:
        keras.config.set_dtype_policy(before)
