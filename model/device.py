"""Where networks run."""

from typing import Any, Literal

Device = Literal["auto", "gpu", "cpu"]


class DeviceError(ValueError):
    """The asked device is not there."""


def choose(tf: Any, device: Device) -> str:
    """Name the TensorFlow device; GPUs give memory as it is needed.

    Args:
        tf: the module TensorFlow.
        device: `auto` takes a GPU where TensorFlow sees one, else the CPU.

    Raises:
        DeviceError: `gpu` is asked for and there is none.
    """
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
