"""What the evidence says, and what follows: complete, wait, incomplete."""

from typing import Any

import pytest
from pydicom import Dataset

from node.completeness import (
    Outcome,
    Piece,
    Received,
    State,
    Weight,
    conclude,
    counted,
    look,
    untold,
)
from node.settings import Assembler
from tests.factories import make_dataset

SETTINGS = Assembler(stable_age_s=60, doubtful_age_s=300, limit_s=3600, look_again_s=60)


def stack(*numbers: int, **attributes: Any) -> list[Dataset]:
    return [make_dataset(number, **attributes) for number in numbers]


def received(unchanged_s: float = 61, **facts: Any) -> Received:
    values: dict[str, Any] = {"quiet_s": unchanged_s, "instances": 3, "numbers": (1, 2, 3)}
    return Received(unchanged_s=unchanged_s, **values | facts)


def piece(headers: list[Dataset], rule: str, **facts: Any) -> Piece | None:
    found = [one for one in look(received(**facts), headers, SETTINGS) if one.rule == rule]
    return found[0] if found else None


def outcome(*weights: Weight, unchanged_s: float, rule: str = "x") -> Outcome:
    pieces = [Piece(rule, weight, f"says {weight}", {}) for weight in weights]
    return conclude(received(unchanged_s), pieces, SETTINGS)


def test_silence_alone_completes() -> None:
    pieces = look(received(), stack(1, 2, 3), SETTINGS)
    found = conclude(received(), pieces, SETTINGS)
    assert found.state is State.COMPLETE
    assert found.reason == ""
    assert {one["weight"] for one in found.evidence["pieces"]} == {"none"}
    assert found.evidence["pieces"][0]["rule"] == "quiet"


@pytest.mark.parametrize(
    ("weights", "unchanged_s", "state", "look_again_s"),
    [
        ([Weight.DOUBT], 61, State.WAIT, 60),
        ([Weight.DOUBT], 299, State.WAIT, 1),
        ([Weight.DOUBT], 300, State.COMPLETE, 0),
        ([Weight.PROOF], 300, State.WAIT, 60),
        ([Weight.PROOF, Weight.DOUBT], 3599, State.WAIT, 1),
        ([Weight.PROOF], 3600, State.COMPLETE, 0),
        ([Weight.NONE], 61, State.COMPLETE, 0),
    ],
)
def test_evidence_prolongs_and_the_limit_ends_it(
    weights: list[Weight], unchanged_s: float, state: State, look_again_s: float
) -> None:
    found = outcome(*weights, unchanged_s=unchanged_s)
    assert (found.state, found.look_again_s) == (state, look_again_s)
    if state is State.WAIT:
        assert found.reason.split("; ")[0] == f"says {weights[0]}"


def test_a_slice_gap_at_the_limit_is_no_complete_series() -> None:
    gap = piece(stack(1, 2, 4, 5), "SlicePosition")
    assert gap is not None
    assert conclude(received(3599), [gap], SETTINGS).state is State.WAIT
    assert conclude(received(3600), [gap], SETTINGS).state is State.INCOMPLETE
    assert outcome(Weight.DOUBT, unchanged_s=3600, rule="SlicePosition").state is State.COMPLETE


def test_the_stable_age_is_the_least_also_when_the_others_are_shorter() -> None:
    settings = Assembler(stable_age_s=900, doubtful_age_s=10, limit_s=20)
    doubt = Piece("x", Weight.DOUBT, "", {})
    assert conclude(received(899), [doubt], settings).state is State.WAIT
    assert conclude(received(900), [doubt], settings).state is State.COMPLETE


@pytest.mark.parametrize(
    ("slices", "missing"),
    [((1, 2, 3), 0), ((1, 2, 4), 1), ((1, 2, 6, 7, 9), 4), ((5, 1, 2, 4), 1), ((1, 3, 5, 6), 2)],
)
def test_gaps_between_slices_are_counted_in_any_order(slices: Any, missing: int) -> None:
    found = piece(stack(*slices), "SlicePosition")
    assert found is not None
    assert found.values["missing"] == missing
    assert found.weight is (Weight.PROOF if missing else Weight.NONE)
    assert found.values["step_mm"] == pytest.approx(4.4)


