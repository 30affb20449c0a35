"""Marks on slices: which, where, and none outside the image."""

import numpy as np
import pytest

from model.labels import LABELS, LEVELS
from model.synthetic.marks import REACH_MM, inside, marks
from tests.toy_scan import SPACING_MM, affine, foramen, indices, toy_scan


@pytest.mark.parametrize(("level", "slices"), [("L1", [9]), ("L4", [8, 9, 10])])
def test_longer_canals_are_marked_on_more_slices(level: str, slices: list[int]) -> None:
    scan = toy_scan()
    name = f"{level}-left"
    scan.foramina = {name: foramen(name, (2 * SPACING_MM[0], 8.0, -30.0))}  # 2 beside slice 7
    found = indices(scan, marks(scan)[name])[:, 0]
    assert np.allclose(found, slices)


def test_marks_stand_in_the_thesis_ratio() -> None:
    rng = np.random.default_rng(1)
    counts = dict.fromkeys(LEVELS, 0)
    scan = toy_scan()
    for _ in range(400):
        scan.affine = affine(spacing_mm=(float(rng.choice([3.3, 4.0, 4.4, 4.8, 5.5])), 3.0, 3.2))
        x = float(rng.uniform(15, 20))
        scan.foramina = {
            f"{level}-left": foramen(f"{level}-left", (x, 8.0, 0.0)) for level in LEVELS
        }
        for name, points in marks(scan).items():
            counts[name[:2]] += len(points)
    total = sum(counts.values())
    thesis = dict(zip(LEVELS, (1154, 1274, 1582, 2060, 2267), strict=True))  # table 7.5
    for level, count in counts.items():
        assert count / total == pytest.approx(thesis[level] / sum(thesis.values()), abs=0.02)


@pytest.mark.parametrize("tilt_deg", [(0.0, 0.0), (8.0, 0.0), (-6.0, 5.0)])
def test_a_mark_lies_on_a_slice_and_on_the_canal(tilt_deg: tuple[float, float]) -> None:
    scan = toy_scan(tilt_deg)
    found = marks(scan)
    assert set(found) == set(LABELS)
    for name, points in found.items():
        numbers = indices(scan, points)[:, 0]
        assert np.allclose(numbers, np.rint(numbers), atol=1e-6)
        assert len(set(np.rint(numbers))) == len(points)
        offset = np.array(points) - scan.foramina[name].centre_mm
        assert np.allclose(offset[:, 1:], 0.0)  # the canal runs along x
        assert np.abs(offset[:, 0]).max() <= REACH_MM[name[:2]]


def test_a_foramen_outside_the_image_has_no_mark() -> None:
    scan = toy_scan()
    scan.foramina = {"L1-left": foramen("L1-left", (20.0, 5.0, 400.0))}
    assert marks(scan) == {}


def test_a_canal_that_lies_in_the_slices_is_not_marked() -> None:
    scan = toy_scan()
    along = foramen("L1-left", (20.0, 5.0, 0.0))
    along.axes = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    scan.foramina = {"L1-left": along}
    assert marks(scan) == {}


def test_inside_counts_whole_pixels() -> None:
    scan = toy_scan()
    corner = scan.affine[:3, 3]
    assert inside(tuple(corner), scan.affine, scan.pixels.shape)
    assert not inside((corner[0] - 2.3, *corner[1:]), scan.affine, scan.pixels.shape)
