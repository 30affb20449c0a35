"""Drawn headers: plausible, varied, and true to the geometry."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from model.synthetic import headers
from model.synthetic.vendors import VENDORS
from tests.toy_scan import affine, protocol


def style(seed: int, **options: object) -> headers.Style:
    return headers.draw_style(np.random.default_rng(seed), "T1", **options)  # type: ignore[arg-type]


def test_vendors_positions_and_orders_all_occur() -> None:
    drawn = [style(seed) for seed in range(80)]
    assert {one.vendor.name for one in drawn} == set(VENDORS)
    assert {one.patient_position for one in drawn} == {"HFS", "FFS"}
    assert {one.left_first for one in drawn} == {True, False}


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_a_scanner_of_the_field_strength_is_taken(field_t: float) -> None:
    drawn = [style(seed, vendor="siemens", field_t=field_t) for seed in range(10)]
    assert {one.scanner.field_t for one in drawn} == {field_t}


@pytest.mark.parametrize("vendor", VENDORS)
def test_stored_values_fit_their_bits(vendor: str) -> None:
    drawn = style(1, vendor=vendor)
    image = np.linspace(0, 1, 4000, dtype=np.float32).reshape(4, 25, 40) ** 8  # a few very bright
    stored = headers.stored_values(image, drawn)
    form = drawn.vendor.pixels
    assert stored.min() >= 0
    assert stored.max() < 2 ** (form.bits_stored - form.signed)
    assert form.brightest[0] <= np.percentile(stored, 99.5) <= form.brightest[1]


def test_an_empty_image_is_stored_as_zeros() -> None:
    assert not headers.stored_values(np.zeros((2, 3, 4), np.float32), style(1)).any()


def test_the_plane_is_the_affine() -> None:
    dataset = Dataset()
    made = affine((7.0, -3.0))
    headers.plane(dataset, made, 4.0, index=2)
    along, down = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
    assert np.allclose(along * dataset.PixelSpacing[1], made[:3, 2], atol=1e-5)
    assert np.allclose(down * dataset.PixelSpacing[0], made[:3, 1], atol=1e-5)
    assert np.allclose(dataset.ImagePositionPatient, made[:3, 3] + 2 * made[:3, 0], atol=1e-5)
    assert all(len(str(value)) <= 16 for value in dataset.ImageOrientationPatient)  # a DS


def test_the_sequence_is_the_protocol() -> None:
    dataset = Dataset()
    headers.mr_image(dataset, style(1), protocol())
    assert (dataset.RepetitionTime, dataset.EchoTime, dataset.PixelBandwidth) == (560, 11, 190)


@pytest.mark.parametrize(
    ("head_feet", "direction", "matrix"),
    [(True, "COL", [240, 0, 0, 320]), (False, "ROW", [0, 320, 240, 0])],
)
def test_the_phase_direction_orders_the_matrix(
    head_feet: bool, direction: str, matrix: list[int]
) -> None:
    dataset = Dataset()
    headers.mr_image(dataset, style(1), protocol(phase_head_feet=head_feet))
    assert dataset.InPlanePhaseEncodingDirection == direction
    assert dataset.AcquisitionMatrix == matrix


def test_names_of_a_large_seed_fit_their_values() -> None:
    dataset = Dataset()
    headers.patient_and_study(dataset, 10**20, "F", UID("2.25.1"))
    assert len(dataset.AccessionNumber) <= 16
    assert len(dataset.PatientID) <= 64


def test_a_free_contrast_names_no_contrast_agent() -> None:
    drawn = headers.draw_style(np.random.default_rng(1), "free")
    assert "contrast" not in drawn.description.lower()
