"""Places and sizes of slices, from the headers alone."""

import pytest

from node.filters import geometry
from tests.series_headers import series, with_raw


def test_an_ordinary_series() -> None:
    headers = series()
    assert geometry.slice_positions(headers).value == "distinct"
    assert geometry.slice_count(headers).value == 15
    assert geometry.slice_spacing(headers).value == 4.4
    assert geometry.slice_spacing_uniform(headers).value is True
    assert geometry.field_of_view(headers).value == (358.4, 358.4)
    assert geometry.field_of_view_head_feet(headers).value == 358.4
    assert geometry.square_pixels(headers).value is True
    assert geometry.normalised_shape(headers).value == (512, 512)
    assert geometry.normalising_growth(headers).value == 0


def test_order_of_files_and_instance_numbers_do_not_count() -> None:
    headers = series()[::-1]
    assert geometry.slice_spacing(headers).value == 4.4


def test_spacing_is_measured_along_the_normal_not_along_x() -> None:
    # Slices tilted by 60 degrees about z, their origins shifted along x only.
    headers = series(ImageOrientationPatient=[0.8660254, 0.5, 0, 0, 0, -1])
    assert geometry.slice_spacing(headers).value == pytest.approx(2.2)


@pytest.mark.parametrize(
    ("changes", "value", "source"),
    [
        (
            {"ImagePositionPatient": None},
            "missing",
            "ImagePositionPatient is missing in 15 of 15 instances",
        ),
        (
            {"ImageOrientationPatient": None},
            "missing",
            "ImageOrientationPatient is missing in 15 of 15 instances",
        ),
        (
            {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
            "missing",
            "not two perpendicular unit vectors in 15 of 15",
        ),
        ({"ImagePositionPatient": [0, 0, 0]}, "repeated", "14 of 15 slices lie where another does"),
    ],
)
def test_why_positions_do_not_do(changes: dict[str, object], value: str, source: str) -> None:
    found = geometry.slice_positions(series(**changes))
    assert found.value == value
    assert source in found.source


def test_one_slice_without_position() -> None:
    headers = series()
    del headers[4].ImagePositionPatient
    assert geometry.slice_positions(headers).value == "missing"
    found = geometry.slice_spacing(headers)
    assert found.value is None
    assert found.source == "ImagePositionPatient is missing in 1 of 15 instances"


def test_slices_of_several_orientations() -> None:
    headers = series()
    headers[2].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    found = geometry.slice_positions(headers)
    assert found.value == "several orientations"
    assert "1 of 15" in found.source
    assert geometry.slice_count(headers).value == 15


def test_two_echoes_at_each_position() -> None:
    headers = series() + series()
    assert geometry.slice_positions(headers).value == "repeated"
    assert geometry.slice_count(headers).value == 15
    assert geometry.slice_spacing(headers).value == 4.4


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EchoTime": 90}, "; they differ in EchoTime (9.4 or 90.0)"),
        ({"StackID": "2", "EchoTime": 90}, "in StackID (2 or none), EchoTime (9.4 or 90.0)"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "ImageType (ORIGINAL/PRIMARY/M/ND or "),
        ({"PatientName": "Other^Person"}, "; their headers do not differ"),
    ],
)
def test_says_by_what_slices_in_one_place_differ(changes: dict[str, object], said: str) -> None:
    found = geometry.slice_positions(series() + series(**changes))
    assert found.value == "repeated"
    assert "15 of 30 slices lie where another does" in found.source
    assert said in found.source
    assert "Person" not in found.source


def test_two_stacks_side_by_side_differ_in_their_place() -> None:
    upper, lower = series(), series()
    for header in lower:
        header.ImagePositionPatient = [header.ImagePositionPatient[0], -180, -100]
    found = geometry.slice_positions(upper + lower)
    assert found.value == "repeated"
    assert "ImagePositionPatient" in found.source


def test_a_missing_slice_is_an_odd_gap() -> None:
    headers = series()
    del headers[7]
    found = geometry.slice_spacing_uniform(headers)
    assert found.value is False
    assert found.source == "gaps of 4.40 to 8.80 mm, 1 of 13 differ from 4.40 mm"
    assert geometry.slice_spacing(headers).value == 4.4


def test_jitter_of_rounding_is_no_odd_gap() -> None:
    headers = series()
    headers[7].ImagePositionPatient = [4.4 * 7 - 30 + 0.05, -180, 180]
    assert geometry.slice_spacing_uniform(headers).value is True


def test_a_single_slice_has_no_spacing() -> None:
    found = geometry.slice_spacing(series()[:1])
    assert found.value is None
    assert found.source == "there is one slice position only"


def test_head_feet_is_found_by_orientation_not_by_rows() -> None:
    upright = series(Rows=512, Columns=256)
    assert geometry.field_of_view_head_feet(upright).value == 358.4
    lying = series(Rows=256, Columns=512, ImageOrientationPatient=[0, 0, -1, 0, 1, 0])
    assert geometry.field_of_view_head_feet(lying).value == 358.4
    assert geometry.field_of_view(lying).value == (179.2, 358.4)


def test_axial_images_do_not_run_from_head_to_feet() -> None:
    found = geometry.field_of_view_head_feet(series(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]))
    assert found.value is None
    assert found.source == "no image axis runs from head to feet"


@pytest.mark.parametrize(
    ("spacing", "shape", "growth"),
    [
        ([0.84, 0.84], (614, 614), 20.0),
        ([0.7, 0.9], (512, 658), 28.6),
        ([0.5, 0.5], (366, 366), -28.6),
    ],
)
def test_normalising_to_the_thesis_spacing(
    spacing: list[float], shape: tuple[int, int], growth: float
) -> None:
    headers = series(PixelSpacing=spacing)
    assert geometry.normalised_shape(headers).value == shape
    assert geometry.normalising_growth(headers).value == growth
    assert geometry.square_pixels(headers).value is (spacing[0] == spacing[1])


@pytest.mark.parametrize(
    ("keyword", "raw", "source"),
    [
        ("PixelSpacing", b"0.7", "PixelSpacing is not 2 numbers in 15 of 15 instances"),
        ("PixelSpacing", b"0\\0", "Rows, Columns or PixelSpacing is not above zero"),
        ("PixelSpacing", b"-1\\1", "Rows, Columns or PixelSpacing is not above zero"),
        (
            "PixelSpacing",
            b"1e308\\1e308",
            "PixelSpacing is not 2 numbers in 15 of 15 instances",
        ),
        ("Rows", b"", "Rows is missing in 15 of 15 instances"),
    ],
)
def test_why_a_size_cannot_be_told(keyword: str, raw: bytes, source: str) -> None:
    headers = [with_raw(header, keyword, raw) for header in series()]
    for function in (
        geometry.field_of_view,
        geometry.field_of_view_head_feet,
        geometry.square_pixels,
        geometry.normalised_shape,
        geometry.normalising_growth,
    ):
        found = function(headers)
        assert (found.value, found.source) == (None, source)


def test_instances_of_different_sizes() -> None:
    headers = series()
    headers[0].Rows = 256
    assert geometry.field_of_view(headers).source == (
        "instances have 2 combinations of Rows, Columns, PixelSpacing"
    )
