"""Two trained networks by their run folders; picklable, so that processes load them once each."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Self

import numpy as np

from model import tensorflow_environment
from model.localiser.answer import Coarse, Networks, Pixels
from model.localiser.chain import ChainSpec
from model.localiser.method import TtaSpec
from model.localiser.spec import DECOYS, POINTS, CoarseSpec, FineSpec
from model.localiser.training import finished
from model.localiser.tta import averaged

_NOWHERE = -20.0  # presence logit of a point that the network does not know


@dataclass(frozen=True, slots=True)
class Pair:
    """A coarse and a fine network with how they are asked.

    Attributes:
        coarse: weights of the coarse network.
        coarse_spec: what it is.
        fine: weights of the fine network.
        fine_spec: what it is.
        chain: costs of the decoding.
        tta: how often they are asked.
    """

    coarse: Path
    coarse_spec: CoarseSpec
    fine: Path
    fine_spec: FineSpec
    chain: ChainSpec = field(default_factory=ChainSpec)
    tta: TtaSpec = field(default_factory=TtaSpec)

    @classmethod
    def of_runs(cls, coarse: Path, fine: Path, tta: TtaSpec | None = None) -> Self:
        """Take the averaged weights of two finished runs.

        Raises:
            ValueError: a folder holds no finished run of its network.
        """
        (coarse_weights, coarse_run) = finished(coarse, CoarseSpec)
        (fine_weights, fine_run) = finished(fine, FineSpec)
        if not isinstance(coarse_run.network, CoarseSpec) or not isinstance(
            fine_run.network, FineSpec
        ):
            raise TypeError("finished() checks the kind of a network")
        return cls(
            coarse_weights.absolute(),
            coarse_run.network,
            fine_weights.absolute(),
            fine_run.network,
            tta=tta or TtaSpec(),
        )

    def digest(self) -> str:
        """Hash weights and specifications: equal only where the same is answered."""
        total = hashlib.sha256(
            repr((self.coarse_spec, self.fine_spec, self.chain, self.tta)).encode()
        )
        for path in (self.coarse, self.fine):
            total.update(path.read_bytes())
        return total.hexdigest()

    def networks(self) -> Networks:
        """Load both networks, once in a process."""
        return _networks(self)


@lru_cache(maxsize=4)
def _networks(pair: Pair) -> Networks:
    tensorflow_environment.prepare()
    import tensorflow as tf

    if parent_process() is not None and not _networks.cache_info().currsize:
        tf.config.threading.set_intra_op_parallelism_threads(1)  # each of several processes
        tf.config.threading.set_inter_op_parallelism_threads(1)
    from model.localiser import runtime

    loaded = runtime.networks(
        (pair.coarse, pair.coarse_spec), (pair.fine, pair.fine_spec), pair.chain
    )
    asked = dataclasses.replace(
        loaded,
        coarse=completed(loaded.coarse, pair.coarse_spec),
        coarse_spec=dataclasses.replace(pair.coarse_spec, points=POINTS),
    )
    return averaged(asked, pair.tta)


def completed(coarse: Coarse, spec: CoarseSpec) -> Coarse:
    """Give a coarse network that knows fewer points a say-nothing answer for the others.

    Their heatmaps are flat and they are present nowhere, so that the decoding, which always has
    all levels, never takes them.
    """
    if spec.points == POINTS:
        return coarse
    rows = [POINTS.index(name) for name in spec.points]

    def ask(inputs: Pixels) -> tuple[Pixels, Pixels]:
        logits, presence = coarse(inputs)
        every = np.zeros((*logits.shape[:-1], len(POINTS) + 1), np.float32)
        every[..., [*rows, len(POINTS)]] = logits
        seen = np.full((len(presence), len(POINTS)), _NOWHERE, np.float32)
        seen[:, rows] = presence
        return every, seen

    return ask


def without_decoys(networks: Networks) -> Networks:
    """Give the same networks, whose answers for the foramina above and below are not heard."""
    known = tuple(name for name in networks.coarse_spec.points if name not in DECOYS)
    rows = [networks.coarse_spec.points.index(name) for name in known]

    def ask(inputs: Pixels) -> tuple[Pixels, Pixels]:
        logits, presence = networks.coarse(inputs)
        return logits[..., [*rows, logits.shape[-1] - 1]], presence[:, rows]

    heard = dataclasses.replace(networks.coarse_spec, points=known)
    return dataclasses.replace(networks, coarse=completed(ask, heard))
