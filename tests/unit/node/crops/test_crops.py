"""The files of all sub-volumes of a series, and their index."""

import gzip
import json
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import nibabel
import pytest
from pydicom import dcmread

from model.crop import Target
from node import crops

SIZE = (24.0, 20.0, 20.0)
INDEX = PurePosixPath(crops.INDEX)


def wanted(target: Target) -> list[Target]:
    return [Target("L3-left", reason="not seen"), target, Target("L5-right", (900.0, 0.0, 0.0))]


def test_found_foramina_get_files_and_the_others_a_reason(scan: Any, target: Target) -> None:
    made = crops.files(scan.volume, wanted(target), scan.headers, SIZE)
    names = [str(path) for path in made]
    assert names == [
        "L4-left.nii.gz", "L4-left/001.dcm", "L4-left/002.dcm", "L4-left/003.dcm", "index.json",
    ]  # fmt: skip
    index = json.loads(made[INDEX])
    assert index["content_digest"] == scan.volume.content_digest
    missed, found, outside = index["foramina"]
    assert missed == {"label": "L3-left", "name": "L3/L4 left foramen", "reason": "not seen"}
    assert outside["reason"] == "the point lies outside the images"
    assert found["point_mm"] == list(target.point_mm or ())
    assert (found["shape"], found["confidence"], found["cut_off"]) == ([3, 5, 5], 0.5, False)
    assert found["size_mm"] == pytest.approx(SIZE)
    assert found["files"] == names[:-1]
    image = dcmread(BytesIO(made[PurePosixPath("L4-left/001.dcm")]))
    assert image.SeriesInstanceUID == found["series_instance_uid"]
    nifti = nibabel.Nifti1Image.from_bytes(gzip.decompress(made[PurePosixPath(names[0])]))
    assert list(nifti.shape) == found["shape"]


@pytest.mark.parametrize(("form", "suffix"), [("nifti", ".gz"), ("dicom", ".dcm")])
def test_only_the_asked_format_is_made(
    scan: Any, target: Target, form: crops.Format, suffix: str
) -> None:
    made = crops.files(scan.volume, [target], scan.headers, SIZE, [form])
    assert {path.suffix for path in made} == {suffix, ".json"}


def test_nothing_found_gives_the_index_alone(scan: Any) -> None:
    made = crops.files(scan.volume, [Target("L1-left", reason="no")], scan.headers, SIZE)
    assert list(made) == [INDEX]


def test_no_patient_in_index_and_nifti(scan: Any, target: Target) -> None:
    made = crops.files(scan.volume, [target], scan.headers, SIZE, ["nifti"])
    for path, data in made.items():
        plain = gzip.decompress(data) if path.suffix == ".gz" else data
        assert b"Doe" not in plain
        assert b"Jane" not in plain
