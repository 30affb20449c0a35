"""The tf.data pipeline: numbered examples, made in parallel, batched and kept ready."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.dataset import Example, Sampler

if TYPE_CHECKING:
    from model.train import TrainSpec

_WORKERS: Final = 2  # NumPy leaves the interpreter free for most of an example
_READY: Final = 2  # batches that wait for the network


def batches(sampler: Sampler, spec: "TrainSpec", start: int) -> Iterator[tuple[Any, Any]]:
    """Yield the batches of the steps after `start`; batch n is the same after a restart.

    Yields:
        images (batch, 3, n, n, 1) and targets (batch, 1, n, n, channels), float32.
    """
    import tensorflow as tf

    def draw(number: Any) -> Example:
        return example(sampler, spec, int(number))

    def shaped(number: Any) -> tuple[Any, Any]:
        image, target = tf.numpy_function(draw, [number], (tf.float32, tf.float32))
        image.set_shape((spec.network.slices_in, size, size, 1))
        target.set_shape((1, size, size, len(spec.network.channels)))
        return image, target

    size = spec.network.patch_size
    numbers = tf.data.Dataset.range(start * spec.batch_size, spec.steps * spec.batch_size)
    examples = numbers.map(shaped, num_parallel_calls=_WORKERS, deterministic=True)
    yield from examples.batch(spec.batch_size, drop_remainder=True).prefetch(_READY)


def example(sampler: Sampler, spec: "TrainSpec", number: int) -> Example:
    """Draw an example; a network of one channel sees the foramina of all levels in it."""
    image, target = sampler.example(number)
    if len(spec.network.channels) == 1:
        target = target.max(axis=-1, keepdims=True)
    return image, np.ascontiguousarray(target)
