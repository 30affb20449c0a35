"""The patch predictor on the shipped bundle: a phantom, and inputs that must not crash it."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model import bundle, networks
from model.bundle import ModelBundle
from model.cases import Case
from model.device import DeviceError
from model.labels import LABELS
from model.order import impossible
from model.patch import PatchMethod
from model.patch_predictor import PatchPredictor
from model.predictor import Predictor, load
from model.volume import Volume

pytestmark = pytest.mark.xdist_group("tensorflow")


def volume_of(pixels: np.ndarray, spacing: tuple[float, float, float] = (4.0, 1.0, 1.0)) -> Volume:
    affine = np.eye(4)
    affine[:3, 0] = (spacing[0], 0, 0)
    affine[:3, 1] = (0, 0, -spacing[1])
    affine[:3, 2] = (0, spacing[2], 0)
    return Volume(pixels.astype(np.float32), affine, "", ("1",) * len(pixels), "digest")


def shipped() -> tuple[ModelBundle, PatchMethod]:
    found = bundle.load("phantom-1")
    assert isinstance(found.method, PatchMethod)
    return found, found.method


def tiled(size: int) -> tuple[ModelBundle, PatchMethod]:
    """Give the shipped bundle with other tiles."""
    found, method = shipped()
    localise = dataclasses.replace(method.localise, tile_size=size)
    return found, dataclasses.replace(method, localise=localise)


def test_finds_the_foramina_of_a_phantom(predictor: Predictor, phantom_case: Case) -> None:
    steps: list[str] = []
    prediction = predictor.predict(phantom_case.volume, lambda step, _: steps.append(step))
    assert tuple(mark.label for mark in prediction.landmarks) == LABELS
    assert prediction.bundle_digest == predictor.bundle.digest
    found = {mark.label: mark.point_mm for mark in prediction.found if mark.point_mm}
    assert len(found) >= 9
    assert impossible(found) == {}
    errors = [math.dist(point[1:], phantom_case.points[n][1:]) for n, point in found.items()]
    assert np.mean(errors) < 5.0
    assert all(0.5 <= (mark.confidence or 0) <= 1 for mark in prediction.found)
    assert set(prediction.seconds) == {"preprocess", "network", "localise"}
    assert list(dict.fromkeys(steps)) == ["preprocess", "network", "localise"]


def test_the_same_volume_gets_the_same_answer(predictor: Predictor, phantom_case: Case) -> None:
    first, second = (predictor.predict(phantom_case.volume) for _ in range(2))
    assert first.landmarks == second.landmarks


def test_turned_storage_gives_the_same_points(predictor: Predictor, phantom_case: Case) -> None:
    """Rows and columns exchanged in the file: the same place in the patient."""
    volume = phantom_case.volume
    affine = volume.affine.copy()
    affine[:, [1, 2]] = affine[:, [2, 1]]
    turned = dataclasses.replace(volume, pixels=volume.pixels.transpose(0, 2, 1), affine=affine)
    plain, found = (predictor.predict(one) for one in (volume, turned))
    for ours, theirs in zip(plain.landmarks, found.landmarks, strict=True):
        assert ours.point_mm == pytest.approx(theirs.point_mm, abs=0.01)


def blank() -> Volume:
    return volume_of(np.full((11, 250, 250), 300.0))


def noise() -> Volume:
    return volume_of(np.random.default_rng(0).normal(500, 90, (3, 200, 300)))


def tiny() -> Volume:
    return volume_of(np.random.default_rng(0).normal(500, 90, (9, 4, 3)))


def huge() -> Volume:
    return volume_of(np.zeros((3, 64, 64)), (4.0, 90.0, 90.0))


def axial() -> Volume:
    affine = np.diag([1.0, 1.0, 4.0, 1.0])[:, [2, 1, 0, 3]]
    pixels = np.random.default_rng(0).normal(500, 90, (9, 200, 200)).astype(np.float32)
    return Volume(pixels, affine, "", ("1",) * 9, "")


def broken_geometry() -> Volume:
    volume = noise()
    return dataclasses.replace(volume, affine=np.full((4, 4), np.nan))


def not_numbers() -> Volume:
    return volume_of(np.full((5, 200, 200), np.nan))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (blank, "the image is blank: every pixel has the same value"),
        (tiny, "the field of view of 3 mm is too small"),
        (huge, "the field of view of 5760 mm is too large"),
        (axial, "the slices are not sagittal"),
        (broken_geometry, "the image has no usable geometry"),
        (not_numbers, "the image is blank"),
    ],
)
def test_odd_images_are_missed_with_a_reason(
    predictor: Predictor, make: Callable[[], Volume], reason: str
) -> None:
    prediction = predictor.predict(make())
    assert prediction.found == ()
    assert prediction.abstained is not None
    assert reason in prediction.abstained
    assert all(reason in str(mark.reason) for mark in prediction.missed)


def test_three_slices_of_noise_are_answered(predictor: Predictor) -> None:
    prediction = predictor.predict(noise())
    assert len(prediction.landmarks) == 10
    assert all(mark.found or mark.reason for mark in prediction.landmarks)


def test_a_missing_gpu_is_told_not_replaced() -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="TensorFlow sees no GPU; set it to 'auto' or 'cpu'"):
        load(bundle.load("phantom-1"), device="gpu")


def test_larger_tiles_give_the_same_foramina_with_fewer_seams(
    predictor: Predictor, phantom_case: Case
) -> None:
    plain = predictor.predict(phantom_case.volume).landmarks
    large = PatchPredictor(*tiled(257), device="cpu").predict(phantom_case.volume).landmarks
    pairs = [(a.point_mm, b.point_mm) for a, b in zip(plain, large, strict=True)]
    distances = [math.dist(a, b) for a, b in pairs if a and b]
    assert len(distances) >= 9
    assert max(distances) < 3.0


def test_a_tile_that_does_not_fit_the_network_is_told() -> None:
    with pytest.raises(ValueError, match="patch_size 250 does not fit 5 compressions"):
        PatchPredictor(*tiled(250), device="cpu")


def test_small_patches_are_answered_in_larger_tiles() -> None:
    _, method = shipped()
    assert method.tile_size == 225
    single = networks.reduced(networks.preset("singlenet-base"))
    small = dataclasses.replace(method, network=single.network, preprocess=single.preprocess)
    assert single.network.patch_size == 129
    assert small.tile_size == 261
    native = dataclasses.replace(small.preprocess, norm_spacing_mm=None)
    assert dataclasses.replace(small, preprocess=native).tile_size == 129


def test_a_singlenet_is_served_like_any_other(tmp_path: Path, phantom_case: Case) -> None:
    single = networks.reduced(networks.preset("singlenet-base"))
    coarse = dataclasses.replace(single.preprocess, norm_spacing_mm=2.8)  # quicker
    network = networks.build(single.network)
    network.save_weights(tmp_path / "network.weights.h5")
    found, method = shipped()
    other = dataclasses.replace(method, network=single.network, preprocess=coarse)
    made = dataclasses.replace(found, folder=tmp_path, method=other)
    prediction = load(made, "cpu").predict(phantom_case.volume)
    # A new network answers one half everywhere: one candidate that fills the volume.
    assert {mark.label for mark in prediction.found} <= {"L5-left", "L5-right"}
    assert len(prediction.found) == 1
