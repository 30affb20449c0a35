"""Augmentation: reproducible, each step can be switched off, image and target move together."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from model import augment as augmentation
from model.augment import OFF, AugmentSpec, augment


def disc(rows: int = 80, columns: int = 90) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.ogrid[:rows, :columns]
    plane = ((row - 30) ** 2 + (column - 50) ** 2 <= 64).astype(np.float32)
    target = np.zeros((rows, columns, 5), np.float32)
    target[..., 2] = plane
    return np.stack([plane] * 3), target


def test_with_everything_off_it_cuts_the_middle() -> None:
    image, target = disc(81, 91)
    patch, labels = augment(np.random.default_rng(0), image, target, 65, OFF)
    np.testing.assert_array_equal(patch, image[:, 8:73, 13:78])
    np.testing.assert_array_equal(labels, target[8:73, 13:78])


def test_a_small_image_is_surrounded_by_the_mean() -> None:
    image, target = disc(31, 31)
    patch, labels = augment(np.random.default_rng(0), image + 1, target, 65, OFF)
    assert patch.shape == (3, 65, 65)
    assert labels.shape == (65, 65, 5)
    assert not patch[:, :16].any()
    assert (patch[:, 17:48, 17:48] >= 1).all()


def test_one_seed_gives_one_patch() -> None:
    image, target = disc()
    first, second, other = (
        augment(np.random.default_rng(seed), image, target, 65, AugmentSpec())[0]
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_image_and_target_are_warped_alike() -> None:
    image, target = disc()
    spec = AugmentSpec(noise_sd=0, deformation_sd=3, rotation_deg=45)
    for seed in range(5):
        patch, labels = augment(np.random.default_rng(seed), image, target, 65, spec)
        np.testing.assert_allclose(patch[1], labels[..., 2], atol=1e-6)
        assert not labels[..., [0, 1, 3, 4]].any()


def test_rotation_stays_within_its_limit() -> None:
    """A bar through the middle keeps its direction to within the angle."""
    image = np.zeros((3, 81, 81), np.float32)
    image[:, 39:42, :] = 1
    spec = AugmentSpec(0, 6, rotation_deg=20.0, noise_sd=0, random_patch=False)
    angles = []
    for seed in range(12):
        patch, _ = augment(
            np.random.default_rng(seed), image, np.zeros((81, 81, 5), np.float32), 65, spec
        )
        rows, columns = np.nonzero(patch[1] > 0.5)
        slope = np.polyfit(columns, rows, 1)[0]
        angles.append(np.rad2deg(np.arctan(slope)))
    assert np.abs(angles).max() <= 20.5
    assert np.std(angles) > 4


def test_noise_has_the_asked_deviation() -> None:
    zeros, target = np.zeros((3, 65, 65), np.float32), np.zeros((65, 65, 5), np.float32)
    spec = AugmentSpec(0, 6, 0, noise_sd=0.25, random_patch=False)
    patch, _ = augment(np.random.default_rng(0), zeros, target, 65, spec)
    assert abs(patch.std() - 0.25) < 0.01


def test_a_random_patch_lies_inside_the_image() -> None:
    image, target = disc(200, 200)
    spec = AugmentSpec(0, 6, 0, 0, random_patch=True)
    corners = set()
    for seed in range(6):
        patch, _ = augment(np.random.default_rng(seed), image + 1, target, 65, spec)
        assert patch.min() > 0.99
        corners.add(float(patch[1].sum()))
    assert len(corners) > 1


@pytest.mark.parametrize("spread", [0.4, 3.0])
def test_interpolation_is_scipys(spread: float) -> None:
    rng = np.random.default_rng(3)
    planes = rng.normal(size=(3, 20, 30)).astype(np.float32)
    position = rng.uniform(-15 * spread, 15 * spread, (2, 25, 25)).astype(np.float32) + 12
    ours = augmentation._sample(list(planes), position)
    for plane, answer in zip(planes, ours, strict=True):
        theirs = ndimage.map_coordinates(plane, position, order=1, mode="grid-constant", cval=0.0)
        np.testing.assert_allclose(answer, theirs, atol=1e-4)


@pytest.mark.parametrize("knots", [2, 6])
def test_the_displacement_is_a_cubic_spline_through_its_knots(knots: int) -> None:
    rng = np.random.default_rng(4)
    spec = AugmentSpec(deformation_sd=3.0, deformation_knots=knots)
    values = np.random.default_rng(4).normal(0.0, 3.0, size=(2, knots, knots))
    ours = augmentation._displacement(rng, 66, spec)
    for answer, plane in zip(ours, values, strict=True):
        theirs = ndimage.zoom(plane, 66 / knots, order=3, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(answer, theirs, atol=1e-3)


def test_each_step_can_be_switched_off_by_itself() -> None:
    image, target = disc(70, 70)
    plain, _ = augment(np.random.default_rng(1), image, target, 65, OFF)
    for change in (
        {"deformation_sd": 3.0}, {"rotation_deg": 30.0}, {"noise_sd": 0.25}, {"random_patch": True},
    ):  # fmt: skip
        spec = AugmentSpec(**{**dataclasses.asdict(OFF), **change})  # type: ignore[arg-type]
        changed, _ = augment(np.random.default_rng(1), image, target, 65, spec)
        assert not np.array_equal(changed, plain), change


def test_another_patch_gets_the_same_deformation_in_mm() -> None:
    assert AugmentSpec().fitted(481, 0.7) == AugmentSpec()
    low = AugmentSpec().fitted(225, 1.4)
    assert (low.deformation_sd, low.deformation_knots) == (2.0, 6)
    small = AugmentSpec().fitted(129, 0.7)
    assert (small.deformation_sd, small.deformation_knots) == (4.0, 2)
    assert small.rotation_deg == 45.0


def test_the_input_is_left_as_it_was() -> None:
    image, target = disc()
    before = image.copy(), target.copy()
    augment(np.random.default_rng(0), image, target, 65, AugmentSpec())
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(target, before[1])
