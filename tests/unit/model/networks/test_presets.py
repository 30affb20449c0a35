"""The presets are the thesis's variants (thesis sections 7.4.3 and 7.5.2)."""

import pytest

from model import networks
from model.networks import PRESETS, reduced

THESIS_SINGLENET = 179_115
THESIS_MULTINET = 397_371


def test_parameters_come_out_near_the_thesis() -> None:
    single = PRESETS["singlenet-base"].describe()["parameters"]
    multi = PRESETS["multinet-base"].describe()["parameters"]
    assert (single, multi) == (179_369, 398_326)
    assert single == pytest.approx(THESIS_SINGLENET, rel=0.05)
    assert multi == pytest.approx(THESIS_MULTINET, rel=0.05)


def test_every_variant_of_the_thesis_is_there() -> None:
    single = {name.removeprefix("singlenet-") for name in PRESETS if name.startswith("s")}
    multi = {name.removeprefix("multinet-") for name in PRESETS if name.startswith("m")}
    assert single == {
        "base", "crelu", "elu", "more-capacity", "no-he", "no-batch-normalisation",
        "cases-250", "cases-150", "cases-50", "cases-5", "cases-1",
    }  # fmt: skip
    assert multi == {
        "base", "normalised", "unsupervised", "elu", "crelu", "crelu-less", "more-capacity",
        "softmax", "sigmoid-cross-entropy", "softmax-cross-entropy", "lower-resolution",
        "lower-resolution-60k", "lower-resolution-120k", "less-capacity",
        "less-capacity-lower-resolution", "cases-10", "cases-25", "cases-50", "cases-100",
        "cases-200",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spacing_mm", "patch", "batch", "loss"),
    [
        ("singlenet-base", 0.7, 481, 4, "dice"),
        ("multinet-base", 0.7, 481, 2, "dice"),
        ("multinet-normalised", 0.7, 481, 2, "normalised-dice"),
        ("multinet-crelu", 0.7, 481, 1, "normalised-dice"),
        ("multinet-less-capacity", 0.7, 481, 4, "normalised-dice"),
        ("multinet-lower-resolution", 1.4, 225, 8, "normalised-dice"),
        ("multinet-less-capacity-lower-resolution", 1.4, 225, 16, "normalised-dice"),
    ],
)
def test_sizes_are_the_thesis(
    name: str, spacing_mm: float, patch: int, batch: int, loss: str
) -> None:
    row = networks.preset(name).describe()
    assert row["spacing_mm"] == spacing_mm
    assert (row["patch"], row["batch"], row["loss"]) == (patch, batch, loss)


@pytest.mark.parametrize(
    ("name", "spacing_mm", "patch", "batch", "steps"),
    [
        ("singlenet-elu", 0.7, 129, 4, 4000),
        ("multinet-base", 1.4, 225, 2, 4000),
        ("multinet-less-capacity", 1.4, 225, 4, 4000),
        ("multinet-lower-resolution", 2.8, 129, 8, 4000),
        ("multinet-lower-resolution-60k", 2.8, 129, 8, 8000),
    ],
)
def test_the_reduced_form_keeps_what_a_network_needs(
    name: str, spacing_mm: float, patch: int, batch: int, steps: int
) -> None:
    row = reduced(networks.preset(name)).describe()
    assert row["spacing_mm"] == pytest.approx(spacing_mm)
    assert (row["patch"], row["batch"], row["steps"]) == (patch, batch, steps)
    assert row["parameters"] == networks.preset(name).describe()["parameters"]


def test_sizes_can_be_overridden_and_nothing_else_changes() -> None:
    base = networks.preset("multinet-elu")
    other = base.adapted(norm_spacing_mm=2.0, patch_size=161, batch_size=3, training_cases=7)
    assert (other.preprocess.norm_spacing_mm, other.network.patch_size) == (2.0, 161)
    assert (other.batch_size, other.training_cases, other.steps) == (3, 7, base.steps)
    assert other.network.activation == "elu"
    assert base.adapted() == base
    with pytest.raises(ValueError, match="patch_size 160 does not fit 5 compressions"):
        base.adapted(patch_size=160)


def test_an_unknown_preset_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no preset is called 'vnet'; there are singlenet-base"):
        networks.preset("vnet")
