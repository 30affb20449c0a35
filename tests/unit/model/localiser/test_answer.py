"""From heatmaps to named points: with the truth in the heatmaps, the truth comes out."""

import numpy as np

from model.labels import LABELS
from model.localiser.answer import answer, centre
from tests.unit.model.localiser.conftest import Spine, knowing


def test_what_the_networks_know_comes_out(scan: Spine) -> None:
    said = answer(scan.pixels, scan.affine, knowing(scan))
    assert tuple(said.found) == LABELS
    for name, one in said.found.items():
        error = one.point_mm - scan.points[name]
        assert np.hypot(*error[1:]) < 0.5, name
        assert abs(error[0]) < 1.0, name
        assert one.mass > 0.5
        assert one.present > 0.9
        assert one.level_mass > 0.5
    assert said.chain.margin > 3
    for name, (point, mass, present) in said.anchors.items():
        assert np.linalg.norm((point - scan.anchors[name])[1:]) < 3
        assert mass > 0.4
        assert present > 0.9


def test_the_fine_network_mends_what_the_coarse_one_misses_by_millimetres(scan: Spine) -> None:
    rng = np.random.default_rng(1)
    errors = {name: rng.normal(0, 3, 3) * np.array([0.5, 1, 1]) for name in scan.everything}
    said = answer(scan.pixels, scan.affine, knowing(scan, lambda name: errors[name]))
    for name, one in said.found.items():
        assert np.hypot(*(one.point_mm - scan.points[name])[1:]) < 0.5, name
        assert np.hypot(*(one.coarse_mm - scan.points[name])[1:]) > 0.1, name


def test_slices_from_left_to_right_give_the_same_points(scan: Spine) -> None:
    """Sides come from the patient's x, never from the order of an array's rows or columns."""
    flipped = scan.affine.copy()
    flipped[:3, 3] += (scan.pixels.shape[2] - 1) * flipped[:3, 2]
    flipped[:3, 2] *= -1
    said = answer(scan.pixels[..., ::-1].copy(), flipped, knowing(scan))
    for name, one in said.found.items():
        assert np.hypot(*(one.point_mm - scan.points[name])[1:]) < 0.5, name


def test_the_centre_of_a_heatmap_is_found_between_cells() -> None:
    affine = np.diag([4.0, 1.0, 1.0, 1.0])
    grid = np.stack(np.meshgrid(*map(np.arange, (5, 48, 48)), indexing="ij"), -1)
    apart = (grid - np.array([2.2, 20.3, 30.6])) * np.array([1 / 0.6, 1 / 1.5, 1 / 1.5])
    point, mass = centre((-0.5 * (apart**2).sum(-1)).astype(np.float32), affine)
    np.testing.assert_allclose(point, (8.8, 20.3, 30.6), atol=0.25)
    assert mass > 0.9


def test_a_flat_heatmap_has_little_mass_anywhere() -> None:
    _, mass = centre(np.zeros((5, 48, 48), np.float32), np.diag([4.0, 1.0, 1.0, 1.0]))
    assert mass < 0.05
