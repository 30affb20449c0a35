"""Decodings: with the truth in the heatmaps all agree, with a lie in one of them they do not."""

import numpy as np

from model.expected import Expected
from model.localiser.ablation import DECODINGS, FULL, decoded
from model.localiser.held_out import HeldOut
from tests.unit.model.localiser.conftest import Spine, knowing


def held_out(scan: Spine) -> HeldOut:
    return HeldOut("toy", scan.pixels, scan.affine, scan.points, Expected())


def test_what_the_networks_know_every_decoding_finds(scan: Spine) -> None:
    found = decoded(held_out(scan), knowing(scan))
    assert list(found) == list(DECODINGS)
    for name in (FULL, "argmax", "coarse only", "argmax, coarse only"):
        assert all(line.hit and line.right_level for line in found[name]), name
    fine = np.mean([line.yz_mm for line in found[FULL]])
    assert fine < np.mean([line.yz_mm for line in found["coarse only"]])


def test_a_heatmap_at_another_level_misleads_the_peak_alone(scan: Spine) -> None:
    away = np.subtract(scan.points["L3-left"], scan.points["L4-left"])
    networks = knowing(scan, lambda name: away if name == "L4-left" else np.zeros(3))
    found = decoded(held_out(scan), networks)
    assert [line.label for line in found["argmax"] if not line.right_level] == ["L4-left"]
    assert all(line.right_level for line in found[FULL] if line.found)
