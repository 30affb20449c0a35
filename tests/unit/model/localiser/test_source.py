"""Batches by number: equal wherever and in whatever order they are made."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from model.labels import LABELS
from model.localiser import source as sources
from model.localiser.examples import CoarseExample, FineExample
from model.localiser.source import ScanSource
from model.localiser.spec import CoarseSpec, FineSpec
from model.synthetic import cache
from tests.unit.model.synthetic.conftest import make_toy

COARSE = CoarseSpec(pixel_mm=5.6, widths=(8, 16, 16))
FINE = FineSpec(pixel_mm=3.0, shape=(5, 16, 16), widths=(8, 16))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Keep two subjects: one with foramina, one that is a map of bodies alone."""
    folder = tmp_path_factory.mktemp("subjects")
    named = make_toy()
    unnamed = make_toy()
    unnamed.points, unnamed.foramina, unnamed.decoys = {}, {}, {}
    for name, subject in (("named", named), ("unnamed", unnamed)):
        cache.save(subject, folder / f"{name}.npz")
    return folder / "named.npz", folder / "unnamed.npz"


def test_a_batch_depends_on_its_number_alone(files: tuple[Path, ...]) -> None:
    source = ScanSource(COARSE, files[:1], 3, 2)
    later = source(1)
    again: ScanSource = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    sources._subject.cache_clear()
    for one, other in zip(later, again(1), strict=True):
        assert isinstance(one, CoarseExample)
        np.testing.assert_array_equal(one.pixels, other.pixels)
    assert not np.array_equal(source(0)[0].points_mm, later[0].points_mm)
    moved = dataclasses.replace(source, seed=4)(1)
    assert not np.array_equal(moved[0].points_mm, later[0].points_mm)


def test_what_a_map_does_not_name_is_not_labelled(files: tuple[Path, ...]) -> None:
    (named,) = ScanSource(COARSE, files[:1], 3, 1)(0)
    (unnamed,) = ScanSource(COARSE, files[1:], 3, 1)(0)
    foramina = [COARSE.points.index(name) for name in LABELS]
    body = COARSE.points.index("L3-body")
    assert named.labelled[foramina].all()
    assert not unnamed.labelled[foramina].any()
    assert not unnamed.known[foramina].any()
    assert unnamed.labelled[body]


def test_crops_come_from_subjects_with_foramina(files: tuple[Path, ...]) -> None:
    crops = ScanSource(FINE, files[:1], 3, 4)(0)
    assert len(crops) == 4
    for one in crops:
        assert isinstance(one, FineExample)
        assert one.pixels.shape == FINE.shape
    with pytest.raises(ValueError, match=r"unnamed\.npz shows no foramen in 20 scans"):
        ScanSource(FINE, files[1:], 3, 4)(0)


def test_without_background_the_scan_is_darker_around_the_spine(files: tuple[Path, ...]) -> None:
    whole = ScanSource(COARSE, files[:1], 3, 1).scan(0)
    bare = ScanSource(COARSE, files[:1], 3, 1, background=False).scan(0)
    assert bare.points == whole.points
    bright = [(scan.pixels > 150).mean() for scan in (bare, whole)]
    assert 0 < bright[0] < 0.7 * bright[1]
