"""Heights by level: counted from the sacrum, going on beyond the ends."""

import numpy as np
import pytest

from model.synthetic.frame import Frame
from model.synthetic.ladder import Ladder
from model.synthetic.spine import SacralSegment, Spine
from tests.toy_trunk import toy_spine


@pytest.mark.parametrize(("name", "level"), [("S2", -1.0), ("S1", 0.0), ("L5", 1.0), ("L1", 5.0)])
def test_levels_are_counted_from_the_sacrum(name: str, level: float) -> None:
    spine = toy_spine()
    z = spine.named(name).frame.origin_mm[2]
    assert Ladder.of(spine).level_at(z) == pytest.approx(level)


def test_heights_and_levels_are_inverse_far_beyond_both_ends() -> None:
    ladder = Ladder.of(toy_spine())
    level = np.linspace(-8.0, 12.0, 41)
    assert np.allclose(ladder.level_at(ladder.height(level)), level)
    assert np.all(np.diff(ladder.height(level)) > 0)


def test_front_centre_and_tips_follow_one_another_from_front_to_back() -> None:
    ladder = Ladder.of(toy_spine())
    z = ladder.height(np.linspace(1.3, 8.0, 30))
    assert np.all(ladder.front_at(z) < ladder.centre_at(z) - 10)
    assert np.all(ladder.tip_at(z) > ladder.centre_at(z) + 40)


def test_a_coccyx_that_curls_upwards_does_not_fold_the_ladder() -> None:
    plain = toy_spine()
    low = plain.sacrum[-1]
    curled = SacralSegment(
        "Co2", Frame.turned(low.frame.origin_mm + np.array([0, -9, 6]), 60), 8, 4, 9
    )
    ladder = Ladder.of(Spine(plain.vertebrae, (*plain.sacrum, curled)))
    assert np.all(np.diff(ladder.z_mm) > 0)
