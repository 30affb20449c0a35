"""Test-time augmentation: changes undone exactly, sides exchanged, doubt kept."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from model.localiser.answer import Networks, answer
from model.localiser.chain import ChainSpec
from model.localiser.method import TtaSpec
from model.localiser.spec import POINTS, CoarseSpec, FineSpec
from model.localiser.tta import averaged, mirrored
from tests.unit.model.localiser.conftest import Spine, knowing

SPEC = CoarseSpec()
LEFT = np.array([name.endswith("left") for name in POINTS])
RIGHT = np.array([name.endswith("right") for name in POINTS])
SHIFTS = ((1, 0), (0, -2))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=(1, 2, 3), keepdims=True))
    return raised / raised.sum(axis=(1, 2, 3), keepdims=True)


def pooled(inputs: np.ndarray) -> np.ndarray:
    _, slices, rows, columns = inputs.shape
    return inputs.reshape(1, slices, rows // 2, 2, columns // 2, 2).mean(axis=(3, 5))


def lopsided(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look for brightness, with the first slices (the right side) preferred for all but left."""
    seen = pooled(inputs)
    slope = np.linspace(1, -1, inputs.shape[1])[None, :, None, None]
    maps = [
        (1.5 if left else 1.0) * seen + (-slope if left else slope) + 0.1 * number * seen**2
        for number, left in enumerate([*LEFT, False])
    ]
    presence = np.array([[seen[:, : 3 + n % 4].mean() * 5 for n in range(len(POINTS))]])
    return np.stack(maps, -1).astype(np.float32), presence.astype(np.float32)


def level(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Answer a mirrored series with the mirrored answer, and a moved one with the moved one."""
    seen = pooled(inputs)
    slope = np.linspace(1, -1, inputs.shape[1])[None, :, None, None]
    sides = 2.0 * RIGHT - 2.0 * LEFT
    maps = [seen * 3 + side * slope for side in [*sides, 0.0]]
    present = np.full((1, len(POINTS)), float(inputs.mean()) * 50)
    return np.stack(maps, -1).astype(np.float32), present.astype(np.float32)


def fine(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 2 * crops, crops.mean(axis=(1, 2, 3)) * 30


def networks(coarse: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Networks:
    return Networks(coarse, SPEC, fine, FineSpec(), ChainSpec())


@pytest.fixture
def series() -> np.ndarray:
    return np.random.default_rng(4).normal(0, 1, (1, 9, 32, 48)).astype(np.float32)


def test_mirror_images_exchange_sides_and_keep_the_midline() -> None:
    swapped = mirrored(POINTS)
    assert POINTS[swapped[POINTS.index("L3-left")]] == "L3-right"
    assert POINTS[swapped[POINTS.index("S1-right")]] == "S1-left"
    assert POINTS[swapped[POINTS.index("S1-endplate")]] == "S1-endplate"
    assert (swapped[swapped] == np.arange(len(POINTS))).all()


def test_without_any_change_the_networks_are_the_same() -> None:
    plain = networks(level)
    assert averaged(plain, TtaSpec()) == plain


@pytest.mark.parametrize("tta", [TtaSpec(flip=True), TtaSpec(shifts=SHIFTS), TtaSpec(True, SHIFTS)])
def test_a_network_that_follows_the_changes_keeps_its_answer(
    series: np.ndarray, tta: TtaSpec
) -> None:
    """Only where every change is undone exactly do all members agree with the plain answer."""
    logits, presence = level(series)
    mean, present = averaged(networks(level), tta).coarse(series)
    np.testing.assert_allclose(softmax(mean[..., :-1]), softmax(logits[..., :-1]), atol=1e-6)
    np.testing.assert_allclose(mean[..., -1], logits[..., -1], atol=1e-4)
    np.testing.assert_allclose(present, presence, atol=1e-4)


def test_a_mirrored_series_gets_the_mirrored_answer_of_any_network(series: np.ndarray) -> None:
    flipping = averaged(networks(lopsided), TtaSpec(flip=True, shifts=SHIFTS)).coarse
    maps, presence = flipping(series)
    other, other_presence = flipping(np.ascontiguousarray(series[:, ::-1]))
    swapped = mirrored(POINTS)
    np.testing.assert_allclose(other[:, ::-1, ..., :-1][..., swapped], maps[..., :-1], atol=1e-5)
    np.testing.assert_allclose(other[:, ::-1, ..., -1], maps[..., -1], atol=1e-5)
    np.testing.assert_allclose(other_presence[:, swapped], presence, atol=1e-5)
    plain, turned = lopsided(series)[0], lopsided(series[:, ::-1])[0][:, ::-1]
    assert np.abs(plain[..., :-1] - turned[..., :-1][..., swapped]).max() > 0.5


def test_answers_that_disagree_leave_two_peaks(series: np.ndarray) -> None:
    asked: list[int] = []

    def wavering(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(1)
        logits = np.full((1, 9, 16, 24, len(POINTS) + 1), -20.0, np.float32)
        logits[0, 4, 3 if len(asked) == 1 else 12, 10] = 20.0
        return logits, np.zeros((1, len(POINTS)), np.float32)

    maps, _ = averaged(networks(wavering), TtaSpec(flip=True)).coarse(series)
    share = softmax(maps[..., :-1])
    assert share[0, 4, 3, 10, 0] == pytest.approx(0.5, abs=0.01)
    assert share[0, 4, 12, 10, 0] == pytest.approx(0.5, abs=0.01)
    assert maps[0, 4, 3, 10, -1] == pytest.approx(0.0, abs=0.01)


def test_shifted_crops_are_moved_back() -> None:
    crops = np.random.default_rng(1).normal(0, 1, (3, 5, 24, 24)).astype(np.float32)
    tta = TtaSpec(fine_shifts=((1, 0), (0, -2)))
    maps, presence = averaged(networks(level), tta).fine(crops)
    np.testing.assert_allclose(softmax(maps), softmax(2 * crops), atol=1e-6)
    np.testing.assert_allclose(presence, fine(crops)[1], atol=1e-4)


def test_the_answer_with_augmentation_finds_the_same_foramina(scan: Spine) -> None:
    plain = knowing(scan)
    with_shifts = averaged(plain, TtaSpec(fine_shifts=((1, 1), (-2, 0))))
    one, other = (answer(scan.pixels, scan.affine, each) for each in (plain, with_shifts))
    assert one.found.keys() == other.found.keys()
    for name in one.found:
        np.testing.assert_allclose(one.found[name].point_mm, other.found[name].point_mm, atol=0.05)


def test_the_specifications_stay(scan: Spine) -> None:
    plain = knowing(scan)
    changed = averaged(plain, TtaSpec(flip=True))
    assert dataclasses.replace(changed, coarse=plain.coarse) == plain
