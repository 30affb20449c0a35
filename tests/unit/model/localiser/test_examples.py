"""Training examples: targets lie where the image shows the foramen."""

import numpy as np
import pytest

from model.labels import LABELS
from model.localiser.examples import coarse_example, fine_examples
from model.localiser.spec import CoarseSpec, FineSpec
from tests.unit.model.localiser.conftest import Spine, spine


@pytest.fixture(scope="module")
def scan() -> Spine:
    return spine(4)


def brightness(pixels: np.ndarray, place: np.ndarray) -> float:
    index = tuple(np.clip(np.round(place).astype(int), 0, np.array(pixels.shape) - 1))
    return float(pixels[index])


def test_every_foramen_is_where_the_target_says(scan: Spine) -> None:
    spec = CoarseSpec()
    example = coarse_example(scan, spec)
    assert example.known.all()
    for row, name in enumerate(spec.points):
        place = example.points_mm[row] / example.spacing_mm
        if name in LABELS:
            assert brightness(example.pixels, place) > 2.5, name


def test_what_lies_outside_is_not_known(scan: Spine) -> None:
    cut = Spine(
        scan.pixels[:, 120:], scan.affine @ shift(120), scan.points, scan.decoys, scan.anchors
    )
    spec = CoarseSpec()
    known = dict(zip(spec.points, coarse_example(cut, spec).known, strict=True))
    assert known["T12-left"] == 0
    assert known["L5-left"] == known["S1-right"] == 1


def shift(rows: int) -> np.ndarray:
    moved = np.eye(4)
    moved[1, 3] = rows
    return moved


def test_crops_show_the_foramen_where_their_target_says(scan: Spine) -> None:
    spec = FineSpec()
    examples = fine_examples(scan, spec, np.random.default_rng(0), 40)
    present = [one for one in examples if one.present]
    assert 20 <= len(present) <= 38
    for one in present:
        assert brightness(one.pixels, one.point_mm / one.spacing_mm) > 1.5


def test_stray_crops_show_no_lumbar_foramen_in_their_middle(scan: Spine) -> None:
    spec = FineSpec()
    rng = np.random.default_rng(2)
    stray = [one for one in fine_examples(scan, spec, rng, 60) if not one.present]
    middle = tuple(size // 2 for size in spec.shape)
    sacral = sum(brightness(one.pixels, np.array(middle)) > 1.5 for one in stray)
    assert len(stray) > 5
    assert sacral < len(stray)  # a crop at S1/S2 is one, too


def test_a_number_gives_the_same_crops_again(scan: Spine) -> None:
    first, again = (fine_examples(scan, FineSpec(), np.random.default_rng(5), 4) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
