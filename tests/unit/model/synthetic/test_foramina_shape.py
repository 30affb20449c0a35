import numpy as np
import pytest

from model.labels import LABELS, LEVELS, SIDES, label
from model.synthetic import foramina_shape
from model.synthetic.foramina_reference import CT_MM, SHAPE

SPACING_MM = (4.0, 0.5, 0.5)


def straight(gap_mm: float = 32.0) -> np.ndarray:
    """Foramina in two vertical lines: (level, side, (slice, row, column)), left on slice 11."""
    index = np.zeros((len(LEVELS), len(SIDES), 3))
    index[:, :, 0] = [11.0, 4.0]
    index[:, :, 1] = (20 + gap_mm * np.arange(len(LEVELS)))[:, None] / SPACING_MM[1]
    index[:, :, 2] = 100.0
    return index


def test_statistics_have_the_names_of_the_reference() -> None:
    assert set(foramina_shape.statistics(straight(), SPACING_MM)) == set(SHAPE)


def test_a_straight_even_spine_has_equal_steps_and_no_bow() -> None:
    found = foramina_shape.statistics(straight(), SPACING_MM)
    steps = [found[name][0] for name in found if name.startswith("relative_step")]
    assert steps == pytest.approx([0.25] * 4)
    assert found["bow_l3_l4_rel_to_total"] == pytest.approx([0.0])
    assert found["chord_tilt_deg_from_vertical"] == pytest.approx([0.0])
    assert found["left_right_same_level_inplane_offset_rel_to_total"] == pytest.approx([0.0] * 5)
    assert found["instance_gap_left_right_l5_s1"] == [7.0]
    assert found["slice_spread_within_side"] == [0.0, 0.0]


def test_a_step_is_a_share_of_the_whole_way() -> None:
    index = straight()
    index[4, :, 1] += 32.0 / SPACING_MM[1]  # the lowest twice as far
    found = foramina_shape.statistics(index, SPACING_MM)
    assert found["relative_step_L4L5-L5S1"] == pytest.approx([0.4])


def test_a_spine_curved_forward_has_positive_bows() -> None:
    index = straight()
    index[2, :, 2] -= 128 * 0.05 / SPACING_MM[2]  # columns run from front to back
    found = foramina_shape.statistics(index, SPACING_MM)
    assert found["bow_l3_l4_rel_to_total"][0] == pytest.approx(0.05, abs=2e-3)
    assert found["bow_l2_l3_rel_to_total"][0] == pytest.approx(0.0, abs=1e-9)


def test_a_lower_end_in_front_tilts_negatively() -> None:
    index = straight()
    index[:, :, 2] -= np.tan(np.deg2rad(6.6)) * (index[:, :, 1] - index[0, 0, 1])
    found = foramina_shape.statistics(index, SPACING_MM)
    assert found["chord_tilt_deg_from_vertical"] == pytest.approx([-6.6])


def test_points_between_slices_count_for_the_nearer_one() -> None:
    index = straight()
    index[:, 0, 0] = [10.4, 10.6, 11.4, 11.6, 12.0]
    found = foramina_shape.statistics(index, SPACING_MM)
    assert found["distinct_slices_used_per_side"] == [3.0, 1.0]
    assert found["slice_spread_within_side"] == [2.0, 0.0]


def test_indices_need_all_ten_points_on_the_scan() -> None:
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    points = {
        label(level, side): (4.0 * (5 if side == "left" else 2), 10.0 * number, 30.0)
        for number, level in enumerate(LEVELS)
        for side in SIDES
    }
    index = foramina_shape.indices(points, affine, (8, 60, 60))
    assert index is not None
    assert index[3, 0].tolist() == [5.0, 30.0, 30.0]
    assert foramina_shape.indices(points, affine, (8, 40, 60)) is None
    del points["L2-right"]
    assert foramina_shape.indices(points, affine, (8, 60, 60)) is None


def test_lengths_have_the_names_of_the_reference_and_are_in_mm() -> None:
    points = {
        name: (15.0 if name.endswith("left") else -15.0, 0.0, -30.0 * (number // 2))
        for number, name in enumerate(LABELS)
    }
    found = foramina_shape.lengths_mm(points)
    assert set(found) == set(CT_MM)
    assert found["foramen_L3L4_left_right_mm"] == [30.0]
    assert found["foramen_L3L4_to_L4L5_mm"] == [30.0, 30.0]
    assert not foramina_shape.lengths_mm({})["foramen_L3L4_left_right_mm"]


def test_pooled_values_have_a_spread() -> None:
    pooled = foramina_shape.pooled([{"step": [1.0]}, {"step": [3.0]}])
    spread = foramina_shape.spread(pooled["step"])
    assert (spread.mean, spread.sd) == (2.0, 1.0)
    assert spread.p5 == pytest.approx(1.1)
