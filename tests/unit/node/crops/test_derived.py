"""A sub-volume as a derived series: geometry, references, identity, pixels."""

import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import MRImageStorage

from model import crop as cropping
from model import volume
from model.crop import Crop, Target
from model.phantom import drawing
from model.phantom import series as phantom_series
from node import identity
from node.crops.derived import DerivedSeries, series
from node.errors import SeriesUnusableError
from node.filters.attributes import ATTRIBUTES
from node.headers import read_headers
from tests import multiframe, report_series

SIZE = (24.0, 20.0, 20.0)  # 3 slices, 5 rows, 5 columns


def cut(scan: Any, target: Target) -> Crop:
    (made,), _ = cropping.cut(scan.volume, [target], SIZE)
    return made


def derived(scan: Any, target: Target) -> DerivedSeries:
    return series(cut(scan, target), scan.volume, scan.reread())


def images(made: DerivedSeries) -> list[Dataset]:
    return [dcmread(BytesIO(data)) for data in made.files]


def test_geometry_is_that_of_the_source_moved_by_whole_pixels(scan: Any, target: Target) -> None:
    found = volume.from_datasets(images(derived(scan, target)))
    made = cut(scan, target)
    assert found.affine == pytest.approx(made.affine, abs=1e-6)
    assert np.array_equal(found.pixels, made.pixels)
    nearest = found.to_index([target.point_mm])[0]
    assert nearest == pytest.approx((1, 2, 2), abs=1e-5)
    x, y, z = report_series.world(1, 18, 8)  # the highest index lies most to the right: slice 0
    positions = [
        [float(v) for v in image.ImagePositionPatient] for image in images(derived(scan, target))
    ]
    assert any(np.allclose(position, (x, y, z), atol=1e-6) for position in positions)


