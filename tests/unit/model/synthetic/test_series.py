"""Synthetic scans as DICOM: true geometry, vendors' habits, valid, deterministic, plainly made."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from model import volume
from model.cases import read_case
from model.labels import LABELS
from model.synthetic import cache, series
from model.synthetic.series import Order
from model.synthetic.truth import truth
from model.synthetic.vendors import VENDORS
from node import config
from node.filters import FilterSet
from tests.series_headers import HANDLES
from tests.toy_scan import FINE_SHAPE, FINE_SPACING_MM, indices, kept_subject, toy_scan, toy_subject

CONFIG = config.load(Path(__file__).parents[4] / "config.yaml")
DEGREES = st.floats(-8.0, 8.0)


def order(**changes: Any) -> Order:
    return Order(**{"folder": Path("unused"), "seed": 7, **changes})


def write(folder: Path, scan: Any, **changes: Any) -> list[Path]:
    made = order(folder=folder, **changes)
    known = truth(scan, toy_subject(), "toy")
    return series.write_series(folder, series.datasets(scan, made), known)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    tilt_deg=st.tuples(DEGREES, DEGREES),
    position=st.sampled_from(["HFS", "FFS"]),
    seed=st.integers(0, 50),
)
def test_points_survive_writing_and_reading(
    tmp_path: Path, tilt_deg: tuple[float, float], position: str, seed: int
) -> None:
    scan = toy_scan(tilt_deg)
    folder = tmp_path / "case"
    images = series.datasets(scan, order(seed=seed), attributes={"PatientPosition": position})
    series.write_series(folder, images, truth(scan, toy_subject(), "toy"))
    case = read_case(folder)
    for name in LABELS:
        pixel = indices(scan, [scan.points[name]])  # what the image shows there
        assert np.abs(case.volume.to_patient(pixel) - scan.points[name]).max() < 0.1
        assert np.abs(np.subtract(case.points[name], scan.points[name])).max() < 0.01
    assert case.points["L4-left"][0] > case.points["L4-right"][0]


def test_one_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    once = write(tmp_path / "once", toy_scan())
    again = write(tmp_path / "again", toy_scan())
    other = write(tmp_path / "other", toy_scan(), seed=8)
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    uids = {dcmread(path).SeriesInstanceUID for path in (*once, *other)}
    assert len(uids) == 2
    assert all(uid.startswith("2.25.") for uid in uids)


def test_a_kept_anatomy_is_imaged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.synthetic.anatomy.draw", lambda seed: kept_subject())
    drawn = Order(tmp_path / "drawn", 7)
    series.write(drawn)
    keeping = Order(tmp_path / "kept", 7, anatomies=tmp_path / "anatomies")
    series.write(keeping)
    assert cache.path_of(tmp_path / "anatomies", 7).is_file()
    monkeypatch.setattr("model.synthetic.anatomy.draw", None)  # not asked a second time
    again = Order(tmp_path / "again", 7, anatomies=tmp_path / "anatomies")
    series.write(again)
    first = [path.read_bytes() for path in sorted(drawn.folder.rglob("*.*"))]
    assert first == [path.read_bytes() for path in sorted(again.folder.rglob("*.*"))]


def test_the_patient_is_plainly_synthetic(tmp_path: Path) -> None:
    first = dcmread(write(tmp_path, toy_scan())[0])
    assert first.PatientName == "Synthetic^0007"
    assert first.StudyDescription == "SYNTHETIC LUMBAR SPINE"
    assert "no patient exists" in first.ImageComments
    assert not any(element.tag.is_private for element in first)
    assert series.case_name(7) == "synthetic-00007"


@pytest.mark.parametrize("vendor", VENDORS)
def test_pixels_keep_their_proportions(vendor: str) -> None:
    scan = toy_scan()
    images = series.datasets(scan, order(vendor=vendor))
    form = VENDORS[vendor].pixels
    assert {(one.BitsStored, one.PixelRepresentation) for one in images} == {
        (form.bits_stored, int(form.signed))
    }
    read = volume.from_datasets(images).pixels
    bright = np.percentile(scan.pixels, 99.0)
    middle = (scan.pixels > 0.1 * bright) & (scan.pixels < bright)
    ratio = read[middle] / scan.pixels[middle]
    assert ratio.std() / ratio.mean() < 0.01


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_node_accepts_the_t1_series(vendor: str) -> None:
    judge = FilterSet("default", CONFIG.filter_sets["default"], HANDLES)
    scan = toy_scan(shape=FINE_SHAPE, spacing_mm=FINE_SPACING_MM)
    for seed in range(12):  # descriptions, models, positions are drawn
        decision = judge.judge(series.datasets(scan, order(seed=seed, vendor=vendor)))
        assert decision.accepted, decision.reasons


@pytest.mark.parametrize("contrast", ["T2", "free"])
def test_the_node_refuses_other_contrasts_by_their_weighting(contrast: str) -> None:
    judge = FilterSet("default", CONFIG.filter_sets["default"], HANDLES)
    for seed in range(8):
        images = series.datasets(toy_scan(contrast=contrast), order(seed=seed))
        assert "Weighting" in judge.judge(images).summary


def test_a_free_contrast_has_no_timing() -> None:
    first = series.datasets(toy_scan(contrast="free"), order())[0]
    assert first.RepetitionTime is None
    assert first.EchoTime is None


def test_attributes_are_set_last() -> None:
    images = series.datasets(toy_scan(), order(), attributes={"Modality": "CT", "PatientSex": None})
    assert {one.Modality for one in images} == {"CT"}
    assert not any("PatientSex" in one for one in images)


def test_writing_again_leaves_no_old_slice(tmp_path: Path) -> None:
    write(tmp_path, toy_scan())
    short = toy_scan()
    short.pixels = short.pixels[:9]
    assert len(write(tmp_path, short)) == len(list((tmp_path / "dicom").iterdir())) == 9


def test_unknown_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="contrast 'PD': expected one of T1, T2, free"):
        series.write(order(folder=tmp_path, contrast="PD"))
    with pytest.raises(ValueError, match="no vendor is called 'acme'"):
        series.datasets(toy_scan(), order(vendor="acme"))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs Debian package dicom3tools")
@pytest.mark.parametrize("contrast", ["T1", "free"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_dciodvfy_finds_no_error(tmp_path: Path, vendor: str, contrast: str) -> None:
    path = write(tmp_path, toy_scan((5.0, -3.0), contrast=contrast), vendor=vendor)[0]
    done = subprocess.run(
        ["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace", check=False
    )
    said = (done.stdout + done.stderr).splitlines()
    assert any("MRImage" in line for line in said)  # it knew what to check
    assert [line for line in said if line.startswith("Error")] == []