def test_what_is_not_one_stack_has_no_gaps() -> None:
    turned = [*stack(1, 2), make_dataset(9, ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])]
    assert piece(turned, "SlicePosition") is None
    assert piece(stack(1, 2), "SlicePosition") is None
    assert (
        piece([*stack(1, 2, 4), make_dataset(5, ImagePositionPatient=None)], "SlicePosition")
        is None
    )
    assert piece([], "SlicePosition") is None


def test_slices_in_one_place_are_no_step() -> None:
    twice = [*stack(1, 2, 3), make_dataset(2), make_dataset(3)]
    found = piece(twice, "SlicePosition")
    assert found is not None
    assert found.weight is Weight.NONE


@pytest.mark.parametrize(
    ("numbers", "absent"),
    [((1, 2, 3), []), ((3, 1, 2), []), ((1, 2, 4), [3]), ((7, 8, 11), [9, 10])],
)
def test_gaps_between_instance_numbers_are_a_doubt(numbers: Any, absent: list[int]) -> None:
    found = piece([], "InstanceNumber", numbers=numbers)
    assert found is not None
    assert found.values["absent"] == absent
    assert found.weight is (Weight.DOUBT if absent else Weight.NONE)


@pytest.mark.parametrize("numbers", [(), (5,), (1, 1, 2, 4), (10, 20, 30), (-(2**31), 2**31 - 1)])
def test_other_numberings_say_nothing(numbers: Any) -> None:
    assert piece([], "InstanceNumber", numbers=numbers) is None


def test_fewer_images_than_their_acquisition_announces_are_proof() -> None:
    one = stack(1, 2, ImagesInAcquisition="5", AcquisitionNumber="1")
    other = stack(3, ImagesInAcquisition="1", AcquisitionNumber="2")
    found = piece([*one, *other], "ImagesInAcquisition")
    assert found is not None
    assert found.weight is Weight.PROOF
    assert found.says == "2 of 5 images of acquisition 1 came"
    whole = piece(stack(1, 2, ImagesInAcquisition="2"), "ImagesInAcquisition")
    assert whole is not None
    assert whole.weight is Weight.NONE


@pytest.mark.parametrize("value", [None, "", "0", "-3", "many", "99999999"])
def test_a_number_that_is_none_announces_nothing(value: str | None) -> None:
    headers = stack(1, 2)
    for header in headers:
        if value is not None:
            header.add_new("ImagesInAcquisition", "LO", value)  # as a careless sender has it
    assert piece(headers, "ImagesInAcquisition") is None


def test_a_concatenation_without_a_part_is_proof() -> None:
    part = make_dataset(1, ConcatenationUID="1.2.9", InConcatenationNumber=1)
    part.InConcatenationTotalNumber, part.ConcatenationFrameOffsetNumber = 2, 0
    found = piece([part], "ConcatenationUID")
    assert found is not None
    assert found.weight is Weight.PROOF
    assert "expected InConcatenationNumber 1 to 2" in found.says


@pytest.mark.parametrize(
    ("facts", "weight"),
    [
        ({}, None),
        ({"last_ending": "released"}, Weight.NONE),
        ({"last_ending": "aborted"}, Weight.DOUBT),
        ({"last_ending": "lost"}, Weight.DOUBT),
        ({"last_ending": "released", "open": 1}, Weight.DOUBT),
    ],
)
def test_an_association_that_broke_off_or_is_open_is_a_doubt(
    facts: dict[str, Any], weight: Weight | None
) -> None:
    found = piece([], "association", **facts)
    assert (found.weight if found else None) is weight


@pytest.mark.parametrize(
    ("expected", "weight"), [(4, Weight.PROOF), (3, Weight.NONE), (1, Weight.NONE)]
)
def test_a_count_of_the_source_only_prolongs(expected: int, weight: Weight) -> None:
    assert counted(3, expected, "PACS").weight is weight
    assert untold("PACS", "no answer").weight is Weight.NONE
