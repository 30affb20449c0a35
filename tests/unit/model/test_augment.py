"""Augmentation: reproducible, each step can be switched off, image and target move together."""

import numpy as np

from model.augment import AugmentSpec, augment

OFF = AugmentSpec(deformation_sd=0, rotation_deg=0, noise_sd=0, random_patch=False)


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
