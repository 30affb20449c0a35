"""What the grade does to a foramen, and what surrounds it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from model.labels import LABELS
from model.synthetic import anatomy
from model.synthetic.anatomy import Subject
from model.synthetic.canvas import among
from model.synthetic.tissue import FORAMEN, Tissue
from model.synthetic.traits import LEVELS_ABOVE, Traits

SPACING = (2.0, 1.0, 1.0)


@cache
def _graded(grade: int) -> Subject:
    traits = replace(
        Traits.sample(np.random.default_rng(8)),
        lumbar_count=5,
        narrowing=((grade, grade),) * LEVELS_ABOVE,
        facet_growth=((0.2, 0.2),) * LEVELS_ABOVE,
    )
    return anatomy.draw(8, traits, SPACING)


def _count(subject: Subject, label: str, tissue: Tissue) -> int:
    """Count voxels of a tissue in a box of 6 x 14 x 20 mm round a foramen."""
    foramen = subject.foramina[label]
    grid = np.mgrid[-3:3.1:2, -7:7.1:1, -10:10.1:1].reshape(3, -1).T
    found = subject.label_map.at(foramen.centre_mm + grid @ foramen.axes)
    return int(np.count_nonzero(found == tissue))


def test_fat_shrinks_with_the_grade() -> None:
    fat = [
        sum(_count(_graded(grade), label, Tissue.FORAMINAL_FAT) for label in LABELS)
        for grade in (0, 1, 2)
    ]
    assert fat[0] > 1.15 * fat[1]
    assert fat[1] > 2 * fat[2]


@pytest.mark.parametrize("label", LABELS)
def test_ganglion_lies_in_the_upper_half(label: str) -> None:
    foramen = _graded(0).foramina[label]
    grid = np.mgrid[-3:3.1:1, -7:7.1:0.7, -10:10.1:0.7].reshape(3, -1).T
    labels = _graded(0).label_map.at(foramen.centre_mm + grid @ foramen.axes)
    inside = grid[labels == Tissue.GANGLION]
    assert len(inside) > 10
    assert inside[:, 2].mean() > 0


def test_grades_are_kept() -> None:
    assert set(_graded(1).grades.values()) == {1}
    assert all(one.grade == 1 for one in _graded(1).foramina.values())


def test_axes_point_outward_back_and_up() -> None:
    for label, foramen in _graded(0).foramina.items():
        assert np.sign(foramen.axes[0, 0]) == (1 if label.endswith("left") else -1)
        assert foramen.axes[1, 1] > 0.7
        assert foramen.axes[2, 2] > 0.7
        assert np.all(foramen.half_mm > 1)


def _depth_mm(label: str, low_mm: float, high_mm: float) -> float:
    """Give the mean front-to-back extent of the opening between two heights above its point."""
    subject = _graded(0)
    foramen = subject.foramina[label]
    grid = np.mgrid[0:1, -9:9.1:0.5, low_mm:high_mm:0.5]
    labels = subject.label_map.at(foramen.centre_mm + grid.reshape(3, -1).T @ foramen.axes)
    opened = among(labels, FORAMEN).reshape(grid.shape[1:])
    return float(opened[0].sum(axis=0).mean() * 0.5)


def test_opening_is_a_drop_wider_above_than_along_the_disc() -> None:
    wide = [_depth_mm(label, 2.0, 6.0) for label in LABELS]
    narrow = [_depth_mm(label, -8.0, -4.0) for label in LABELS]
    assert np.mean(wide) > 1.6 * np.mean(narrow)
    assert 5.0 < np.mean(wide) < 10.0


def test_point_is_the_middle_of_the_opening() -> None:
    for label in LABELS:
        foramen = _graded(0).foramina[label]
        grid = np.mgrid[-1:1.1:1, -7:7.1:0.5, -12:12.1:0.5].reshape(3, -1).T
        labels = _graded(0).label_map.at(foramen.centre_mm + grid @ foramen.axes)
        middle = grid[among(labels, FORAMEN)].mean(axis=0)
        assert abs(middle[1]) < 2.5, label
        assert abs(middle[2]) < 4.5, label
