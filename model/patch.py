"""The method of the thesis: a network sees patches of three slices, components become points."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from model.localise import LocaliseSpec
from model.networks.count import parameters
from model.networks.spec import NetworkSpec
from model.preprocess import PreprocessSpec

_LEAST_TILE_MM: Final = 180.0  # half of a common field of view: four tiles per slice


@dataclass(frozen=True, slots=True)
class PatchMethod:
    """What a bundle of a patch network says about itself.

    Attributes:
        network: what the weights belong to.
        preprocess: what the network must see.
        localise: how its answer becomes points.
        weights: name of the file beside bundle.json that holds the network's weights.
        kind: tells this method from others.
    """

    network: NetworkSpec
    preprocess: PreprocessSpec
    localise: LocaliseSpec
    weights: str
    kind: Literal["patch"] = "patch"

    @property
    def files(self) -> tuple[str, ...]:
        """Name the files that must lie beside bundle.json."""
        return (self.weights,)

    @property
    def tile_size(self) -> int:
        """Give the rows and columns that the network sees at once.

        Where the bundle does not say it, it is the patch of the training, but at least 180 mm: at
        the seams of small tiles the network sees nothing beyond them. Weights fit any size.
        """
        spacing_mm = self.preprocess.norm_spacing_mm
        if self.localise.tile_size is not None:
            return self.localise.tile_size
        if spacing_mm is None:
            return self.network.patch_size
        fitting = self.network.fitting(math.ceil(_LEAST_TILE_MM / spacing_mm))
        return max(self.network.patch_size, fitting)

    def describe(self) -> dict[str, Any]:
        """Give one row for `foramina model list`."""
        return {
            "summary": self.network.family,
            "parameters": parameters(self.network),
            "spacing_mm": self.preprocess.norm_spacing_mm,
            "patch": self.network.patch_size,
        }
