"""Sub-volumes: which voxels are cut, where they lie, and what NIfTI says of it."""

import gzip
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom import Dataset

from model import crop, volume
from model.crop import Target
from model.labels import LABELS
from model.landmark import Landmark, Prediction
from model.volume import Volume

Stack = Callable[..., list[Dataset]]


@pytest.fixture
def scan(make_stack: Stack) -> Volume:
    """Give 9 slices of 40 x 30 pixels: 4 mm, 0.5 mm and 0.75 mm apart."""
    return volume.from_datasets(make_stack(9, size=(40, 30)))


def at(scan: Volume, *index: float) -> tuple[float, float, float]:
    x, y, z = scan.to_patient([index])[0]
    return float(x), float(y), float(z)


def one(scan: Volume, *index: float, size_mm: tuple[float, float, float]) -> crop.Crop:
    (made,), left = crop.cut(scan, [Target("L4-left", at(scan, *index))], size_mm)
    assert left == []
    return made


def test_the_asked_mm_become_whole_voxels_around_the_point(scan: Volume) -> None:
    made = one(scan, 4, 20, 15, size_mm=(12, 5.5, 8.25))
    assert made.pixels.shape == (3, 11, 11)
    assert made.start == (3, 15, 10)
    assert np.array_equal(made.pixels, scan.pixels[3:6, 15:26, 10:21])
    assert made.size_mm == pytest.approx((12, 5.5, 8.25))
    assert not made.cut_off


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_the_point_lies_within_half_a_voxel_of_the_middle(scan: Volume, count: int) -> None:
    for offset in (-0.4, 0.0, 0.3):
        middle = 20 + offset
        made = one(scan, 4, middle, 15, size_mm=(4, 0.5 * count, 0.75))
        assert made.pixels.shape[1] == count
        assert abs(made.start[1] + (count - 1) / 2 - middle) <= 0.5


def test_every_voxel_keeps_its_place_in_the_patient(scan: Volume) -> None:
    made = one(scan, 4.3, 21.6, 14.2, size_mm=(12, 6, 6))
    index = np.argwhere(np.ones(made.pixels.shape))
    own = Volume(made.pixels, made.affine, "", (), "").to_patient(index)
    assert own == pytest.approx(scan.to_patient(index + made.start))


def test_at_the_edge_it_is_smaller_and_says_so(scan: Volume) -> None:
    made = one(scan, 0, 39.4, -0.4, size_mm=(12, 5, 7.5))
    assert made.cut_off
    assert made.start == (0, 35, 0)
    assert made.pixels.shape == (2, 5, 5)


def test_more_than_the_images_gives_the_images(scan: Volume) -> None:
    made = one(scan, 4, 20, 15, size_mm=(500, 500, 500))
    assert made.pixels.shape == scan.pixels.shape
    assert made.cut_off


@pytest.mark.parametrize(
    "point", [(8.6, 20, 15), (4, -0.6, 15), (4, 20, 29.6), (float("nan"), 20, 15)]
)
def test_a_point_outside_the_images_is_left_out_with_the_reason(
    scan: Volume, point: tuple[float, ...]
) -> None:
    crops, left = crop.cut(scan, [Target("L4-left", at(scan, *point))])
    assert crops == []
    assert left == [Target("L4-left", reason=crop.OUTSIDE)]


@pytest.mark.parametrize("size", [(0, 40, 40), (20, -1, 40), (20, 40, float("nan")), (20, 40)])
def test_a_size_that_is_none_is_refused(scan: Volume, size: Any) -> None:
    with pytest.raises(ValueError, match="expected three positive numbers of mm"):
        crop.cut(scan, [], size)


def test_missed_landmarks_keep_their_reason(scan: Volume) -> None:
    marks = [Landmark(label, reason="not seen") for label in LABELS]
    marks[0] = Landmark(LABELS[0], point_mm=at(scan, 4, 20, 15), confidence=0.75)
    wanted = crop.targets(Prediction(tuple(marks), "b", "1", "0"))
    crops, left = crop.cut(scan, wanted)
    assert [made.target.confidence for made in crops] == [0.75]
    assert {target.reason for target in left} == {"not seen"}
    assert [target.label for target in left] == list(LABELS[1:])


def test_points_that_a_file_lacks_are_named() -> None:
    wanted = crop.targets_of_points({"L2-right": (1.0, 2.0, 3.0)}, "truth.json")
    assert [target.label for target in wanted] == list(LABELS)
    found = [target for target in wanted if target.point_mm]
    assert found == [Target("L2-right", (1.0, 2.0, 3.0))]
    assert wanted[0].reason == "truth.json has no point for it"


def read(data: bytes) -> Any:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(data))


def test_nifti_turns_lps_into_ras_and_keeps_the_voxels(scan: Volume) -> None:
    made = one(scan, 4, 20, 15, size_mm=(12, 5.5, 8.25))
    image = read(crop.nifti(made))
    assert np.array_equal(image.get_fdata(), made.pixels)
    right, front, up = image.affine @ [1, 5, 5, 1] @ np.eye(4)[:, :3]
    x, y, z = scan.to_patient([(4, 20, 15)])[0]
    assert (-right, -front, up) == pytest.approx((x, y, z), abs=1e-4)
    assert nibabel.aff2axcodes(image.affine) == ("L", "I", "P")
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header.get_zooms() == pytest.approx((4, 0.5, 0.75))
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    assert image.get_qform() == pytest.approx(image.affine, abs=1e-4)


def test_nifti_of_a_sheared_stack_has_no_quaternion_that_would_straighten_it(
    make_stack: Stack,
) -> None:
    stack = make_stack(9, size=(40, 30))
    for number, dataset in enumerate(stack):
        dataset.ImagePositionPatient = [-8.0 + 4.0 * number, -50.0 + 0.5 * number, 70.0]
    scan = volume.from_datasets(stack)
    image = read(crop.nifti(one(scan, 4, 20, 15, size_mm=(12, 6, 6))))
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)
    x, y, z = scan.to_patient([(3, 14, 11)])[0]
    assert image.affine[:3, 3] == pytest.approx((-x, -y, z), abs=1e-4)


def test_nifti_is_the_same_at_every_time(scan: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    made = one(scan, 4, 20, 15, size_mm=(12, 6, 6))
    before = crop.nifti(made)
    monkeypatch.setattr("time.time", lambda: 1.0)
    assert crop.nifti(made) == before
