"""Training examples: discs where the marks are, empty slices at the ends, one seed one example."""

import numpy as np

from model.augment import AugmentSpec
from model.cases import Case
from model.dataset import Sampler, TrainingVolume, training_volume
from model.labels import LEVELS, split
from model.preprocess import PreprocessSpec

SPEC = PreprocessSpec(norm_spacing_mm=1.4)
PLAIN = AugmentSpec(deformation_sd=0, rotation_deg=0, noise_sd=0, random_patch=False)


def test_an_empty_slice_stands_at_each_end(phantom_case: Case) -> None:
    volume = training_volume(phantom_case, SPEC)
    assert len(volume.pixels) == len(phantom_case.volume.pixels) + 2
    assert not volume.pixels[[0, -1]].any()
    assert volume.pixels[1:-1].any(axis=(1, 2)).all()


def test_targets_are_discs_of_the_label_radius(phantom_case: Case) -> None:
    volume = training_volume(phantom_case, SPEC)
    for index, row, column, channel in volume.marks:
        target = volume.target(int(index))[..., int(channel)]
        assert target[round(row), round(column)] == 1
        area_mm2 = target.sum() * 1.4**2
        discs = (volume.marks[:, [0, 3]] == (index, channel)).all(axis=1).sum()
        assert abs(area_mm2 / discs - np.pi * 49) < 12


def test_every_mark_becomes_a_disc_on_its_slice_and_channel(phantom_case: Case) -> None:
    volume = training_volume(phantom_case, SPEC)
    assert len(volume.marks) == sum(len(marks) for marks in phantom_case.marks.values())
    for name, marks in phantom_case.marks.items():
        channel = LEVELS.index(split(name)[0])
        for mark in marks:
            index = round(phantom_case.volume.to_index([mark])[0][0]) + 1
            assert volume.target(index)[..., channel].any(), name


def test_discs_not_spheres(phantom_case: Case) -> None:
    """Slices without a mark stay empty, however near in x."""
    volume = training_volume(phantom_case, SPEC)
    for index in set(range(len(volume.pixels))) - set(volume.marks[:, 0].astype(int)):
        assert not volume.target(index).any()


def test_without_marks_the_point_marks_the_nearest_slices(phantom_case: Case) -> None:
    unmarked = Case("x", phantom_case.volume, phantom_case.points, {})
    volume = training_volume(unmarked, SPEC)
    index = phantom_case.volume.to_index([phantom_case.points["L2-left"]])[0][0]
    channel = LEVELS.index("L2")
    slices = [i - 1 for i in range(len(volume.pixels)) if volume.target(i)[..., channel].any()]
    assert round(index) in slices
    left = [i for i in slices if abs(i - index) < 3]
    assert all(abs(i - index) <= 0.75 for i in left)


def test_a_mark_outside_the_volume_is_left_out(phantom_case: Case) -> None:
    x, y, z = phantom_case.points["L1-left"]
    far = Case("x", phantom_case.volume, {"L1-left": (x + 400, y, z)}, {})
    assert training_volume(far, SPEC).marks.shape == (0, 4)


def small(seed: int = 0) -> TrainingVolume:
    rng = np.random.default_rng(seed)
    pixels = np.pad(rng.normal(size=(9, 70, 70)).astype(np.float32), ((1, 1), (0, 0), (0, 0)))
    return TrainingVolume(pixels, np.array([[4.0, 35.0, 30.0, 2.0]]), (5.0, 5.0))


def test_an_example_shows_a_slice_between_its_neighbours() -> None:
    volume = small()
    sampler = Sampler([volume], 65, PLAIN, seed=0, foramen_share=1.0)
    image, target = sampler.example(0)
    assert image.shape == (3, 65, 65, 1)
    assert target.shape == (1, 65, 65, 5)
    assert target[0, ..., 2].sum() > 60
    middle = Sampler([small()], 69, PLAIN, seed=0, foramen_share=1.0).example(0)[0]
    inner = volume.pixels[3:6, 1:69, 1:69]
    between = (volume.pixels[3:6, :-1, :-1] + volume.pixels[3:6, 1:, 1:]
               + volume.pixels[3:6, :-1, 1:] + volume.pixels[3:6, 1:, :-1]) / 4  # fmt: skip
    np.testing.assert_allclose(middle[..., 0], between, atol=1e-5)
    assert inner.shape == (3, 68, 68)


def test_example_numbers_decide_everything() -> None:
    sampler = Sampler([small(0), small(1)], 65, AugmentSpec(), seed=7)
    again = Sampler([small(0), small(1)], 65, AugmentSpec(), seed=7)
    np.testing.assert_array_equal(sampler.example(5)[0], again.example(5)[0])
    assert not np.array_equal(sampler.example(5)[0], sampler.example(6)[0])


def test_foramen_share_decides_how_often_a_foramen_shows() -> None:
    def share(wanted: float | None) -> float:
        sampler = Sampler([small()], 65, PLAIN, seed=1, foramen_share=wanted)
        return float(np.mean([sampler.example(number)[1].any() for number in range(80)]))

    assert share(1.0) == 1.0
    assert share(None) < 0.35
    assert 0.5 < share(0.6) < 0.8
