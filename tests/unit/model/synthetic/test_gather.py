from typing import Any

import numpy as np
import pytest

from model.affine import to_index, to_patient
from model.synthetic.deformation import Deformation, rotation
from model.synthetic.gather import centres, gather
from model.synthetic.stack import affine, offsets
from model.synthetic.tissue import Tissue


@pytest.mark.parametrize("seed", range(3))
def test_each_pixel_has_the_tissue_of_its_place(toy_subject: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    deformation = Deformation.sample(rng, np.array([0.0, -20.0, 0.0]))
    shape = (7, 40, 50)
    grid = affine(np.array([1.0, -20.0, 5.0]), rotation(3, -4, 5), shape, (4.4, 3.0, 2.5))
    table = np.arange(256, dtype=np.float32)[:, None]
    found = gather(
        toy_subject.label_map,
        deformation,
        affine=grid,
        shape=shape,
        offsets=np.zeros((1, 3)),
        table=table,
    )
    index = np.stack(np.indices(shape), -1).reshape(-1, 3)
    places = deformation.to_subject(to_patient(grid, index))
    # a place within rounding of a voxel's border may fall on either side
    expected = toy_subject.label_map.at(places)
    assert (found.reshape(-1) == expected).mean() > 0.999


def test_sub_samples_are_averaged(toy_subject: Any) -> None:
    shape = (5, 30, 30)
    grid = affine(np.array([0.0, -20.0, 0.0]), np.eye(3), shape, (5.0, 4.0, 4.0))
    table = np.zeros((256, 2), np.float32)
    table[Tissue.MARROW] = 1, 3
    found = gather(
        toy_subject.label_map,
        Deformation.none(),
        affine=grid,
        shape=shape,
        offsets=offsets(8, 4.0, 5.0),
        table=table,
    )
    assert 0 < ((found[..., 0] > 0.01) & (found[..., 0] < 0.99)).mean() < 0.5
    np.testing.assert_allclose(found[..., 1], 3 * found[..., 0], rtol=1e-5)


def test_the_border_goes_on(toy_subject: Any) -> None:
    grid = affine(np.array([0.0, -20.0, 1000.0]), np.eye(3), (1, 1, 1), (4.0, 1.0, 1.0))
    table = np.eye(256, dtype=np.float32)
    found = gather(
        toy_subject.label_map,
        Deformation.none(),
        affine=grid,
        shape=(1, 1, 1),
        offsets=np.zeros((1, 3)),
        table=table,
    )
    top = toy_subject.label_map.at([(0.0, -20.0, 150.0)])[0]
    assert found[0, 0, 0].argmax() == top


def test_centres_lie_where_the_deformation_puts_them(toy_subject: Any) -> None:
    deformation = Deformation.sample(np.random.default_rng(1), np.array([0.0, -20.0, 0.0]))
    shape = (3, 20, 30)
    grid = affine(np.zeros(3), rotation(3, -4, 5), shape, (4.4, 9.0, 8.0))
    label_map = toy_subject.label_map
    places = list(centres(label_map, deformation, affine=grid, shape=shape))
    assert len(places) == 3
    index = np.stack(np.indices(shape), -1).reshape(-1, 3)
    points = deformation.to_subject(to_patient(grid, index))
    expected = to_index(label_map.affine, points).reshape(3, -1, 3)
    np.testing.assert_allclose(np.swapaxes(places, 1, 2), expected, atol=0.01)
