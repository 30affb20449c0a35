"""The two-stage bundle on images it was not made for: a reason, and never ten points.

Two synthetic scans that no training and no calibration saw, and what can go wrong with them.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from model import bundle, predictor
from model.landmark import Prediction
from model.localiser.method import TwoStageMethod
from model.series_folder import read_series
from model.synthetic import write_case
from model.volume import Volume

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.slow]

Change = Callable[[Volume], Volume]
BUNDLE = Path(__file__).parents[2] / "model" / "milestones" / "foramina-1"
SEEDS = (7, 8)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> list[Volume]:
    folder = tmp_path_factory.mktemp("scans")
    found = []
    for seed in SEEDS:
        write_case(folder / str(seed), seed=seed)
        found.append(read_series(folder / str(seed) / "dicom")[0])
    return found


@lru_cache(maxsize=1)
def loaded() -> predictor.Predictor:
    return predictor.load(bundle.load(BUNDLE), device="cpu")


def found(volume: Volume) -> Prediction:
    return loaded().predict(volume)


def seen(volume: Volume, pixels: np.ndarray, affine: np.ndarray | None = None) -> Volume:
    return dataclasses.replace(
        volume,
        pixels=np.ascontiguousarray(pixels, np.float32),
        affine=volume.affine if affine is None else affine,
        sop_instance_uids=tuple(map(str, range(len(pixels)))),
    )


def moved(volume: Volume, axis: int, first: int) -> np.ndarray:
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, axis] * first
    return affine


def spaced(factor: float) -> Change:
    def change(volume: Volume) -> Volume:
        affine = volume.affine.copy()
        affine[:3, 1:3] *= factor
        return dataclasses.replace(volume, affine=affine)

    return change


def knee(volume: Volume) -> Volume:
    """Femur, tibia and patella in fat and muscle, as a child would draw them."""
    _, rows, columns = np.indices(volume.pixels.shape, dtype=float)
    high, wide = volume.pixels.shape[1:]
    drawn = np.full(volume.pixels.shape, 15.0)
    off = np.abs(columns - wide / 2)
    drawn[off < 0.3 * wide] = 110.0
    drawn[np.abs(off - 0.26 * wide) < 0.04 * wide] = 300.0
    femur = (np.abs(columns - 0.48 * wide) < 0.12 * wide) & (rows < 0.45 * high)
    condyles = np.hypot((rows - 0.42 * high) / 0.12 / high, (columns - 0.48 * wide) / 0.18 / wide)
    tibia = (np.abs(columns - 0.48 * wide) < 0.13 * wide) & (rows > 0.55 * high)
    patella = np.hypot((rows - 0.36 * high) / 0.07 / high, (columns - 0.24 * wide) / 0.03 / wide)
    drawn[femur | (condyles < 1) | tibia | (patella < 1)] = 250.0
    noise = np.random.default_rng(1).normal(0, 8, drawn.shape)
    return seen(volume, ndimage.gaussian_filter(drawn, (0, 2, 2)) + noise)


def noise(width: float) -> Change:
    def change(volume: Volume) -> Volume:
        drawn = np.random.default_rng(2).standard_normal(volume.pixels.shape)
        return seen(volume, 100 + 30 * ndimage.gaussian_filter(drawn, (0, width, width)))

    return change


def above(share: float) -> Change:
    """Show the upper part alone: thoracic and upper lumbar spine, no sacrum."""

    def change(volume: Volume) -> Volume:
        return seen(volume, volume.pixels[:, : round(share * volume.pixels.shape[1])])

    return change


ODD: dict[str, Change] = {
    "five slices": lambda volume: seen(volume, volume.pixels[:5]),
    "sixty slices": lambda volume: seen(volume, np.repeat(volume.pixels, 6, axis=0)[:60]),
    "black": lambda volume: seen(volume, np.zeros_like(volume.pixels)),
    "one value a slice": lambda volume: seen(
        volume,
        np.broadcast_to(np.arange(len(volume.pixels))[:, None, None] * 9.0, volume.pixels.shape),
    ),
    "noise": noise(0.0),
    "clouds": noise(8.0),
    "a knee": knee,
    "half the spacing, a child's or a neck's size": spaced(0.5),
    "upside down, the header is not": lambda volume: seen(volume, volume.pixels[:, ::-1]),
    "the back in front": lambda volume: seen(volume, volume.pixels[:, :, ::-1]),
    "lying": lambda volume: seen(volume, volume.pixels.transpose(0, 2, 1)),
    "the upper half": above(0.5),
}


@pytest.mark.parametrize("change", ODD.values(), ids=list(ODD))
def test_what_is_no_whole_lumbar_spine_is_abstained_from(
    volumes: list[Volume], change: Change
) -> None:
    for volume in volumes:
        said = found(change(volume))
        assert said.abstained is not None, [mark.label for mark in said.found]
        assert said.found == ()
        assert all(mark.reason for mark in said.landmarks)


def test_without_a_sacrum_nothing_gets_a_wrong_name(volumes: list[Volume]) -> None:
    for volume in volumes:
        places = {mark.label: mark.point_mm for mark in found(volume).found}
        for mark in found(above(0.58)(volume)).found:
            place = places[mark.label]
            assert mark.point_mm is not None
            assert place is not None
            assert math.dist(mark.point_mm, place) < 5.0, mark.label


def test_a_spacing_that_cannot_be_gives_no_ten_points(volumes: list[Volume]) -> None:
    for volume in volumes:
        assert len(found(spaced(1.6)(volume)).found) < 10


def feet_first(volume: Volume) -> Volume:
    """Store the rows from feet to head; the header says so."""
    affine = moved(volume, 1, volume.pixels.shape[1] - 1)
    affine[:3, 1] *= -1
    return seen(volume, volume.pixels[:, ::-1], affine)


def test_another_order_of_rows_gives_the_same_points(volumes: list[Volume]) -> None:
    for volume in volumes:
        as_it_is, other = found(volume), found(feet_first(volume))
        assert len(as_it_is.found) >= 9
        assert {mark.label for mark in other.found} == {mark.label for mark in as_it_is.found}
        places = {mark.label: mark.point_mm for mark in as_it_is.found}
        for mark in other.found:
            place = places[mark.label]
            assert mark.point_mm is not None
            assert place is not None
            assert math.dist(mark.point_mm, place) < 1.0, mark.label


def test_where_the_top_is_missing_the_rest_keeps_its_names(volumes: list[Volume]) -> None:
    for volume in volumes:
        places = {mark.label: mark.point_mm for mark in found(volume).found}
        first = round(0.35 * volume.pixels.shape[1])
        cut = seen(volume, volume.pixels[:, first:], moved(volume, 1, first))
        for mark in found(cut).found:
            place = places.get(mark.label)
            assert mark.point_mm is not None
            assert place is None or math.dist(mark.point_mm, place) < 5.0, mark.label


def test_the_bundle_is_as_small_as_it_must_be() -> None:
    found_ = bundle.load(BUNDLE)
    assert isinstance(found_.method, TwoStageMethod)
    assert found_.method.describe()["parameters"] <= 3_000_000
    files = [path for path in Path(found_.folder).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16 * 2**20
