"""The gallery keeps the worst scans and draws them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model import metrics
from model.cases import Case
from model.gallery import WorstCases, draw, title
from model.labels import LABELS, split
from model.landmark import Landmark, Point, Prediction
from model.volume import Volume


def case(name: str, points: dict[str, Point] | None = None) -> Case:
    """Make a small scan: 9 slices of 4 mm, 60 x 50 pixels of 3 and 4 mm."""
    affine = np.array(
        [[4.0, 0, 0, -16], [0, 0, 4.0, -100], [0, -3.0, 0, 90], [0, 0, 0, 1.0]], np.float64
    )
    pixels = np.random.default_rng(0).normal(100, 20, (9, 60, 50)).astype(np.float32)
    truth = points or {
        label: (8.0 if split(label)[1] == "left" else -8.0, 0.0, 70.0 - 25.0 * (index // 2))
        for index, label in enumerate(LABELS)
    }
    return Case(name, Volume(pixels, affine, "1.2", ("1.2.3",) * 9, "d"), truth, {})


def see(kept: WorstCases, one: Case, missed: Sequence[str] = (), up_mm: float = 0.0) -> None:
    landmarks = tuple(
        Landmark(name, reason="dark") if name in missed or name not in one.points
        else Landmark(name, (*one.points[name][:2], one.points[name][2] + up_mm), 0.9)
        for name in LABELS
    )  # fmt: skip
    prediction = Prediction(landmarks, "b", "1", "d")
    kept.see(one, prediction, metrics.distances(one.name, prediction, one.points))


def test_keeps_the_worst_in_order_and_no_more() -> None:
    kept = WorstCases(3)
    see(kept, case("fine"))
    see(kept, case("one missed"), ["L1-left"])
    see(kept, case("shifted"), up_mm=25.0)
    see(kept, case("far shifted"), up_mm=50.0)
    see(kept, case("also fine"))
    assert [seen.case.name for seen in kept.cases] == ["far shifted", "shifted", "one missed"]


def test_of_equal_scans_the_first_is_kept() -> None:
    kept = WorstCases(2)
    for name in ("a", "b", "c"):
        see(kept, case(name))
    assert [seen.case.name for seen in kept.cases] == ["a", "b"]


def test_draws_every_kind_of_scan(tmp_path: Path) -> None:
    kept = WorstCases()
    see(kept, case("fine"))
    see(kept, case("all missed"), LABELS)
    see(kept, case("shifted"), up_mm=25.0)
    see(kept, case("out of the image"), up_mm=500.0)
    see(kept, case("one side", {"L4-left": (8.0, 0.0, 0.0)}))
    draw(kept.cases, tmp_path / "worst.png")
    assert (tmp_path / "worst.png").read_bytes().startswith(b"\x89PNG")


def test_titles_tell_what_is_wrong() -> None:
    kept = WorstCases()
    see(kept, case("up"), up_mm=25.0)
    see(kept, case("missed"), ["L2-left"])
    see(kept, case("fine"))
    up, missed, fine = (title(seen) for seen in kept.cases)
    assert up.startswith("up: 10 of 10 not within 5 mm, all by 1 level up\nL1-left 25 mm, ")
    assert up.endswith("6 more")
    assert missed == "missed: 1 of 10 not within 5 mm\nL2-left missed"
    assert fine == "fine: every foramen within 5 mm"


def test_nothing_to_draw_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no scan to draw"):
        draw([], tmp_path / "worst.png")
