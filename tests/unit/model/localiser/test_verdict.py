"""The verdict: points with certainty, misses with reasons, abstentions without any point."""

import dataclasses

import pytest

from model.labels import LABELS
from model.localiser import evidence
from model.localiser.answer import Answer, answer
from model.localiser.certainty import CertaintySpec, Logistic
from model.localiser.chain import ChainSpec
from model.localiser.verdict import verdict
from tests.unit.model.localiser.conftest import Spine, knowing


def logistic(names: tuple[str, ...], weights: dict[str, float], offset: float) -> Logistic:
    count = len(names)
    return Logistic(
        names,
        (0.0,) * count,
        (1.0,) * count,
        tuple(weights.get(name, 0.0) for name in names),
        offset,
    )


SPEC = CertaintySpec(
    levels=logistic(evidence.SCAN, {"margin": 1.0}, -1.0),
    least_levels=0.9,
    point=logistic(evidence.FORAMEN, {"present": 6.0}, -2.0),
    least_point=0.8,
    calibrated_on="calibrated on synthetic scans only",
)


@pytest.fixture(scope="module")
def said(scan: Spine) -> Answer:
    return answer(scan.pixels, scan.affine, knowing(scan))


def test_a_clear_answer_is_told_with_its_certainty(said: Answer) -> None:
    landmarks, abstained = verdict(said, ChainSpec(), SPEC)
    assert abstained is None
    assert tuple(mark.label for mark in landmarks) == LABELS
    for mark in landmarks:
        assert mark.confidence is not None
        assert 0.8 < mark.confidence < 1


def test_a_doubtful_place_is_missed_with_its_reason(said: Answer) -> None:
    doubtful = dataclasses.replace(said.found["L2-left"], present=0.2)
    other = dataclasses.replace(said, found={**said.found, "L2-left": doubtful})
    landmarks, abstained = verdict(other, ChainSpec(), SPEC)
    assert abstained is None
    [missed] = [mark for mark in landmarks if not mark.found]
    assert missed.label == "L2-left"
    assert missed.reason == (
        "its place is uncertain (probability 31 %, at least 80 % is needed; "
        "calibrated on synthetic scans only)"
    )


def test_doubtful_levels_leave_no_point(said: Answer) -> None:
    chain = dataclasses.replace(said.chain, margin=0.5)
    landmarks, abstained = verdict(dataclasses.replace(said, chain=chain), ChainSpec(), SPEC)
    assert abstained is not None
    assert "a shift by one level cannot be ruled out" in abstained
    assert "38 %" in abstained
    assert not any(mark.found for mark in landmarks)
    assert {mark.reason for mark in landmarks} == {abstained}


def test_too_few_foramina_make_no_levels(said: Answer) -> None:
    few = {name: said.found[name] for name in ("L1-left", "L2-left", "L1-right")}
    landmarks, abstained = verdict(dataclasses.replace(said, found=few), ChainSpec(), SPEC)
    assert abstained is not None
    assert abstained.startswith("the levels are unknown: 3 of the ten")
    assert not any(mark.found for mark in landmarks)


def test_a_foramen_outside_the_image_is_told_so(said: Answer) -> None:
    found = {name: one for name, one in said.found.items() if not name.startswith("L1")}
    presence = {**said.presence, "L1-left": 0.1}
    landmarks, _ = verdict(
        dataclasses.replace(said, found=found, presence=presence), ChainSpec(), SPEC
    )
    left, right = landmarks[0], landmarks[1]
    assert left.reason == "the left foramen of L1/L2 seems to lie outside the image"
    assert right.reason == "no image region on the right looks like a foramen of L1/L2"


def test_without_a_sacrum_nothing_is_named(said: Answer) -> None:
    point, mass, _ = said.anchors["S1-endplate"]
    unseen = dataclasses.replace(said, anchors={**said.anchors, "S1-endplate": (point, mass, 0.4)})
    landmarks, abstained = verdict(unseen, ChainSpec(), SPEC)
    assert abstained is not None
    assert abstained.startswith("the levels are unknown: no sacrum was recognised")
    assert not any(mark.found for mark in landmarks)
