from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from model.affine import to_index, to_patient
from model.labels import LABELS
from model.synthetic import acquisition, contrast
from model.synthetic.acquisition import Priors, Protocol, Scan, image, sample
from model.synthetic.artefacts import Flaws
from model.synthetic.augmentation import Augmentation
from model.synthetic.deformation import Deformation
from model.synthetic.labelmap import LabelMap
from model.synthetic.tissue import Tissue

T1 = Priors(t1=1, t2=0, free=0)
BEAD = 255


def bead(subject: Any, name: str) -> Any:
    """Leave nothing of a subject but a ball of voxels, the point in its centre of mass."""
    label_map = subject.label_map
    where = np.stack(np.indices(label_map.labels.shape), -1).reshape(-1, 3)
    away = where - to_index(label_map.affine, [subject.points[name]])
    inside = np.linalg.norm(away * 2.0, axis=1) < 6
    labels = np.where(inside, np.uint8(BEAD), np.uint8(Tissue.AIR))
    labels = labels.reshape(label_map.labels.shape)
    centre = tuple(to_patient(label_map.affine, where[inside].mean(axis=0))[0])
    changed = {
        "label_map": LabelMap(labels, label_map.affine),
        "points": dict(subject.points) | {name: centre},
    }
    return type("Bead", (), vars(subject) | changed)


def protocol_of(subject: Any, seed: int) -> Protocol:
    """Draw a T1 protocol with few pixels, for speed."""
    protocol = Protocol.sample(np.random.default_rng(seed), subject, T1)
    return replace(protocol, matrix=(160, 160), pixels=(240, 240))


