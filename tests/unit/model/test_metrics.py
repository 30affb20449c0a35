"""The thesis's measures, worked out by hand."""

import pytest

from model import metrics
from model.labels import LABELS, split
from model.landmark import Landmark, Point, Prediction
from model.metrics import Distance

TRUTH: dict[str, Point] = {
    name: (
        15.0 if split(name)[1] == "left" else -15.0,
        0.0,
        100.0 - 30.0 * ("L1", "L2", "L3", "L4", "L5").index(split(name)[0]),
    )
    for name in LABELS
}


def prediction(**points: Point) -> Prediction:
    given = {name.replace("_", "-"): point for name, point in points.items()}
    landmarks = tuple(
        Landmark(name, given[name], 0.9) if name in given else Landmark(name, reason="missed")
        for name in LABELS
    )
    return Prediction(landmarks, "b", "1", "d")


def test_distances_in_x_and_in_the_sagittal_plane() -> None:
    measured = metrics.distances("scan", prediction(L1_left=(19.0, 3.0, 96.0)), TRUTH)
    assert len(measured) == 10
    assert measured[0] == Distance("scan", "L1-left", x_mm=4.0, yz_mm=5.0, right_level=True)
    assert measured[1] == Distance("scan", "L1-right")


def test_a_point_nearer_to_the_next_foramen_is_at_the_wrong_level() -> None:
    (one,) = metrics.distances("s", prediction(L2_left=(15, 0, 99)), {
        name: TRUTH[name] for name in ("L1-left", "L2-left")
    })[1:]  # fmt: skip
    assert one.right_level is False
    assert one.yz_mm == pytest.approx(29.0)


def test_only_what_the_truth_knows_is_measured() -> None:
    truth = {"L4-left": TRUTH["L4-left"]}
    measured = metrics.distances(
        "s", prediction(L4_left=TRUTH["L4-left"], L1_left=(0, 0, 0)), truth
    )
    assert [one.label for one in measured] == ["L4-left"]


def test_summary_by_hand() -> None:
    summary = metrics.summarise([
        Distance("s", "L1-left", 1.0, 2.0, True),
        Distance("s", "L1-right", 3.0, 5.0, True),
        Distance("s", "L2-left", 2.0, 31.0, False),
        Distance("s", "L2-right"),
    ])  # fmt: skip
    assert summary.foramina == 4
    assert summary.missed == 1
    assert summary.mean_x_mm == pytest.approx(2.0)
    assert summary.mean_yz_mm == pytest.approx(38 / 3)
    assert (summary.within_5_mm, summary.recall) == (2, 0.5)
    assert (summary.right_level, summary.right_level_share) == (2, 0.5)
    assert summary.recall_interval == pytest.approx((0.1500, 0.8500), abs=1e-4)


def test_groups_are_all_and_the_levels_present() -> None:
    groups = metrics.by_group([
        Distance("s", "L1-left", 1, 1, True), Distance("s", "L5-left"), Distance("t", "L5-right"),
    ])  # fmt: skip
    assert list(groups) == ["all", "L1", "L5"]
    assert groups["L5"].missed == 2
    assert groups["L5"].mean_yz_mm is None
    assert groups["all"].recall == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("hits", "trials", "expected"),
    [  # values of Newcombe 1998 (Statistics in Medicine 17:857), method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0000, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_interval_as_published(
    hits: int, trials: int, expected: tuple[float, float]
) -> None:
    assert metrics.wilson(hits, trials) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(hits: int, trials: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= hits"):
        metrics.wilson(hits, trials)


def test_nothing_to_summarise_is_told() -> None:
    with pytest.raises(ValueError, match="at least one foramen"):
        metrics.summarise([])
