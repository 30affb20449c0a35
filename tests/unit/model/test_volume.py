"""Volumes: geometry against the standard's equation, and independence of how files arrive."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from model import volume
from model.cases import Case
from model.phantom import drawing, series
from model.volume import VolumeError
from tests import multiframe

Stack = Callable[..., list[Dataset]]


def test_stacks_slices_from_right_to_left_whatever_their_order(make_stack: Stack) -> None:
    stack = make_stack(5)
    for number, dataset in enumerate(stack):
        dataset.InstanceNumber = 100 - number
    made = volume.from_datasets([stack[i] for i in (3, 0, 4, 1, 2)])
    assert made.sop_instance_uids == tuple(dataset.SOPInstanceUID for dataset in stack)
    assert made.pixels.shape == (5, 6, 8)
    assert made.pixels.dtype == np.float32
    np.testing.assert_array_equal(made.pixels[3], stack[3].pixel_array)
    assert made.spacing_mm == (4.0, 0.5, 0.75)
    assert made.frame_of_reference_uid == "1.2.3.999"


def test_places_pixels_as_the_standard_says(make_stack: Stack) -> None:
    """PS3.3 equation C.7.6.2.1-1, on an oblique stack."""
    along = np.array([0.05, 0.99, 0.02])
    along /= np.linalg.norm(along)
    down = np.cross(along, [0.97, -0.03, 0.08])
    down /= np.linalg.norm(down)
    normal = np.cross(along, down) * -1
    stack = make_stack(4)
    for number, dataset in enumerate(stack):
        dataset.ImageOrientationPatient = [f"{v:.12f}" for v in (*along, *down)]
        dataset.ImagePositionPatient = [f"{v:.8f}" for v in 3.6 * number * normal + (-9, 4, 33)]
    made = volume.from_datasets(stack)
    first = [dataset.SOPInstanceUID for dataset in stack].index(made.sop_instance_uids[0])
    step = 1 if first == 0 else -1
    for number in range(4):
        position = np.array(stack[first + step * number].ImagePositionPatient, float)
        expected = position + down * 0.5 * 3 + along * 0.75 * 5
        np.testing.assert_allclose(made.to_patient([number, 3, 5]), [expected], atol=1e-5)
    assert made.affine[0, 0] > 0
    index = np.random.default_rng(0).uniform(-5, 30, (10, 3))
    np.testing.assert_allclose(made.to_index(made.to_patient(index)), index, atol=1e-9)


def test_reads_phantom_points_back_to_a_tenth_of_a_millimetre(
    phantom_case: Case, drawn: drawing.Phantom
) -> None:
    for name, point in phantom_case.points.items():
        written = (np.linalg.inv(drawn.grid.affine) @ [*point, 1.0])[:3]
        found = phantom_case.volume.to_patient(written)[0]
        assert np.linalg.norm(found - point) < 0.1, name


def test_left_lies_at_larger_x_and_in_later_slices(phantom_case: Case) -> None:
    left = phantom_case.volume.to_index([phantom_case.points["L4-left"]])[0]
    right = phantom_case.volume.to_index([phantom_case.points["L4-right"]])[0]
    assert phantom_case.points["L4-left"][0] > phantom_case.points["L4-right"][0]
    assert left[0] > right[0]


def test_patient_position_never_moves_a_point(drawn: drawing.Phantom) -> None:
    head_first = volume.from_datasets(series.datasets(drawn))
    feet_first = volume.from_datasets(series.datasets(drawn, {"PatientPosition": "FFS"}))
    np.testing.assert_array_equal(head_first.affine, feet_first.affine)
    assert head_first.content_digest == feet_first.content_digest


def test_digest_ignores_file_order_and_transfer_syntax(make_stack: Stack) -> None:
    plain = volume.from_datasets(make_stack(4))
    packed = make_stack(4)
    for dataset in packed:
        dataset.compress(RLELossless, generate_instance_uid=False)
    assert volume.from_datasets(packed[::-1]).content_digest == plain.content_digest
    implicit = make_stack(4)
    for dataset in implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert volume.from_datasets(implicit).content_digest == plain.content_digest


def _other_pixel(dataset: Dataset) -> None:
    dataset.PixelData = b"\x07\x00" + dataset.PixelData[2:]


def _other_uid(dataset: Dataset) -> None:
    dataset.SOPInstanceUID = "1.2.3.77"


def _other_place(dataset: Dataset) -> None:
    dataset.ImagePositionPatient = [-8.0, -50.0, 70.0 + 0.001]


@pytest.mark.parametrize("change", [_other_pixel, _other_uid, _other_place])
def test_digest_follows_pixels_uids_and_geometry(
    make_stack: Stack, change: Callable[[Dataset], None]
) -> None:
    before, changed = make_stack(4), make_stack(4)
    change(changed[0])
    digests = [volume.from_datasets(stack).content_digest for stack in (before, changed)]
    assert digests[0] != digests[1]


def test_rescales_each_slice_by_its_own_values(make_stack: Stack) -> None:
    stack = make_stack(3)
    stack[1].RescaleSlope, stack[1].RescaleIntercept = "2.5", "-100"
    made = volume.from_datasets(stack)
    np.testing.assert_allclose(made.pixels[1], stack[1].pixel_array * 2.5 - 100)
    np.testing.assert_array_equal(made.pixels[0], stack[0].pixel_array)


def test_frames_make_the_volume_of_the_classic_series(make_stack: Stack) -> None:
    classic = volume.from_datasets(make_stack(7))
    whole = multiframe.enhanced(make_stack(7))
    made = volume.from_datasets([whole])
    np.testing.assert_array_equal(made.pixels, classic.pixels)
    np.testing.assert_allclose(made.affine, classic.affine, atol=1e-9)
    assert set(made.sop_instance_uids) == {whole.SOPInstanceUID}
    assert sorted(made.frame_numbers) == list(range(1, 8))
    for index, number in enumerate(made.frame_numbers):
        position, _, _ = multiframe.place(whole, number)
        np.testing.assert_allclose(made.to_patient([index, 0, 0])[0], position, atol=1e-6)
    assert made.content_digest != classic.content_digest


def test_frames_are_rescaled_each_by_its_own_group(make_stack: Stack) -> None:
    whole = multiframe.enhanced(make_stack(3), shuffled=0)
    own = Dataset()
    own.RescaleSlope, own.RescaleIntercept = "2.5", "-100"
    whole.PerFrameFunctionalGroupsSequence[1].PixelValueTransformationSequence = [own]
    made = volume.from_datasets([whole])
    np.testing.assert_allclose(made.pixels[1], make_stack(3)[1].pixel_array * 2.5 - 100)
    np.testing.assert_array_equal(made.pixels[0], make_stack(3)[0].pixel_array)


def test_parts_of_a_concatenation_are_joined_in_any_order(make_stack: Stack) -> None:
    parts = multiframe.concatenation(multiframe.enhanced(make_stack(7)), [3, 3, 1])
    made = volume.from_datasets(parts[::-1])
    np.testing.assert_array_equal(made.pixels, volume.from_datasets(make_stack(7)).pixels)
    assert set(made.sop_instance_uids) == {part.SOPInstanceUID for part in parts}
    with pytest.raises(VolumeError, match=r"not whole: .* parts 1, 2; expected .* 1 to 3"):
        volume.from_datasets(parts[:2])


def test_bright_is_white_whatever_the_photometric_interpretation(make_stack: Stack) -> None:
    plain = volume.from_datasets(make_stack(4))
    stack = make_stack(4, PhotometricInterpretation="MONOCHROME1")
    for dataset in stack:
        stored = 899 - np.frombuffer(dataset.PixelData, "<u2")
        dataset.PixelData = stored.astype("<u2").tobytes()
    made = volume.from_datasets(stack)
    shift = made.pixels - plain.pixels
    assert np.ptp(shift) == 0
    assert made.pixels.min() == min(dataset.pixel_array.min() for dataset in stack)
    named = make_stack(4)
    for dataset, other in zip(named, stack, strict=True):
        dataset.PixelData = other.PixelData
    assert volume.from_datasets(named).content_digest != made.content_digest


def test_an_instance_that_claims_too_many_pixels_is_refused_before_decoding(
    make_stack: Stack,
) -> None:
    stack = make_stack(3, Rows=65535, Columns=65535)
    with pytest.raises(VolumeError, match=r"claims 1 images of 65535 by 65535 pixels; expected"):
        volume.from_datasets(stack)


def test_a_series_of_too_many_pixels_is_refused(
    make_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volume, "MAX_PIXELS", 2 * 6 * 8)
    with pytest.raises(VolumeError, match="the series has more than"):
        volume.from_datasets(make_stack(3))


def test_a_file_that_is_too_large_is_not_read(
    make_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.dcm"
    make_stack(1)[0].save_as(path, enforce_file_format=True)
    monkeypatch.setattr(volume, "MAX_FILE_BYTES", 100)
    with pytest.raises(VolumeError, match=r"large\.dcm has \d+ bytes; expected at most 100"):
        volume.load([path])


def test_loads_files(make_stack: Stack, tmp_path: Path) -> None:
    stack = make_stack(3)
    for dataset in stack:
        dataset.save_as(tmp_path / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
    made = volume.load(sorted(tmp_path.iterdir(), reverse=True))
    assert made.content_digest == volume.from_datasets(stack).content_digest


def test_a_file_that_is_not_dicom_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image " * 20)
    with pytest.raises(VolumeError, match=r"notes\.txt is not a DICOM file: expected 'DICM'"):
        volume.load([tmp_path / "notes.txt"])


def test_an_unreadable_disk_is_not_the_series_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        volume.load([tmp_path / "gone.dcm"])
