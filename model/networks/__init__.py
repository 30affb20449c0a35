"""The networks by name; importing this needs no TensorFlow.

A preset is a named variant of the thesis: the network, its preprocessing and how it is trained.
"""

from dataclasses import dataclass
from typing import Any, Final

from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec

__all__ = ["PRESETS", "NetworkSpec", "Preset", "build", "preset"]


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
    """

    name: str
    summary: str
    network: NetworkSpec
    preprocess: PreprocessSpec
    batch_size: int
    loss: str


_ALL: Final = (
    Preset(
        "multinet-normalised",
        "MultiNet at 0.7 mm with the normalised Dice (thesis section 7.5.1)",
        NetworkSpec(patch_size=481),
        PreprocessSpec(norm_spacing_mm=0.7),
        batch_size=2,
        loss="normalised-dice",
    ),
    Preset(
        "multinet-lower-resolution",
        "MultiNet at 1.4 mm: the thesis's best network (section 7.5.2, Lower res.)",
        NetworkSpec(patch_size=225),
        PreprocessSpec(norm_spacing_mm=1.4),
        batch_size=8,
        loss="normalised-dice",
    ),
)
PRESETS: Final[dict[str, Preset]] = {entry.name: entry for entry in _ALL}


def preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def build(spec: NetworkSpec) -> Any:
    """Build the Keras model of a specification; imports TensorFlow."""
    from model.networks import multinet

    return multinet.build(spec)