def test_pixels_that_are_not_square_keep_their_shape(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(PixelSpacing=["4", "2.5"])
    made = cut(scan, target)
    assert made.pixels.shape == (3, 5, 8)
    found = volume.from_datasets(images(derived(scan, target)))
    assert found.affine == pytest.approx(made.affine, abs=1e-6)
    assert found.spacing_mm == pytest.approx((8, 4, 2.5), abs=1e-6)


def test_each_image_names_its_source(scan: Any, target: Target) -> None:
    by_place = {
        tuple(
            round(float(v), 3) for v in report_series.world(index, 18, 8)
        ): f"{report_series.SERIES}.{index + 1}"
        for index in range(report_series.SLICES)
    }
    for image in images(derived(scan, target)):
        (source,) = image.SourceImageSequence
        place = tuple(round(float(v), 3) for v in image.ImagePositionPatient)
        assert source.ReferencedSOPInstanceUID == by_place[place]
        assert source.SpatialLocationsPreserved == "YES"
        (within,) = image.ReferencedSeriesSequence
        assert within.SeriesInstanceUID == report_series.SERIES
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", "OTHER"]
        assert "L4/L5 left foramen" in image.DerivationDescription
        assert "not a medical device" in image.DerivationDescription


def test_patient_study_and_frame_of_reference_are_the_source_s(scan: Any, target: Target) -> None:
    for image in images(derived(scan, target)):
        assert (image.PatientID, str(image.PatientName)) == ("P1", "Doe^Jane")
        assert image.StudyInstanceUID == report_series.STUDY
        assert image.FrameOfReferenceUID == report_series.FRAME
        assert image.SeriesInstanceUID != report_series.SERIES
        assert (image.EchoTime, image.RepetitionTime, image.SliceThickness) == (11, 550, 4)


def test_malformed_text_is_taken_over_byte_for_byte(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(SpecificCharacterSet="ISO 2022 IR 100", ProtocolName="SAG T1")
    for path in scan.paths:
        data = (
            path.read_bytes()
            .replace(b"Doe^Jane", b"D\xf6e^J\xffne")
            .replace(b"SAG T1", b"SAG \xe9 ")
        )
        path.write_bytes(data)
    (first, *_) = derived(scan, target).files
    assert b"D\xf6e^J\xffne" in first
    assert b"SAG \xe9 " in first
    assert b"ISO 2022 IR 100" in first


def test_equal_input_gives_equal_bytes_and_other_input_other_uids(
    make_scan: Callable[..., Any], scan: Any, target: Target
) -> None:
    first, again = derived(scan, target), derived(scan, target)
    assert first == again
    uids = {image.SOPInstanceUID for image in images(first)}
    assert len(uids) == len(first.files)
    corrected = derived(make_scan(PatientID="P2"), target)
    assert corrected.series_instance_uid != first.series_instance_uid
    assert uids.isdisjoint(image.SOPInstanceUID for image in images(corrected))


def test_it_is_known_as_our_own_and_never_processed(scan: Any, target: Target) -> None:
    made = images(derived(scan, target))
    assert {image.Manufacturer for image in made} == {identity.MANUFACTURER}
    assert ATTRIBUTES["OwnObject"].compute(made).value is True
    assert ATTRIBUTES["Derived"].compute(made).value is True


def test_a_source_without_frame_of_reference_gets_one_for_all_its_crops(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(FrameOfReferenceUID=None)
    other = Target("L3-left", target.point_mm)
    frames = {
        image.FrameOfReferenceUID
        for wanted in (target, other)
        for image in images(derived(scan, wanted))
    }
    assert len(frames) == 1
    assert frames.isdisjoint({report_series.FRAME, ""})


def test_values_of_a_rescaled_series_come_back(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(RescaleSlope="2.3578", RescaleIntercept="-7.5")
    made = images(derived(scan, target))
    expected = cut(scan, target).pixels
    found = volume.from_datasets(made).pixels
    assert found == pytest.approx(expected, rel=1e-5)
    assert {float(image.RescaleSlope) for image in made} == {2.3578}
    assert max(image.pixel_array.max() for image in made) < 4096  # as stored by the source


def test_what_the_source_lacks_is_filled_as_the_standard_demands(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(ScanningSequence=None, SequenceVariant=None, EchoTime=None)
    for image in images(derived(scan, target)):
        assert (image.ScanningSequence, image.SequenceVariant) == ("RM", "NONE")
        assert image["EchoTime"].value is None


def test_headers_of_other_images_are_refused(scan: Any, target: Target) -> None:
    with pytest.raises(SeriesUnusableError, match="expected the same images"):
        series(cut(scan, target), scan.volume, scan.reread()[1:])


def test_a_validator_finds_no_error(scan: Any, target: Target, tmp_path: Path) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("no dciodvfy found: install the Debian package `dicom3tools`")
    for number, data in enumerate(derived(scan, target).files):
        path = tmp_path / f"derived-{number}.dcm"
        path.write_bytes(data)
        done = subprocess.run([program, "-new", path], capture_output=True, text=True, check=False)
        found = done.stdout + done.stderr
        assert "MRImage" in found
        assert "Error" not in found


def test_frames_of_enhanced_mr_are_named_and_lie_where_they_lay(tmp_path: Path) -> None:
    phantom = drawing.draw(40_001)
    whole = multiframe.enhanced(phantom_series.datasets(phantom))
    path = tmp_path / "enhanced.dcm"
    whole.save_as(path, enforce_file_format=True)
    pixels = volume.load([path])
    (made,), _ = cropping.cut(pixels, [Target("L4-left", phantom.points["L4-left"])], (12, 30, 30))
    found = images(series(made, pixels, read_headers([path])))
    assert volume.from_datasets(found).affine == pytest.approx(made.affine, abs=1e-3)
    for image in found:
        (source,) = image.SourceImageSequence
        assert source.ReferencedSOPInstanceUID == whole.SOPInstanceUID
        assert source.ReferencedSOPClassUID == whole.SOPClassUID
        frame = int(source.ReferencedFrameNumber)
        origin, across, down = multiframe.place(whole, frame)
        _, row, column = made.start
        expected = origin + across * column + down * row
        assert [float(v) for v in image.ImagePositionPatient] == pytest.approx(expected, abs=1e-3)
        assert image.SOPClassUID == MRImageStorage


def test_a_mirrored_source_gives_what_the_volume_has(
    make_scan: Callable[..., Any], target: Target
) -> None:
    scan = make_scan(PhotometricInterpretation="MONOCHROME1")
    made = images(derived(scan, target))
    assert {image.PhotometricInterpretation for image in made} == {"MONOCHROME2"}
    assert not any("WindowCenter" in image for image in made)
    assert np.array_equal(volume.from_datasets(made).pixels, cut(scan, target).pixels)
