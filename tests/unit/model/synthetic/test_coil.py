from typing import Any

import numpy as np

from model.affine import to_index
from model.synthetic import coil, stack
from model.synthetic.deformation import Deformation


def test_sensitivity_falls_from_the_back_to_the_front(toy_subject: Any) -> None:
    shape = (11, 90, 90)
    affine = stack.affine(np.array([0.0, -25.0, 0.0]), np.eye(3), shape, (4.4, 2.8, 2.4))
    falls, evened = [], 0
    back, front = to_index(affine, [(0.0, 60.0, 0.0), (0.0, -82.0, 0.0)])
    for seed in range(40):
        made = coil.receive(
            np.random.default_rng(seed), toy_subject, Deformation.none(), affine, shape
        )
        assert (made.gain > 0).all()
        assert np.isfinite(made.correction).all()
        column = made.gain[5, round(back[1])]
        falls.append(column[round(back[2])] / column[round(front[2])])
        evened += bool(np.ptp(made.correction) > 0.05)
    assert 3 < np.median(falls) < 15
    assert 3 < evened < 20


def test_sensitivity_is_nearly_even_from_the_body_to_the_muscle(toy_subject: Any) -> None:
    shape = (11, 90, 90)
    affine = stack.affine(np.array([0.0, -25.0, 0.0]), np.eye(3), shape, (4.4, 2.8, 2.4))
    body, muscle = np.rint(to_index(affine, [(0.0, -18.0, 0.0), (0.0, 30.0, 0.0)])).astype(int)
    made = [
        coil.receive(np.random.default_rng(seed), toy_subject, Deformation.none(), affine, shape)
        for seed in range(20)
    ]
    assert np.median([one.gain[tuple(muscle)] / one.gain[tuple(body)] for one in made]) < 1.4


def test_the_picture_fades_where_the_map_ends(toy_subject: Any) -> None:
    inside, border, beyond = coil.reach(
        toy_subject, np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 150.0], [0.0, 0.0, 190.0]])
    )
    assert inside > 0.99
    assert 0.4 < border < 0.6
    assert beyond < 0.01
