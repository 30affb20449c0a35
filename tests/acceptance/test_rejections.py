"""What does not belong is rejected, and `foramina series show` gives every reason."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, generate_uid

from model.phantom import write_case
from tests.black_box import BlackBox

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("storescu") is None, reason="needs Debian package dcmtk"),
]


def as_t2(ds: Dataset) -> None:
    ds.SeriesDescription, ds.ProtocolName = "T2 TSE SAG", "T2 TSE SAG"
    ds.RepetitionTime, ds.EchoTime = "3500", "102"


def as_axial(ds: Dataset) -> None:
    ds.SeriesDescription = "T1 TRA"
    x, y, z = ds.ImagePositionPatient
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [y, z, x]


def as_localizer(ds: Dataset) -> None:
    ds.SeriesDescription = "LOCALIZER"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def as_ct(ds: Dataset) -> None:
    ds.Modality, ds.SOPClassUID = "CT", CTImageStorage
    ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    for keyword in ("RepetitionTime", "EchoTime"):
        delattr(ds, keyword)


def without_positions(ds: Dataset) -> None:
    del ds.ImagePositionPatient


def without_spacing_between_slices(ds: Dataset) -> None:
    if "SpacingBetweenSlices" in ds:
        del ds.SpacingBetweenSlices


CASES = [
    (as_t2, "default", ("EchoTime", "T2")),
    (as_axial, "default", ("axial",)),
    (as_localizer, "default", ("localizer",)),
    (as_ct, "default", ("Modality", "CT")),
    (without_positions, "default", ("ImagePositionPatient",)),
    (without_spacing_between_slices, "thesis", ("SpacingBetweenSlices",)),
]


@pytest.mark.parametrize("filter_set", ["default", "thesis"])
def test_what_does_not_belong_is_rejected_with_all_reasons(
    filter_set: str, black_box: Callable[..., BlackBox], tmp_path: Path
) -> None:
    cases = [case for case in CASES if case[1] == filter_set]
    sent = {}
    for change, _, _ in cases:
        folder = tmp_path / change.__name__
        write_case(folder, seed=21)
        uid = generate_uid(entropy_srcs=[change.__name__])
        for path in (folder / "dicom").glob("*.dcm"):
            ds = dcmread(path)
            ds.SeriesInstanceUID = uid
            ds.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(ds.SOPInstanceUID)])
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
            change(ds)
            ds.save_as(path)
        sent[change.__name__] = (folder / "dicom", uid)
    box = black_box(filter_set=filter_set, worker={"processes": 0})
    for folder, _ in sent.values():
        box.send(folder)
    for change, _, words in cases:
        uid = sent[change.__name__][1]
        shown = box.wait(
            lambda uid=uid: (found := box.series(uid))["state"] == "rejected" and found,
            f"{change.__name__} is rejected",
        )
        failed = [rule["reason"] for rule in shown["verdict"]["rules"] if not rule["passed"]]
        assert failed
        for reason in failed:
            assert reason in shown["reason"]
        for word in words:
            assert word.lower() in shown["reason"].lower()
        printed = box.run("series", "show", uid, "--config", str(box.config)).stdout
        assert all(reason in printed for reason in failed)
    assert box.ask("jobs", "list") == []
