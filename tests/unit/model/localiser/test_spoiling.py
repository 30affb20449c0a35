"""Spoilt volumes: what is cut off is gone, what is spoilt is no spine as its header says."""

import numpy as np
import pytest

from model.localiser import examples
from model.localiser.examples import coarse_example
from model.localiser.spec import CoarseSpec
from model.localiser.spoiling import above, cut, spoil
from tests.unit.model.localiser.conftest import Spine


def heights(image: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """The least and the greatest z of the first column's pixels."""
    pixels, affine = image
    ends = np.array([[0, row, 0, 1] for row in (0, pixels.shape[1] - 1)], float)
    z = (affine @ ends.T)[2]
    return float(z.min()), float(z.max())


def test_a_cut_keeps_what_it_keeps_in_its_place(scan: Spine) -> None:
    lost_below = 0
    for seed in range(40):
        pixels, affine = cut((scan.pixels, scan.affine), np.random.default_rng(seed))
        assert 0.39 < pixels.shape[1] / scan.pixels.shape[1] < 0.86
        first = round(np.linalg.norm(affine[:3, 3] - scan.affine[:3, 3]) / 0.9)
        np.testing.assert_array_equal(pixels, scan.pixels[:, first : first + pixels.shape[1]])
        lost_below += heights((pixels, affine))[0] > heights((scan.pixels, scan.affine))[0] + 5
    assert 20 < lost_below < 38


@pytest.mark.parametrize("turned", [False, True])
def test_above_a_point_nothing_below_is_left(scan: Spine, turned: bool) -> None:
    pixels, affine = scan.pixels, scan.affine
    if turned:  # the file's rows run towards the head
        pixels = pixels[:, ::-1]
        affine = affine @ np.array(
            [[1, 0, 0, 0], [0, -1, 0, pixels.shape[1] - 1], [0, 0, 1, 0], [0, 0, 0, 1.0]]
        )
    point = np.array(scan.points["L4-left"])
    left = above((pixels, affine), point)
    low, high = heights(left)
    assert low > point[2] - 8  # the stack is oblique
    assert high == pytest.approx(heights((pixels, affine))[1], abs=1e-6)


def test_every_kind_of_spoiling_occurs_and_keeps_the_slices(scan: Spine) -> None:
    kinds = set()
    for seed in range(60):
        pixels, affine = spoil((scan.pixels, scan.affine), np.random.default_rng(seed))
        assert len(pixels) == len(scan.pixels)
        assert np.isfinite(pixels).all()
        field = np.array(pixels.shape[1:]) * np.linalg.norm(affine[:3, 1:3], axis=0)
        assert field.max() <= 520.5
        if not np.allclose(affine, scan.affine):
            kinds.add("larger" if field.max() > 300 else "smaller")
        elif pixels.shape != scan.pixels.shape:
            kinds.add("lying")
        elif np.array_equal(np.sort(pixels, axis=None), np.sort(scan.pixels, axis=None)):
            kinds.add("turned")
        else:
            kinds.add("noise")
    assert kinds == {"larger", "smaller", "lying", "turned", "noise"}


def test_some_examples_are_cut_and_some_have_nothing(
    scan: Spine, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = CoarseSpec()
    sacrum = spec.points.index("S1-endplate")
    monkeypatch.setattr(examples, "_SPOILT", 0.3)
    monkeypatch.setattr(examples, "_CUT", 0.4)
    made = [coarse_example(scan, spec, np.random.default_rng(seed)) for seed in range(40)]
    empty = [one for one in made if not one.known.any()]
    assert 4 < len(empty) < 22
    assert all(one.labelled.all() for one in made)
    assert any(one.known.any() and not one.known[sacrum] for one in made)
    assert any(one.known.all() for one in made)
