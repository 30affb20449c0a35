"""Affine maps: against points worked out by hand."""

import numpy as np

from model import affine

# slices 4 mm apart along x, rows 0.5 mm towards the feet, columns 0.75 mm to the back
SAGITTAL = np.array([
    [4.0, 0.0, 0.0, -8.0],
    [0.0, 0.0, 0.75, -50.0],
    [0.0, -0.5, 0.0, 70.0],
    [0.0, 0.0, 0.0, 1.0],
])  # fmt: skip


def test_maps_indices_to_the_patient() -> None:
    points = affine.to_patient(SAGITTAL, [[0, 0, 0], [2, 10, 4]])
    np.testing.assert_allclose(points, [[-8, -50, 70], [0, -47, 65]])


def test_maps_back_what_it_mapped() -> None:
    turned = SAGITTAL.copy()
    turned[:3, :3] += np.random.default_rng(0).normal(0, 0.05, (3, 3))
    index = np.random.default_rng(1).uniform(0, 100, (20, 3))
    np.testing.assert_allclose(affine.to_index(turned, affine.to_patient(turned, index)), index)


def test_takes_a_single_point() -> None:
    assert affine.to_index(SAGITTAL, (-8.0, -50.0, 70.0)).tolist() == [[0.0, 0.0, 0.0]]


def test_reads_the_spacing_per_axis() -> None:
    assert affine.spacing_mm(SAGITTAL) == (4.0, 0.5, 0.75)
