from typing import Any

import numpy as np

from model.affine import to_index
from model.synthetic.acquisition import sample
from model.synthetic.augmentation import Augmentation, swapped
from model.synthetic.scan import flipped


def test_flipping_mirrors_pixels_and_points_together(toy_subject: Any) -> None:
    scan = sample(toy_subject, np.random.default_rng(4), augment=Augmentation.none())
    other = flipped(scan)
    np.testing.assert_array_equal(other.pixels, scan.pixels[::-1])
    np.testing.assert_array_equal(other.affine, scan.affine)
    for name, place in scan.points.items():
        slice_, row, column = to_index(scan.affine, [place])[0]
        found = to_index(other.affine, [other.points[swapped(name)]])[0]
        np.testing.assert_allclose(found, [len(scan.pixels) - 1 - slice_, row, column], atol=1e-9)
    assert set(other.decoys) == set(scan.decoys)
    assert set(other.anchors) == set(scan.anchors)


def test_flipping_twice_gives_the_scan_back(toy_subject: Any) -> None:
    scan = sample(toy_subject, np.random.default_rng(5))
    again = flipped(flipped(scan))
    np.testing.assert_array_equal(again.pixels, scan.pixels)
    for name, place in scan.points.items():
        np.testing.assert_allclose(again.points[name], place, atol=1e-9)
        np.testing.assert_allclose(again.foramina[name].axes, scan.foramina[name].axes, atol=1e-9)
