"""What a search draws from, and what its trials have in common (Table A.1)."""

import dataclasses
import itertools
import json
from dataclasses import dataclass, field
from typing import Any, Final

from model.train import TrainSpec

NAMES: Final[dict[str, str]] = {
    "patch_size": "PatchSize",
    "batch_size": "BatchSize",
    "compressions": "Blocks",
    "first_channels": "Channels",
    "learning_rate": "LearningRate",
    "keep_probability": "KeepProbability",
}
"""The hyper-parameters as the code calls them, and as the thesis does."""


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The values that are drawn from, each equally often (Table A.1)."""

    patch_size: tuple[int, ...] = tuple(range(33, 482, 32))
    batch_size: tuple[int, ...] = (2, 3, 4, 5, 6)
    compressions: tuple[int, ...] = (2, 3, 4, 5)
    first_channels: tuple[int, ...] = tuple(range(2, 17))
    learning_rate: tuple[float, ...] = (0.01, 0.004, 0.001, 0.0004)
    keep_probability: tuple[float, ...] = tuple(round(0.05 * n, 2) for n in range(8, 21))

    def __post_init__(self) -> None:
        empty = [name for name in NAMES if not getattr(self, name)]
        if empty:
            raise ValueError(f"{', '.join(empty)}: no value to draw; expected at least one each")


@dataclass(frozen=True, slots=True)
class SearchSpec:
    """A search; saved as `search.json` in its folder.

    Attributes:
        base: what every trial has in common; its `steps` is the most that a trial gets.
        space: what is drawn.
        trials: how many networks; the thesis trained 51.
        seconds: training time of a trial (the thesis: 3 hours); None leaves only `base.steps`.
        seed: of what is drawn.
    """

    base: TrainSpec
    space: SearchSpace = field(default_factory=SearchSpace)
    trials: int = 51
    seconds: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.trials < 1 or (self.seconds is not None and self.seconds <= 0):
            raise ValueError(
                f"trials {self.trials}, seconds {self.seconds}; expected at least 1 and above 0"
            )
        for size, depth in itertools.product(self.space.patch_size, self.space.compressions):
            dataclasses.replace(self.base.network, patch_size=size, compressions=depth)

    @property
    def measured_px(self) -> int:
        """Give the rows and columns on which the Dice of every trial is measured: the greatest."""
        return max(self.space.patch_size)

    def to_json(self) -> dict[str, Any]:
        """Give plain values that `json` can write."""
        own = {"trials": self.trials, "seconds": self.seconds, "seed": self.seed}
        space = json.loads(json.dumps(dataclasses.asdict(self.space)))
        return {**own, "space": space, "base": self.base.to_json()}


def train_spec(base: TrainSpec, parameters: dict[str, Any]) -> TrainSpec:
    """Put the hyper-parameters of a trial into the specification that all have in common."""
    network = base.network
    if network.family == "singlenet":  # MaxChannels is the MultiNet's alone (section 7.5.1)
        widest = parameters["first_channels"] * 2 ** parameters["compressions"]
        network = dataclasses.replace(network, max_channels=widest)
    network = dataclasses.replace(
        network,
        patch_size=parameters["patch_size"],
        compressions=parameters["compressions"],
        first_channels=parameters["first_channels"],
        keep_probability=parameters["keep_probability"],
    )
    # the same deformation in mm, whatever the patch
    knots = round(
        base.augmentation.deformation_knots * network.patch_size / base.network.patch_size
    )
    falls_to = base.final_learning_rate / base.learning_rate
    return dataclasses.replace(
        base,
        network=network,
        augmentation=dataclasses.replace(base.augmentation, deformation_knots=max(knots, 2)),
        batch_size=parameters["batch_size"],
        learning_rate=parameters["learning_rate"],
        final_learning_rate=parameters["learning_rate"] * falls_to,
    )
