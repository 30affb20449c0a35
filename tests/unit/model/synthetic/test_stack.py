import numpy as np
import pytest

from model.affine import to_patient
from model.synthetic.deformation import rotation
from model.synthetic.stack import affine, offsets


@pytest.mark.parametrize("count", [1, 3, 4, 10])
def test_sub_samples_are_centred(count: int) -> None:
    found = offsets(count, 4.0, 4.8)
    assert found.shape == (count, 3)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    assert np.abs(found[:, 1:]).max() <= 0.75


def test_sub_samples_spread_over_the_thickness_not_the_gap() -> None:
    through = offsets(50, 4.0, 5.0)[:, 0] * 5.0
    assert np.abs(through).max() == pytest.approx(2.0, abs=0.2)
    assert (np.abs(through) < 1.0).mean() == pytest.approx(0.5, abs=0.05)


def test_a_stack_is_placed_by_its_middle() -> None:
    shape = (15, 101, 81)
    grid = affine(np.array([3.0, -20.0, 40.0]), rotation(0, 5, -3), shape, (4.4, 0.9, 0.8))
    np.testing.assert_allclose(to_patient(grid, [7, 50, 40])[0], [3, -20, 40], atol=1e-9)
    assert np.linalg.det(grid[:3, :3]) == pytest.approx(4.4 * 0.9 * 0.8)


def test_an_unturned_stack_is_sagittal() -> None:
    grid = affine(np.zeros(3), np.eye(3), (3, 3, 3), (4.0, 1.0, 1.0))
    np.testing.assert_allclose(grid[:3, :3], [[4, 0, 0], [0, 0, 1], [0, -1, 0]])
