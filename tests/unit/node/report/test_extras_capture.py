"""The picture: marks and warning in the pixels, the patient nowhere in them."""

import numpy as np
import pytest

from node.report.extras.montage import CELL, Cell, Mark, draw
from tests import report_extras as extras
from tests import report_series as made

YELLOW = (255, 220, 0)


def yellow(picture):
    return (picture == YELLOW).all(axis=-1)


def cell(*marks, rows=100, columns=100, spacing_mm=(1.0, 1.0), grey=90):
    return Cell(np.full((rows, columns), grey, np.uint8), spacing_mm, "image 1", marks)


def image_of(cells, title="", notes=()):
    """Give the last cell of a picture without words."""
    return draw(cells, title, notes, radius_mm=5.0)[-CELL - 8 : -8, -CELL - 8 : -8]


def test_a_mark_is_a_circle_around_its_point():
    drawn = yellow(image_of([cell(Mark("", 30.0, 60.0))]))
    scale = CELL / 100
    x, y = 30 * scale, 60 * scale

    assert drawn[round(y), round(x)]
    for across, down in ((5, 0), (-5, 0), (0, 5), (0, -5)):
        near = drawn[
            round(y + down * scale) - 3 : round(y + down * scale) + 4,
            round(x + across * scale) - 3 : round(x + across * scale) + 4,
        ]
        assert near.any()
    assert not drawn[round(y - 2.5 * scale), round(x)]
    assert not drawn[:, : round(x - 6 * scale)].any()


def test_pixels_that_are_not_square_are_drawn_square():
    picture = draw([cell(rows=50, columns=100, spacing_mm=(2.0, 1.0))], "", (), 5.0)
    grey = (picture == 90).all(axis=-1)

    assert np.flatnonzero(grey.any(axis=0)).size == CELL
    assert np.flatnonzero(grey.any(axis=1)).size == CELL


def test_text_at_the_right_edge_is_written_to_the_left():
    drawn = yellow(image_of([cell(Mark("L4/L5 right", 94.0, 50.0))]))
    left_of_circle = drawn[:, : round(88 * CELL / 100)]

    assert left_of_circle.any()


def test_title_stands_over_the_images_and_on_each():
    with_title = yellow(draw([cell(), cell()], "not for diagnosis", (), 5.0))
    without = yellow(draw([cell(), cell()], "", (), 5.0))
    height = with_title.shape[0] - CELL - 8
    middle = with_title.shape[1] // 2

    assert not without.any()
    assert with_title[:height].any()
    assert with_title[height:, :middle].any()
    assert with_title[height:, middle:].any()


def test_notes_are_wrapped_instead_of_cut():
    short = draw([cell()], "", ["word"], 5.0)
    long = draw([cell()], "", ["word " * 200], 5.0)

    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0] + 5 * 20
    assert not (long[:, -4:] > 0).any()


@pytest.mark.parametrize(("cells", "across", "down"), [(1, 1, 1), (4, 2, 2), (10, 4, 3)])
def test_the_picture_is_bounded_whatever_the_size_of_the_images(cells, across, down):
    picture = draw([cell(rows=900, columns=900)] * cells, "", (), 5.0)

    assert picture.shape[1] == across * (CELL + 8) + 8
    assert picture.shape[0] < down * (CELL + 8) + 80


def test_the_object_is_a_colour_picture_that_says_what_it_is():
    document = extras.document("secondary-capture")

    assert document.pixel_array.shape == (document.Rows, document.Columns, 3)
    assert document.BurnedInAnnotation == "YES"
    assert document.ImageType == ["DERIVED", "SECONDARY"]
    assert document.ConversionType == "WSD"
    assert document.PatientOrientation == ["P", "F"]
    assert "Not a medical device" in document.ImageComments
    assert yellow(document.pixel_array).any()


def test_the_picture_is_of_the_images_with_marks():
    document = extras.document("secondary-capture")

    assert sorted(map(extras.reference, document.SourceImageSequence)) == [
        (f"{made.SERIES}.2", None),
        (f"{made.SERIES}.4", None),
    ]


def test_frames_are_named_by_number():
    document = extras.document("secondary-capture", headers=extras.multiframe())
    (source,) = document.SourceImageSequence

    assert source.ReferencedSOPInstanceUID == extras.MULTIFRAME
    assert sorted(source.ReferencedFrameNumber) == [2, 4]


def test_every_foramen_is_marked_in_the_picture():
    one = {label: "no clear maximum" for label in ("L1_left", "L2_left", "L3_left", "L4_left")}
    counts = [
        yellow(extras.document("secondary-capture", made.with_marks(**missed)).pixel_array).sum()
        for missed in ({}, one)
    ]

    assert counts[0] > counts[1] + 4 * 50


def test_no_patient_is_in_the_pixels():
    anna = extras.document("secondary-capture", headers=made.series(PatientName="Anna"))
    bert = extras.document("secondary-capture", headers=made.series(PatientName="Bertram^Bert"))

    assert anna.PatientName != bert.PatientName
    assert np.array_equal(anna.pixel_array, bert.pixel_array)


def test_the_picture_has_the_sources_window():
    narrow = extras.series(WindowCenter=500, WindowWidth=2)
    picture = extras.document("secondary-capture", headers=narrow).pixel_array.astype(int)
    grey = picture[-CELL // 2 :][(np.ptp(picture[-CELL // 2 :], axis=-1) == 0)][:, 0]

    assert np.isin(grey, (0, 255)).mean() > 0.9  # nothing between black and white but the edge


def test_the_picture_of_monochrome1_is_what_a_viewer_shows():
    window = {"WindowCenter": 500, "WindowWidth": 1200}
    pictures = {
        interpretation: extras.document(
            "secondary-capture",
            headers=extras.series(PhotometricInterpretation=interpretation, **window),
        )
        .pixel_array[-250:-220, :, 0]
        .astype(float)
        for interpretation in ("MONOCHROME1", "MONOCHROME2")
    }
    brighter = {}
    for interpretation, picture in pictures.items():
        left, right = (
            picture[:, 20:60],
            picture[:, 200:240],
        )  # of the first image
        brighter[interpretation] = right.mean() - left.mean()

    # the stored values rise to the right
    assert brighter["MONOCHROME2"] > 50
    assert brighter["MONOCHROME1"] == pytest.approx(-brighter["MONOCHROME2"], abs=3)
