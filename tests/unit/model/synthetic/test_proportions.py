"""Distances of the drawn chains against the published ones."""

from dataclasses import replace

import numpy as np
import pytest

from model.synthetic import foramen, proportions
from model.synthetic.segment import segments
from model.synthetic.traits import Traits


def _people(count: int) -> list[Traits]:
    drawn = [Traits.sample(np.random.default_rng(seed)) for seed in range(count)]
    return [replace(one, lumbar_count=5) for one in drawn]


def test_body_distances_follow_the_ct_spines() -> None:
    distances = []
    for traits in _people(120):
        centres = [one.frame.origin_mm for one in proportions.build(traits).vertebrae[:5]]
        distances.append(np.linalg.norm(np.diff(centres, axis=0), axis=1))
    # vid-spine-keypoints, L4-L5 up to L1-L2
    np.testing.assert_allclose(np.mean(distances, axis=0), [36.3, 36.5, 35.8, 34.5], atol=1.2)


def test_relative_steps_of_foramina_follow_the_real_series() -> None:
    steps = []
    for traits in _people(120):
        parts = segments(proportions.build(traits), traits)[4::-1]
        for side in (0, 1):
            points = [foramen.both(part, traits)[side].frame.origin_mm[1:] for part in parts]
            step = np.linalg.norm(np.diff(points, axis=0), axis=1)
            steps.append(step / step.sum())
    np.testing.assert_allclose(np.mean(steps, axis=0), [0.256, 0.262, 0.248, 0.234], atol=0.008)


@pytest.mark.parametrize("count", [4, 5, 6])
def test_ribs_begin_above_the_last_lumbar_vertebra(count: int) -> None:
    traits = replace(_people(1)[0], lumbar_count=count)
    spine = proportions.build(traits)
    assert [one.ribs for one in spine.vertebrae] == [one.number > count for one in spine.vertebrae]
    assert [one.name for one in spine.vertebrae[:6]] == ["L5", "L4", "L3", "L2", "L1", "T12"]


def test_chord_tilt_follows_the_trait() -> None:
    traits = _people(1)[0]
    lean = [
        proportions.build(replace(traits, chord_tilt_deg=tilt)).vertebrae[4].frame.origin_mm[1]
        for tilt in (-15.0, 0.0)
    ]
    assert lean[0] > lean[1] + 20  # forward to the feet is backward to the head


def test_a_slipped_vertebra_stands_in_front_and_a_broken_one_is_lower() -> None:
    plain = replace(_people(1)[0], slip_mm=(0.0,) * 10, wedge=(0.0,) * 10, crush=(0.0,) * 10)
    slipped = replace(plain, slip_mm=(0.0, 8.0, *(0.0,) * 8))
    broken = replace(plain, wedge=(0.0, 0.0, 0.4, *(0.0,) * 7))

    def step(traits: Traits) -> float:
        lower, upper = proportions.build(traits).vertebrae[:2]
        return float(lower.frame.to_local(upper.frame.origin_mm)[1])

    assert step(slipped) - step(plain) == pytest.approx(-8.0, abs=0.8)
    size = proportions.size_of(3, broken)
    assert size.front_height < 0.7 * proportions.size_of(3, plain).front_height
    assert size.back_height == pytest.approx(proportions.size_of(3, plain).back_height)


def test_lordosis_is_the_angle_from_s1_to_l1() -> None:
    angles = []
    for traits in _people(60):
        plain = replace(traits, wedge=(0.0,) * 10, tilt_deg=((0.0, 0.0, 0.0),) * 10)
        spine = proportions.build(plain)
        top = spine.named("L1").frame.axes[2]
        base = spine.named("S1").frame.axes[2]
        pitch = np.rad2deg(np.arctan2(top[1], top[2]) - np.arctan2(base[1], base[2]))
        angles.append(pitch - traits.lordosis_deg)
    assert abs(float(np.mean(angles))) < 6
    assert float(np.std(angles)) < 4


def test_lordosis_high_bends_the_line_of_foramina_but_keeps_the_lordosis() -> None:
    plain = replace(_people(1)[0], wedge=(0.0,) * 10, tilt_deg=((0.0, 0.0, 0.0),) * 10)

    def bow_and_lordosis(share: float) -> tuple[float, float]:
        spine = proportions.build(replace(plain, lordosis_high=share))
        line = np.array([one.frame.origin_mm[1:] for one in spine.vertebrae[:5]])
        chord = (line[4] - line[0]) / np.linalg.norm(line[4] - line[0])
        across = np.array([chord[1], -chord[0]])
        bow = float((line[2] - line[0]) @ across)
        ends = spine.named("L1").frame.axes[2], spine.named("S1").frame.axes[2]
        return bow, float(np.degrees(np.arccos(ends[0] @ ends[1])))

    low, high = bow_and_lordosis(-0.6), bow_and_lordosis(0.6)
    assert abs(high[0]) > abs(low[0]) + 3
    assert high[1] == pytest.approx(low[1], abs=2.5)
