"""Both networks with their weights, as the functions that `answer` asks; imports TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from model.localiser import coarse, fine
from model.localiser.answer import Networks, Pixels
from model.localiser.chain import ChainSpec
from model.localiser.spec import CoarseSpec, FineSpec

_WARM_SHAPE = (1, 15, 112, 112)


def networks(
    coarse_at: tuple[Path, CoarseSpec],
    fine_at: tuple[Path, FineSpec],
    chain: ChainSpec,
    device: str = "/CPU:0",
) -> Networks:
    """Load both networks; the first call has been made when this returns.

    Args:
        coarse_at: path of the coarse network's weights, and what it is.
        fine_at: the same of the fine one.
        chain: costs of the decoding.
        device: where TensorFlow runs them.

    Raises:
        ValueError: weights do not belong to their network.
    """
    (coarse_weights, coarse_spec), (fine_weights, fine_spec) = coarse_at, fine_at
    with tf.device(device):
        whole, crops = coarse.build(coarse_spec), fine.build(fine_spec)
        whole.load_weights(str(coarse_weights))
        crops.load_weights(str(fine_weights))
    ask_coarse = _function(whole, (None, None, None, None), device)
    ask_fine = _function(crops, (None, *fine_spec.shape), device)
    ask_coarse(np.zeros(_WARM_SHAPE, np.float32))
    ask_fine(np.zeros((1, *fine_spec.shape), np.float32))
    return Networks(ask_coarse, coarse_spec, ask_fine, fine_spec, chain)


def _function(network: Any, shape: tuple[int | None, ...], device: str) -> Any:
    graph = tf.function(network.__call__, input_signature=[tf.TensorSpec(shape, tf.float32)])

    def ask(inputs: Pixels) -> tuple[Pixels, Pixels]:
        with tf.device(device):
            heatmaps, presence = graph(tf.constant(inputs))
        return heatmaps.numpy(), presence.numpy()

    return ask
