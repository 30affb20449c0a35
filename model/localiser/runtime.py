"""Both networks with their weights, as the functions that `answer` asks; imports TensorFlow."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from model.localiser import coarse, fine
from model.localiser.answer import Networks, Pixels
from model.localiser.chain import ChainSpec
from model.localiser.spec import CoarseSpec, FineSpec

_WARM_SLICES: Final = 15
_WARM_CELLS: Final = 7  # coarsest cells a side, as a field of view of 300 mm has


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
        ValueError: weights do not belong to their network, or are not numbers.
    """
    coarse_spec, fine_spec = coarse_at[1], fine_at[1]
    with tf.device(device):
        whole, crops = load_both(coarse_at, fine_at)
    ask_coarse = _function(whole, (None, None, None, None), device)
    ask_fine = _function(crops, (None, *fine_spec.shape), device)
    side = _WARM_CELLS * coarse_spec.multiple
    ask_coarse(np.zeros((1, _WARM_SLICES, side, side), np.float32))
    ask_fine(np.zeros((1, *fine_spec.shape), np.float32))
    return Networks(ask_coarse, coarse_spec, ask_fine, fine_spec, chain)


def load_both(
    coarse_at: tuple[Path, CoarseSpec], fine_at: tuple[Path, FineSpec]
) -> tuple[coarse.CoarseNetwork, fine.FineNetwork]:
    """Build both networks and read their weights.

    Raises:
        ValueError: weights do not belong to their network, or are not numbers.
    """
    whole, crops = coarse.build(coarse_at[1]), fine.build(fine_at[1])
    for network, path in ((whole, coarse_at[0]), (crops, fine_at[0])):
        _read(network, path)
    return whole, crops


def _read(network: Any, path: Path) -> None:
    try:
        network.load_weights(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} does not hold the weights of a {type(network).__name__} of this "
            f"specification: {error}"
        ) from error
    wrong = [one.path for one in network.weights if not np.isfinite(one.numpy()).all()]
    if wrong:
        raise ValueError(f"{path}: the weights {wrong[0]} are not numbers; train the network again")


def _function(network: Any, shape: tuple[int | None, ...], device: str) -> Any:
    graph = tf.function(network.__call__, input_signature=[tf.TensorSpec(shape, tf.float32)])

    def ask(inputs: Pixels) -> tuple[Pixels, Pixels]:
        with tf.device(device):
            heatmaps, presence = graph(tf.constant(inputs))
        return heatmaps.numpy(), presence.numpy()

    return ask
