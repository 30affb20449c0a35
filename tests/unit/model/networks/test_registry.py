"""The registry: presets by name, and nothing heavy behind an import."""

import subprocess
import sys

import pytest

from model import networks
from model.networks import PRESETS, NetworkSpec


def test_importing_the_light_modules_loads_no_tensorflow() -> None:
    code = (
        "import model.bundle, model.volume, model.order, model.networks, model.commands, sys;"
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'scipy.ndimage', 'pynetdicom'} "
        "& set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_presets_are_the_thesis_variants() -> None:
    low = networks.preset("multinet-lower-resolution")
    base = networks.preset("multinet-normalised")
    assert (low.preprocess.norm_spacing_mm, low.network.patch_size, low.batch_size) == (1.4, 225, 8)
    assert (base.preprocess.norm_spacing_mm, base.network.patch_size, base.batch_size) == (
        0.7,
        481,
        2,
    )
    for entry in PRESETS.values():
        assert entry.name in PRESETS
        assert entry.loss == "normalised-dice"
        assert (entry.network.compressions, entry.network.max_channels) == (5, 16)
        assert entry.network.keep_probability == 0.9


def test_an_unknown_preset_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no preset is called 'vnet'; there are multinet-norm"):
        networks.preset("vnet")


@pytest.mark.parametrize("size", [224, 226, 32, 0])
def test_sizes_that_would_need_padding_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="expected a multiple of 32 plus 1, for example 225"):
        NetworkSpec(patch_size=size)
