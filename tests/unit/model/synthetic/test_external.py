"""Label maps of others: read in any orientation, numbers named, what lacks told."""

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel import orientations

from model.affine import to_patient
from model.synthetic import cache, external, numbering
from model.synthetic.tissue import Tissue

SHAPE = (40, 30, 60)  # R, A, S
POINTS = {"L4-left": [12.0, 3.0, -5.0], "L4-right": [-12.0, 3.0, -5.0]}


def numbers() -> Any:
    made = np.zeros(SHAPE, np.uint8)
    made[10:30, 12:25, 34:54] = 23  # upper: L4
    made[10:30, 12:25, 4:24] = 24  # L5
    made[30, 20, 40] = 7
    return made


def save(
    folder: Path, name: str = "one", codes: str = "RAS", made: Any = None, **about: Any
) -> Path:
    affine = np.diag([1.5, 1.4, 1.3, 1.0])
    affine[:3, 3] = (-30.0, -20.0, -39.0)
    image = nibabel.Nifti1Image(numbers() if made is None else made, affine)
    turn = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(codes))
    )
    path = folder / f"{name}.nii.gz"
    nibabel.save(image.as_reoriented(turn), path)
    if about:
        (folder / f"{name}.json").write_text(json.dumps(about))
    return path


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPI", "ASR", "PIR"])
def test_a_map_is_turned_and_stays_in_place(tmp_path: Path, codes: str) -> None:
    path = save(tmp_path, codes=codes, background="air", tissues={"7": "AORTA"})
    subject = external.read(path)
    labels, affine = subject.label_map.labels, subject.label_map.affine
    assert labels.shape == (SHAPE[0], SHAPE[2], SHAPE[1])
    assert np.all(np.diag(affine[:3, [0, 2, 1]]) * [1, 1, -1] > 0)  # left, back, feet
    aorta = np.argwhere(labels == Tissue.AORTA)
    ras_mm = np.array([-30.0 + 30 * 1.5, -20.0 + 20 * 1.4, -39.0 + 40 * 1.3])
    assert np.allclose(to_patient(affine, aorta)[0], ras_mm * [-1, -1, 1], atol=1e-4)
    assert (labels == Tissue.MARROW).sum() == 2 * 20 * 13 * 20


def test_points_and_what_is_said_of_the_subject_are_taken(tmp_path: Path) -> None:
    subject = external.read(
        save(tmp_path, points=POINTS, grades={"L4-left": 2}, lumbar_count=6, background="air")
    )
    assert subject.points["L4-left"] == (12.0, 3.0, -5.0)
    assert subject.foramina["L4-left"].axes[0][0] == 1.0
    assert subject.foramina["L4-right"].axes[0][0] == -1.0
    assert (subject.foramina["L4-left"].grade, subject.lumbar_count) == (2, 6)
    assert external.with_points(subject) is subject


def test_the_background_is_filled_unless_it_is_air(tmp_path: Path) -> None:
    filled = external.read(save(tmp_path)).label_map.labels
    assert (filled == Tissue.MUSCLE).any()
    assert (filled == Tissue.SKIN).any()


def test_a_map_without_points_is_no_case(tmp_path: Path) -> None:
    path = save(tmp_path, background="air")
    with pytest.raises(ValueError, match=r"one has no points: .* in one\.json"):
        external.with_points(external.read(path))
    with pytest.raises(ValueError, match=r"none of the 1 NIfTI files .* has points"):
        external.files_with_points(tmp_path)
    named = save(tmp_path, "two", points=POINTS)
    assert external.files_with_points(tmp_path) == [named]


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"tissues": {"1": "BONE"}}, r"one\.json: 'BONE' is no tissue"),
        ({"points": {"L4-left": [120.0, 3.0, -5.0]}}, r"one\.nii\.gz: L4-left .* outside the map"),
    ],
)
def test_a_wrong_description_is_told(tmp_path: Path, about: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        external.read(save(tmp_path, **about))


def test_what_is_no_label_map_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no label map"):
        external.files(tmp_path)
    image = np.where(numbers() == 7, -5, 0).astype(np.int16)
    with pytest.raises(ValueError, match=r"is no label map: its values run from -5 to 0"):
        external.read(save(tmp_path, made=image))
    (tmp_path / "text.nii").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.nii is no NIfTI file"):
        external.read(tmp_path / "text.nii")
    with pytest.raises(ValueError, match=r"the numbers \[3\] are unknown"):
        external.read(save(tmp_path, made=np.full(SHAPE, 3, np.uint8)))


@pytest.mark.parametrize("kept_share", [0.1, 0.5, 0.98])
@pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
def test_half_a_file_is_told(tmp_path: Path, suffix: str, kept_share: float) -> None:
    noise = np.random.default_rng(1).integers(20, 24, SHAPE, dtype=np.uint8)
    whole = save(tmp_path, made=noise).read_bytes()
    data = whole if suffix == ".nii.gz" else gzip.decompress(whole)
    path = tmp_path / f"half{suffix}"
    path.write_bytes(data[: int(kept_share * len(data))])
    with pytest.raises(ValueError, match=r"half\.nii.*cannot be read"):
        external.read(path)


def test_a_map_without_bone_is_named(tmp_path: Path) -> None:
    made = np.where(numbers() == 7, 7, 0).astype(np.uint8)
    with pytest.raises(ValueError, match=r"one\.nii\.gz: .* no bone"):
        external.read(save(tmp_path, made=made, tissues={"7": "AORTA"}))


def test_maps_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for person, number in (("a", 23), ("b", 24)):
        (tmp_path / "maps" / person).mkdir(parents=True)
        made = np.where(numbers() == number, number, 0).astype(np.uint8)
        save(tmp_path / "maps" / person, made=made, background="air", numbering="vertebrae")
    kept = external.keep(tmp_path / "maps", tmp_path / "kept")
    one, other = (cache.load(path).label_map.labels for path in kept)
    assert not np.array_equal(one, other)


def test_maps_are_kept_for_training(tmp_path: Path) -> None:
    save(tmp_path, background="air")
    (kept,) = external.keep(tmp_path, tmp_path / "kept")
    assert cache.load(kept).name == "one"
    assert cache.files(tmp_path / "kept") == [kept]


@pytest.mark.parametrize(
    ("present", "scheme"),
    [
        ([20, 21, 22, 23, 24, 26], "vertebrae"),
        ([26, 27, 28, 29, 30, 31, 32, 33], "totalsegmentator"),
        ([41, 42, 49, 50, 60, 61, 100], "subregions"),
        ([20, 21, 27, 28, 29, 52], "totalsegmentator"),
        ([1, 2, 3], None),
    ],
)
def test_a_numbering_is_recognised(present: list[int], scheme: str | None) -> None:
    assert numbering.recognised(present) == scheme
