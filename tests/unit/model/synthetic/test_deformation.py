import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.synthetic.deformation import Deformation, rotation


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.floats(0, 1.2))
def test_points_come_back(seed: int, strength: float) -> None:
    rng = np.random.default_rng(seed)
    deformation = Deformation.sample(rng, np.array([0.0, -20.0, 10.0]), strength)
    points = rng.uniform(-220, 220, (50, 3))
    there = deformation.to_scan(points)
    np.testing.assert_allclose(deformation.to_subject(there), points, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_space_never_folds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    deformation = Deformation.sample(rng, np.zeros(3))
    points = rng.uniform(-200, 200, (300, 3))
    step = 1e-3
    columns = [
        (deformation.to_subject(points + step * unit) - deformation.to_subject(points)) / step
        for unit in np.eye(3)
    ]
    assert (np.linalg.det(np.stack(columns, -1)) > 0.2).all()


def test_no_strength_moves_nothing() -> None:
    points = np.random.default_rng(1).uniform(-100, 100, (20, 3))
    for still in (
        Deformation.none(),
        Deformation.sample(np.random.default_rng(2), np.ones(3), strength=0.0),
    ):
        np.testing.assert_allclose(still.to_scan(points), points, atol=1e-9)


def test_the_nonlinear_part_matters() -> None:
    deformation = Deformation.sample(np.random.default_rng(3), np.zeros(3))
    points = np.random.default_rng(4).uniform(-100, 100, (200, 3))
    linear = points @ deformation.matrix.T
    assert np.abs(deformation.to_subject(points) - linear).max() > 1.0


def test_a_rotation_turns_in_the_stated_direction() -> None:
    np.testing.assert_allclose(rotation(0, 0, 90) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation(90, 0, 0) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation(0, 90, 0) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
