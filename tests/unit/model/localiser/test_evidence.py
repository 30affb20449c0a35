"""Evidence: what is right looks right, and a shifted scan looks doubtful."""

import dataclasses

import numpy as np
import pytest

from model.localiser import evidence
from model.localiser.answer import Answer, answer
from model.localiser.chain import ChainSpec
from tests.unit.model.localiser.conftest import Spine, knowing


@pytest.fixture(scope="module")
def said(scan: Spine) -> Answer:
    return answer(scan.pixels, scan.affine, knowing(scan))


def named(said: Answer) -> dict[str, float]:
    return dict(zip(evidence.SCAN, evidence.of_scan(said, ChainSpec()), strict=True))


def test_a_clear_scan_speaks_for_itself(said: Answer) -> None:
    values = named(said)
    assert values["found"] == 1
    assert values["count from S1"] == values["count from T12"] == 1
    assert values["gap residual"] < 3
    assert values["side difference"] < 0.1
    assert values["margin"] > 3


def test_a_sacrum_elsewhere_contradicts_the_chain(said: Answer) -> None:
    point, mass, present = said.anchors["S1-endplate"]
    moved = {**said.anchors, "S1-endplate": (point + np.array([0, 0, 34.0]), mass, present)}
    assert named(dataclasses.replace(said, anchors=moved))["count from S1"] == 0
    unseen = {**said.anchors, "S1-endplate": (point, mass, 0.1)}
    assert named(dataclasses.replace(said, anchors=unseen))["count from S1"] == 0.5


def test_a_missing_partner_and_a_wide_gap_count(said: Answer) -> None:
    found = {name: one for name, one in said.found.items() if name not in {"L2-left", "L3-left"}}
    lacking = dataclasses.replace(said, found=found)
    assert evidence.side_difference(lacking, "L2-right") == 0.5
    far = dataclasses.replace(
        said.found["L3-left"], point_mm=said.found["L3-left"].point_mm + np.array([0, 0, 12.0])
    )
    apart = dataclasses.replace(said, found={**said.found, "L3-left": far})
    assert named(apart)["gap residual"] > named(said)["gap residual"]
    assert evidence.of_foramen(apart, "L3-left")[4] == pytest.approx(12, abs=2)


def test_nothing_found_gives_numbers_all_the_same(said: Answer) -> None:
    empty = dataclasses.replace(
        said, found={}, chain=dataclasses.replace(said.chain, chosen={}, margin=0.0)
    )
    assert np.isfinite(evidence.of_scan(empty, ChainSpec())).all()
