"""Calibration: shifts are seen as such, and thresholds follow from what went wrong."""

import numpy as np
import pytest

from model.expected import Expected
from model.labels import LABELS, LEVELS, split
from model.localiser import evidence
from model.localiser.answer import answer
from model.localiser.calibration import Judged, as_control, calibrate, clear, judge
from model.localiser.chain import ChainSpec
from tests.unit.model.localiser.conftest import Spine, knowing


def test_a_right_answer_is_right(scan: Spine) -> None:
    said = answer(scan.pixels, scan.affine, knowing(scan))
    one = judge(said, scan.points, Expected(), ChainSpec())
    assert one.levels_right
    assert set(one.points) == set(LABELS)
    assert max(one.distance_mm.values()) < 0.5
    assert one.ordinary
    six = judge(said, scan.points, Expected(lumbar_count=6), ChainSpec())
    assert six.levels_right
    assert not six.ordinary
    transitional = judge(said, scan.points, Expected(numbered=False), ChainSpec())
    assert transitional.unclear
    assert not transitional.ordinary
    assert clear([one, transitional, six]) == [one, six]
    control = as_control(one)
    assert control.levels_right
    assert not control.ordinary
    assert as_control(transitional).unclear
    assert not judge(said, {}, Expected(), ChainSpec()).levels_right
    assert not control.points


def test_a_shifted_answer_is_wrong(scan: Spine) -> None:
    said = answer(scan.pixels, scan.affine, knowing(scan))
    moved = {}
    for name in LABELS:
        level, side = split(name)
        above = LEVELS[max(LEVELS.index(level) - 1, 0)]
        moved[f"{above}-{side}"] = scan.points[name]
    one = judge(said, moved, Expected(), ChainSpec())
    assert not one.levels_right
    assert max(one.distance_mm.values()) > 20


def drawn(count: int, seed: int) -> list[Judged]:
    """Give scans in which a small margin and a small mass go wrong more often."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        levels = rng.random(len(evidence.SCAN))
        levels[0] = rng.uniform(0, 10)
        points = {name: rng.random(len(evidence.FORAMEN)) for name in LABELS}
        near = {
            name: 2.0 if rng.random() < 0.5 + row[1] / 2 else 9.0 for name, row in points.items()
        }
        found.append(Judged(levels, bool(rng.random() < levels[0] / 4), points, near))
    return found


def test_thresholds_keep_their_promise_on_other_scans() -> None:
    spec = calibrate(
        drawn(600, 0),
        most_shifted=0.05, most_far=0.15, least_scans=0.3, least_points=0.2,
        calibrated_on="drawn numbers",
    )  # fmt: skip
    others = drawn(600, 1)
    kept = [one for one in others if spec.levels.probability(one.levels) >= spec.least_levels]
    assert 0.3 < len(kept) / len(others) < 0.95
    assert np.mean([not one.levels_right for one in kept]) < 0.09
    far = [
        one.distance_mm[name] > 5
        for one in kept
        for name, row in one.points.items()
        if spec.point.probability(row) >= spec.least_point
    ]
    assert np.mean(far) < 0.19


def test_too_few_scans_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        calibrate(
            drawn(5, 0),
            most_shifted=0.1, most_far=0.1, least_scans=0.5, least_points=0.5, calibrated_on="",
        )  # fmt: skip
