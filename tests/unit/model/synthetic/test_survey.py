from typing import Any

import numpy as np
import pytest

from model.affine import to_index
from model.synthetic.survey import Protocol, middle_mm


@pytest.fixture(scope="module")
def protocols(toy_subject: Any) -> list[Protocol]:
    return [Protocol.sample(np.random.default_rng(seed), toy_subject) for seed in range(300)]


def test_protocols_stay_in_range(protocols: list[Protocol]) -> None:
    for one in protocols:
        assert 200 <= one.field_of_view_mm[0] <= 450
        assert 11 <= one.slices <= 24
        assert 3 <= one.thickness_mm <= 5
        assert 0.4 <= one.field_of_view_mm[1] / one.pixels[1] <= 1.2
        assert one.matrix[0] <= one.pixels[0]
        assert one.matrix[1] <= one.pixels[1]
        assert np.hypot(*one.turn_deg[1:]) <= 8.0 + 1e-9


def test_most_stacks_hold_all_foramina_and_some_do_not(
    protocols: list[Protocol], toy_subject: Any
) -> None:
    held = []
    for one in protocols:
        shape = np.array([one.slices, *one.pixels])
        index = to_index(one.affine(*one.pixels), list(toy_subject.points.values()))
        held.append(bool(np.all((index > -0.5) & (index < shape - 0.5))))
    assert 0.75 < np.mean(held) < 1.0


def test_a_subject_without_anchors_is_found_by_its_points(toy_subject: Any) -> None:
    bare = type("Bare", (), vars(toy_subject) | {"anchors": {}})
    np.testing.assert_allclose(middle_mm(bare), np.mean(list(toy_subject.points.values()), axis=0))


def test_rows_stay_within_the_map_where_they_fit(
    protocols: list[Protocol], toy_subject: Any
) -> None:
    label_map = toy_subject.label_map
    high = label_map.affine[2, 3]
    low = high - 2.0 * (label_map.labels.shape[1] - 1)
    for one in protocols:
        reach_mm = one.field_of_view_mm[0] / 2
        over_mm = max(one.centre_mm[2] + reach_mm - high, low - one.centre_mm[2] + reach_mm)
        assert over_mm <= max(0.0, reach_mm - (high - low) / 2) + 1e-6
