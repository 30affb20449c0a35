"""Properties of drawn people, at a coarse voxel size unless the size matters."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from model.labels import LABELS, LEVELS
from model.synthetic import anatomy
from model.synthetic.anatomy import Subject
from model.synthetic.canvas import among
from model.synthetic.tissue import FORAMEN, Tissue
from model.synthetic.traits import LUMBARISED, Traits

COARSE = (2.4, 1.6, 1.6)
OPEN = {Tissue.FORAMINAL_FAT, Tissue.EPIDURAL_FAT}


def _traits(seed: int, count: int) -> Traits:
    return replace(Traits.sample(np.random.default_rng(seed)), lumbar_count=count)


@cache
def _subject(seed: int, count: int) -> Subject:
    return anatomy.draw(seed, _traits(seed, count), COARSE)


@pytest.mark.parametrize(("seed", "count"), [(1, 5), (2, 4), (3, 6), (4, 5)])
def test_points_of_all_levels_lie_in_the_opening(seed: int, count: int) -> None:
    subject = _subject(seed, count)
    assert set(subject.points) == set(LABELS) == set(subject.foramina) == set(subject.grades)
    assert subject.lumbar_count == count
    for label, point in subject.points.items():
        found = Tissue(int(subject.label_map.at([point])[0]))
        assert found in (OPEN if subject.grades[label] < 2 else OPEN | FORAMEN), label


def test_points_lie_in_fat_at_the_full_voxel_size() -> None:
    subject = anatomy.draw(12)
    for label, point in subject.points.items():
        if subject.grades[label] < 2:
            assert Tissue(int(subject.label_map.at([point])[0])) in OPEN, label


@pytest.mark.parametrize(("seed", "count"), [(1, 5), (2, 4), (3, 6)])
def test_left_lies_left_and_levels_run_down(seed: int, count: int) -> None:
    subject = _subject(seed, count)
    for level in LEVELS:
        left, right = subject.points[f"{level}-left"], subject.points[f"{level}-right"]
        assert 20 < left[0] - right[0] < 62
    for side in ("left", "right"):
        heights = [subject.points[f"{level}-{side}"][2] for level in LEVELS]
        heights = [
            subject.decoys[f"T12-{side}"][2],
            *heights,
            subject.decoys[f"S1-{side}"][2],
        ]
        assert np.all(np.diff(heights) < -10)


def test_pedicles_bound_every_foramen_above_and_below() -> None:
    subject = _subject(1, 5)
    bone = {Tissue.MARROW, Tissue.MARROW_POSTERIOR, Tissue.CORTICAL_BONE}
    for label in LABELS:
        if label.startswith("L5"):
            continue
        foramen = subject.foramina[label]
        for sign in (1, -1):
            reach = np.arange(0.0, 22.0, 0.6)[:, None] * sign
            line = foramen.centre_mm + reach * foramen.axes[2]
            assert np.any(among(subject.label_map.at(line), bone)), (label, sign)


def test_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    first, again = _subject(1, 5), anatomy.draw(1, _traits(1, 5), COARSE)
    assert first.label_map.labels.tobytes() == again.label_map.labels.tobytes()
    assert first.points == again.points
    assert first.decoys == again.decoys
    assert first.points != _subject(4, 5).points


@pytest.mark.parametrize(("seed", "count"), [(1, 5), (3, 6)])
def test_no_voxel_inside_the_skin_is_unlabelled(seed: int, count: int) -> None:
    labels = _subject(seed, count).label_map.labels
    inside = labels != Tissue.AIR
    first = np.maximum.accumulate(inside, axis=2)
    last = np.maximum.accumulate(inside[:, :, ::-1], axis=2)[:, :, ::-1]
    assert np.array_equal(first & last, inside)


def test_anchors_lie_in_their_vertebrae() -> None:
    subject = _subject(1, 5)
    for name in ("L1-body", "L3-body", "L5-body", "T12-body"):
        found = Tissue(int(subject.label_map.at([subject.anchors[name]])[0]))
        assert found in {Tissue.MARROW, Tissue.BASIVERTEBRAL_VEIN}
    assert subject.anchors["S1-endplate"][2] > subject.anchors["S1-body"][2]


def test_transitional_anatomy_is_stated() -> None:
    traits = replace(_traits(5, 5), transitional=LUMBARISED)
    subject = anatomy.draw(5, traits, (4.0, 2.4, 2.4))
    assert subject.transitional == LUMBARISED
    assert not subject.numbered
    assert subject.traits["transitional"] == LUMBARISED
    assert set(subject.points) == set(LABELS)