@pytest.fixture
def clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Image a bead white, without noise, coil, texture or k-space."""
    table = np.zeros((256, 4), np.float32)
    table[BEAD, contrast.WATER] = 1
    monkeypatch.setattr(contrast, "table", lambda *_: table)
    monkeypatch.setattr(acquisition, "_METAL", 0.0)
    monkeypatch.setattr(acquisition._Exposure, "level", lambda *_: 0.0)
    flawless = Flaws(phase_axis=1, softness=0.5)
    monkeypatch.setattr(Flaws, "sample", lambda *_, **__: flawless)
    monkeypatch.setattr(
        acquisition.coil,
        "receive",
        lambda rng, subject, deformation, affine, shape: acquisition.coil.Reception(
            np.ones(shape, np.float32), np.ones(shape, np.float32)
        ),
    )


def centre_of_mass(pixels: Any) -> Any:
    index = np.stack(np.indices(pixels.shape), -1).reshape(-1, 3)
    weights = pixels.reshape(-1, 1)
    return (index * weights).sum(0) / weights.sum()


@pytest.mark.usefixtures("clear")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_bead_lies_where_the_sample_says(toy_subject: Any, seed: int, flip: float) -> None:
    name = LABELS[2 + seed]
    rng = np.random.default_rng(seed)
    protocol = replace(
        Protocol.sample(rng, toy_subject), slices=20, field_of_view_mm=(450.0, 450.0)
    )
    augment = replace(Augmentation.none(), flip=flip)
    scan = sample(bead(toy_subject, name), rng, protocol=protocol, pixel_mm=2.0, augment=augment)
    found = acquisition.augmentation.swapped(name) if flip else name
    expected = to_index(scan.affine, [scan.points[found]])[0]
    assert scan.pixels.max() > 0
    np.testing.assert_allclose(centre_of_mass(scan.pixels), expected, atol=0.3)


@pytest.mark.usefixtures("clear")
@pytest.mark.parametrize("seed", range(4))
def test_a_bead_lies_where_the_image_says(toy_subject: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    protocol = replace(protocol_of(toy_subject, seed), slices=24, matrix=(240, 240))
    scan = image(bead(toy_subject, "L3-left"), rng, protocol=protocol, strength=1.0)
    index = to_index(scan.affine, [scan.points["L3-left"]])[0]
    pixels = scan.pixels * (scan.pixels > 0.1 * scan.pixels.max())  # without ringing
    away = centre_of_mass(pixels) - index
    spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)
    assert np.abs(away * spacing)[1:].max() < 0.1
    assert abs(away[0]) < 0.1


@pytest.mark.parametrize("make", [sample, image])
def test_the_same_seed_gives_the_same_bytes(toy_subject: Any, make: Any) -> None:
    protocol = protocol_of(toy_subject, 1)
    first, second, other = (
        make(toy_subject, np.random.default_rng(seed), protocol=protocol) for seed in (5, 5, 6)
    )
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert first.points == second.points
    assert first.pixels.tobytes() != other.pixels.tobytes()


@pytest.mark.parametrize("seed", range(8))
def test_stacks_are_right_handed_and_run_to_the_left(toy_subject: Any, seed: int) -> None:
    scan = sample(toy_subject, np.random.default_rng(seed))
    assert np.linalg.det(scan.affine[:3, :3]) > 0
    assert scan.affine[0, 0] > 0
    assert scan.affine[2, 1] < 0 < scan.affine[1, 2]
    tilt_deg = np.rad2deg(np.arccos(scan.affine[0, 0] / np.linalg.norm(scan.affine[:3, 0])))
    assert tilt_deg <= 8.01


@pytest.mark.parametrize("seed", range(12))
def test_samples_are_finite_and_not_negative(toy_subject: Any, seed: int) -> None:
    scan = sample(toy_subject, np.random.default_rng(seed))
    assert scan.pixels.dtype == np.float32
    assert np.isfinite(scan.pixels).all()
    assert scan.pixels.min() >= 0
    assert scan.pixels.std() > 0
    assert 11 <= len(scan.pixels) <= 20
    assert set(scan.points) == set(LABELS) == set(scan.foramina)


@pytest.mark.parametrize("seed", range(6))
def test_left_stays_at_larger_x_flipped_or_not(toy_subject: Any, seed: int) -> None:
    for flip in (0.0, 1.0):
        augment = Augmentation(flip=flip)
        scan = sample(toy_subject, np.random.default_rng(seed), augment=augment)
        for name, foramen in scan.foramina.items():
            other = scan.points[acquisition.augmentation.swapped(name)]
            assert (scan.points[name][0] > other[0]) == name.endswith("left")
            assert foramen.name == name
            np.testing.assert_allclose(foramen.centre_mm, scan.points[name], atol=1e-6)
            assert (foramen.axes[0][0] > 0) == name.endswith("left")
            np.testing.assert_allclose(foramen.axes @ foramen.axes.T, np.eye(3), atol=1e-9)


def test_an_image_has_the_matrix_and_field_of_its_protocol(toy_subject: Any) -> None:
    scan: Scan = image(toy_subject, np.random.default_rng(3), priors=T1)
    protocol = scan.protocol
    assert scan.contrast == "T1"
    assert scan.pixels.shape == (protocol.slices, *protocol.pixels)
    spacing = np.linalg.norm(scan.affine[:3, :3], axis=0)
    np.testing.assert_allclose(spacing[0], protocol.thickness_mm + protocol.gap_mm)
    np.testing.assert_allclose(spacing[1] * protocol.pixels[0], protocol.field_of_view_mm[0])


def test_beyond_the_field_of_view_lies_nothing(toy_subject: Any) -> None:
    rng = np.random.default_rng(1)
    protocol = replace(Protocol.sample(rng, toy_subject), field_of_view_mm=(280.0, 280.0))
    scan = sample(toy_subject, rng, protocol=protocol, pixel_mm=2.8)
    assert not scan.pixels[:, :29].any()
    assert scan.pixels[:, 31:129, 31:129].all(axis=0).any()


def test_foraminal_fat_is_bright_in_t1(toy_subject: Any) -> None:
    brighter = 0
    for seed in range(10):
        rng, protocol = np.random.default_rng(seed), protocol_of(toy_subject, seed)
        scan = image(toy_subject, rng, protocol=protocol, strength=0.3)
        fat = _at(scan, np.add(scan.points["L3-left"], (0, 0, 4.5)))
        body = _at(scan, np.array(scan.anchors["L3-body"]))
        brighter += fat > body
    assert brighter >= 8


def _at(scan: Scan, place: Any) -> float:
    slice_, row, column = np.rint(to_index(scan.affine, [place])[0]).astype(int)
    return float(scan.pixels[slice_, row, column])


@pytest.mark.parametrize("seed", range(4))
def test_neighbouring_slices_share_the_texture_of_the_subject(toy_subject: Any, seed: int) -> None:
    protocol = replace(protocol_of(toy_subject, seed), slices=12, gap_mm=0.0, thickness_mm=3.0)
    affine = protocol.affine(160, 160)
    exposure = acquisition._Exposure(toy_subject, protocol, Deformation.none(), affine)
    found = np.ones((12, 160, 160, 4), np.float32)
    found[..., contrast.STREAK] = 0
    made = exposure._texture(np.random.default_rng(seed), found, 1.5)
    fine = made - ndimage.uniform_filter(made, (0, 9, 9))
    near = np.corrcoef(fine[5].ravel(), fine[6].ravel())[0, 1]
    assert near > 0.1
