"""Points on images: where they fall, and when they fall outside."""

import numpy as np
import pytest

from node.errors import SeriesUnusableError
from node.headers import images
from node.report.points import read_stack, valid_uid
from tests import multiframe
from tests import report_series as made


def test_the_centre_of_the_first_pixel_is_half_a_pixel_into_the_image():
    placed = read_stack(made.series()).place(made.world(2, 0, 0))

    assert placed.image_xy == (0.5, 0.5)
    assert placed.slice.sop_instance_uid == f"{made.SERIES}.3"


def test_x_counts_columns_and_y_counts_rows():
    placed = read_stack(made.series()).place(made.world(4, row=30, column=7))

    assert placed.image_xy == pytest.approx((7.5, 30.5), abs=1e-5)


def test_a_point_between_images_goes_straight_onto_the_nearest():
    placed = read_stack(made.series()).place(made.world(2, 30, 7, off_mm=-3.9))

    assert placed.slice.sop_instance_uid == f"{made.SERIES}.3"
    assert np.allclose(placed.point_mm, made.world(2, 30, 7), atol=1e-4)


def test_both_coordinates_tell_the_same_place_after_rounding_to_32_bits():
    placed = read_stack(made.series()).place(made.world(3, 11.123456789, 5.987654321))
    x, y = placed.image_xy

    assert (x, y) == (np.float32(x), np.float32(y))
    assert np.allclose(placed.point_mm, made.world(3, y - 0.5, x - 0.5), atol=1e-6)


@pytest.mark.parametrize("row_column", [(-0.49, 3), (47.49, 3), (3, -0.49), (3, 23.49)])
def test_the_outer_half_of_an_edge_pixel_is_inside(row_column):
    assert read_stack(made.series()).place(made.world(2, *row_column)) is not None


@pytest.mark.parametrize("row_column", [(-0.51, 3), (47.51, 3), (3, -0.51), (3, 23.51)])
def test_a_point_beyond_the_edge_is_outside_and_not_moved_to_it(row_column):
    assert read_stack(made.series()).place(made.world(2, *row_column)) is None


def test_half_a_gap_beyond_the_outermost_image_the_stack_ends():
    stack = read_stack(made.series())

    assert stack.place(made.world(made.SLICES - 1, 3, 3, off_mm=3.9)) is not None
    assert stack.place(made.world(made.SLICES - 1, 3, 3, off_mm=4.1)) is None
    assert stack.place(made.world(0, 3, 3, off_mm=-4.1)) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_point_that_is_no_number_is_outside(value):
    assert read_stack(made.series()).place((value, 0.0, 0.0)) is None


def test_the_order_of_the_headers_changes_nothing():
    headers = made.series()
    forward, backward = read_stack(headers), read_stack(headers[::-1])
    uids = [image.sop_instance_uid for image in forward.slices]

    assert uids == [image.sop_instance_uid for image in backward.slices]
    assert uids == [f"{made.SERIES}.{index}" for index in range(made.SLICES, 0, -1)]  # right first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ImagePositionPatient": None}, "ImagePositionPatient ''; expected 3 numbers"),
        ({"ImageOrientationPatient": [1, 0, 0]}, "ImageOrientationPatient"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "two perpendicular unit vectors"),
        ({"PixelSpacing": [0, 1]}, "above zero"),
        ({"PixelSpacing": 1}, "expected 2 numbers"),
        ({"Rows": None}, "Rows"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "expected MR Image Storage"),
    ],
)
def test_geometry_that_places_no_point_is_refused_with_the_value(changes, said):
    with pytest.raises(SeriesUnusableError, match=said):
        read_stack(made.series(**changes))


def test_the_first_spacing_is_between_rows():
    stack = read_stack(made.series(PixelSpacing=[4.0, 2.5]))
    point = made.ORIGIN_MM + made.NORMAL * made.GAP_MM + made.COLUMN * 4.0 * 30 + made.ROW * 2.5 * 7
    placed = stack.place(tuple(point))

    assert placed.image_xy == pytest.approx((7.5, 30.5), abs=1e-5)
    assert np.allclose(placed.point_mm, point, atol=1e-4)


@pytest.mark.parametrize(
    ("spacing", "square"),
    [([4.0, 4.0], True), ([4.0, 4.002], True), ([4.0, 4.003], False), ([0.6, 0.9], False)],
)
def test_pixels_are_square_when_no_point_would_move_by_a_tenth_of_a_millimetre(spacing, square):
    assert read_stack(made.series(PixelSpacing=spacing)).square is square  # 48 rows


def frames(**changes):
    classic = [made.image(index) for index in range(made.SLICES)]
    return images(multiframe.enhanced(classic, **changes))


def test_a_point_falls_on_the_same_place_of_its_frame():
    headers = frames()
    stack, classic = read_stack(headers), read_stack(made.series())
    for point in (made.world(2, 0, 0), made.world(4, 30, 7, off_mm=1), made.world(0, 5, 20)):
        one, other = stack.place(point), classic.place(point)
        header = headers[one.slice.frame_number - 1]

        assert one.image_xy == other.image_xy
        assert np.allclose(one.point_mm, other.point_mm, atol=1e-9)
        assert np.allclose(header.ImagePositionPatient, other.slice.position_mm)


def test_frames_of_one_object_are_images_of_their_own():
    stack = read_stack(frames())

    assert len({image.sop_instance_uid for image in stack.slices}) == 1
    assert sorted(image.frame_number for image in stack.slices) == [1, 2, 3, 4, 5]
    assert all(image.frame_number is None for image in read_stack(made.series()).slices)


def test_an_object_whose_frames_cannot_be_told_is_refused():
    with pytest.raises(SeriesUnusableError, match="cannot be told apart"):
        read_stack(frames(NumberOfFrames=9))


def test_an_image_that_comes_twice_is_refused():
    headers = made.series()

    with pytest.raises(SeriesUnusableError, match=r"6 images .* 5 different"):
        read_stack([*headers, headers[0]])


@pytest.mark.parametrize(
    ("value", "valid"),
    [("1.2.3", True), ("1.2.03", False), ("", False), ("1", False), ("1.2." + "3" * 61, False)],
)
def test_only_what_a_ui_element_may_hold_is_a_uid(value, valid):
    assert valid_uid(value) is valid
