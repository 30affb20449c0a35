"""Every variant of the thesis as a named preset (sections 7.4.3 and 7.5.2); needs no TensorFlow.

A preset is the network, what it sees and how it is trained. `reduced` makes the form of it that
trains on two processor cores.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from model.networks.count import parameters
from model.networks.spec import SINGLE, NetworkSpec
from model.preprocess import PreprocessSpec

THESIS_STEPS: Final = 30_000
REDUCED_STEPS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Preset:
    """One named variant.

    Attributes:
        name: how the command line calls it.
        summary: one line for people.
        network: what is built.
        preprocess: what it sees.
        batch_size: inputs per training step.
        loss: name of the loss, see `model.losses`.
        steps: training steps; the thesis's networks converge by about 30,000.
        training_cases: how many cases it learns from; None takes all there are.
    """

    name: str
    summary: str
    network: NetworkSpec
    preprocess: PreprocessSpec
    batch_size: int
    loss: str
    steps: int = THESIS_STEPS
    training_cases: int | None = None

    def adapted(
        self,
        *,
        norm_spacing_mm: float | None = None,
        patch_size: int | None = None,
        batch_size: int | None = None,
        steps: int | None = None,
        training_cases: int | None = None,
    ) -> Self:
        """Give the preset with other sizes; None keeps its own.

        Raises:
            ValueError: the patch does not fit the network.
        """
        network, preprocess = self.network, self.preprocess
        if patch_size is not None:
            network = dataclasses.replace(network, patch_size=patch_size)
        if norm_spacing_mm is not None:
            preprocess = dataclasses.replace(preprocess, norm_spacing_mm=norm_spacing_mm)
        return dataclasses.replace(
            self,
            network=network,
            preprocess=preprocess,
            batch_size=self.batch_size if batch_size is None else batch_size,
            steps=self.steps if steps is None else steps,
            training_cases=self.training_cases if training_cases is None else training_cases,
        )

    def describe(self) -> dict[str, Any]:
        """Give its facts as plain values, one row of `foramina model list`."""
        return {
            "name": self.name,
            "summary": self.summary,
            "parameters": parameters(self.network),
            "spacing_mm": self.preprocess.norm_spacing_mm,
            "patch": self.network.patch_size,
            "batch": self.batch_size,
            "loss": self.loss,
            "steps": self.steps,
            "training_cases": self.training_cases,
        }


def reduced(preset: Preset) -> Preset:
    """Give the form of a preset that trains on two processor cores; batch and loss stay.

    SingleNet keeps its pixels, and with them its receptive field in mm, and sees smaller patches.
    MultiNet, which needs the context, keeps whole slices at twice the pixel size.
    """
    steps = max(REDUCED_STEPS * preset.steps // THESIS_STEPS, 1)
    if preset.network.family == "singlenet":
        return preset.adapted(patch_size=129, steps=steps)
    spacing_mm = 2.0 * (preset.preprocess.norm_spacing_mm or 0.7)
    patch_size = 225 if preset.network.patch_size > 225 else 129
    return preset.adapted(norm_spacing_mm=spacing_mm, patch_size=patch_size, steps=steps)


_SINGLENET: Final = Preset(
    "singlenet-base",
    "SingleNet: one channel, labels by the order of what it finds (section 7.4)",
    NetworkSpec(
        family="singlenet",
        channels=SINGLE,
        compressions=2,
        max_channels=32,  # what doubling reaches: no cap
        supervision=False,
    ),
    PreprocessSpec(norm_spacing_mm=0.7),
    batch_size=4,
    loss="dice",
)
_MULTINET: Final = Preset(
    "multinet-normalised",
    "MultiNet with the normalised Dice (section 7.5.1)",
    NetworkSpec(),
    PreprocessSpec(norm_spacing_mm=0.7),
    batch_size=2,
    loss="normalised-dice",
)


def _variant(base: Preset, name: str, summary: str, **changes: Any) -> Preset:
    """Change the network's fields and the preset's own, told apart by their names."""
    own = {field.name for field in dataclasses.fields(Preset)}
    network = {key: value for key, value in changes.items() if key not in own}
    return dataclasses.replace(
        base,
        name=name,
        summary=summary,
        network=dataclasses.replace(base.network, **network),
        **{key: value for key, value in changes.items() if key in own},
    )


def _sized(base: Preset, family: str, sizes: tuple[int, ...]) -> Iterator[Preset]:
    """Give one variant per size of the training set."""
    for size in sizes:
        name = f"{family}-cases-{size}"
        summary = f"learns from {size} case{'s' if size > 1 else ''}"
        yield _variant(base, name, summary, training_cases=size)


def _singlenets() -> Iterator[Preset]:
    base = _SINGLENET
    yield base
    yield _variant(base, "singlenet-crelu", "CReLU", activation="crelu")
    yield _variant(base, "singlenet-elu", "ELU", activation="elu")
    yield _variant(
        base, "singlenet-more-capacity", "12 channels, keep 0.7",
        first_channels=12, max_channels=48, keep_probability=0.7,
    )  # fmt: skip
    yield _variant(base, "singlenet-no-he", "Glorot's initialisation", he_initialisation=False)
    yield _variant(
        base, "singlenet-no-batch-normalisation", "no batch normalisation",
        batch_normalisation=False,
    )  # fmt: skip
    yield from _sized(base, "singlenet", (250, 150, 50, 5, 1))


def _multinets() -> Iterator[Preset]:
    base = _MULTINET
    yield _variant(
        base, "multinet-base", "MultiNet with the plain Dice (section 7.5.1)", loss="dice"
    )
    yield base
    yield _variant(base, "multinet-unsupervised", "no coarser predictions", supervision=False)
    yield _variant(base, "multinet-elu", "ELU", activation="elu")
    yield _variant(base, "multinet-crelu", "CReLU, batch 1", activation="crelu", batch_size=1)
    yield _variant(
        base, "multinet-crelu-less", "CReLU, at most 14 channels",
        activation="crelu", max_channels=14,
    )  # fmt: skip
    yield _variant(
        base, "multinet-more-capacity", "12 to 32 channels, keep 0.75",
        first_channels=12, max_channels=32, keep_probability=0.75,
    )  # fmt: skip
    yield _variant(base, "multinet-softmax", "softmax output", output="softmax")
    yield _variant(
        base, "multinet-sigmoid-cross-entropy", "weighted sigmoid cross-entropy",
        loss="sigmoid-cross-entropy",
    )  # fmt: skip
    yield _variant(
        base, "multinet-softmax-cross-entropy", "weighted softmax cross-entropy",
        output="softmax", loss="softmax-cross-entropy",
    )  # fmt: skip
    yield from _small(base)
    yield from _sized(base, "multinet", (10, 25, 50, 100, 200))


def _small(base: Preset) -> Iterator[Preset]:
    """Give the variants with fewer channels or larger pixels."""
    lower: dict[str, Any] = {
        "preprocess": PreprocessSpec(norm_spacing_mm=1.4), "patch_size": 225, "batch_size": 8,
    }  # fmt: skip
    less: dict[str, Any] = {"first_channels": 6, "max_channels": 8, "batch_size": 4}
    name = "multinet-lower-resolution"
    yield _variant(base, name, "1.4 mm: the thesis's best network (section 7.5.2)", **lower)
    yield _variant(base, f"{name}-60k", "the same, 60,000 steps", **lower, steps=60_000)
    yield _variant(base, f"{name}-120k", "the same, 120,000 steps", **lower, steps=120_000)
    yield _variant(base, "multinet-less-capacity", "6, then 8 channels", **less)
    yield _variant(
        base, "multinet-less-capacity-lower-resolution", "both, batch 16",
        **{**lower, **less, "batch_size": 16},
    )  # fmt: skip


PRESETS: Final[dict[str, Preset]] = {entry.name: entry for entry in (*_singlenets(), *_multinets())}


def preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
