"""The presentation state: marks where the report has them, greyscale as the source has it."""

import pytest

from model.labels import LABELS
from tests import report_extras as extras
from tests import report_series as made


def annotations(document):
    """List the annotations that name images."""
    return [
        item for item in document.GraphicAnnotationSequence if "ReferencedImageSequence" in item
    ]


def drawn(document):
    """Give text -> (image, graphics, text object)."""
    found = {}
    for item in annotations(document):
        (image,) = item.ReferencedImageSequence
        for text in item.TextObjectSequence:
            graphics = [
                graphic
                for graphic in item.GraphicObjectSequence
                if graphic.TrackingUID == text.TrackingUID
            ]
            found[text.UnformattedTextValue] = (extras.reference(image), graphics, text)
    return found


def name(label):
    level, side = label.split("-")
    return f"{level}/{ {'L1': 'L2', 'L2': 'L3', 'L3': 'L4', 'L4': 'L5', 'L5': 'S1'}[level] } {side}"


@pytest.mark.parametrize("label", LABELS)
def test_point_circle_and_text_stand_on_the_image_of_the_foramen(label):
    number, row, column = made.pixel(label)
    image, graphics, text = drawn(extras.document("gsps"))[name(label)]
    by_type = {graphic.GraphicType: graphic for graphic in graphics}

    assert image == (f"{made.SERIES}.{number + 1}", None)
    assert by_type["POINT"].GraphicData == pytest.approx([column + 0.5, row + 0.5], abs=1e-4)
    x, y, edge_x, edge_y = by_type["CIRCLE"].GraphicData
    assert [x, y] == by_type["POINT"].GraphicData
    assert abs(edge_x - x) * made.BETWEEN_COLUMNS_MM == pytest.approx(extras.RADIUS_MM, abs=1e-4)
    assert edge_y == y
    assert {graphic.GraphicAnnotationUnits for graphic in graphics} == {"PIXEL"}
    assert text.AnchorPoint == by_type["POINT"].GraphicData


def test_a_missed_foramen_is_not_drawn():
    document = extras.document("gsps", made.with_marks(L4_left="no clear maximum"))

    assert set(drawn(document)) == {name(label) for label in LABELS if label != "L4-left"}


def test_text_stays_on_the_image_beside_the_circle():
    for _, graphics, text in drawn(extras.document("gsps")).values():
        x = graphics[0].GraphicData[0]
        if "BoundingBoxTopLeftHandCorner" not in text:
            continue
        left, top = text.BoundingBoxTopLeftHandCorner
        right, bottom = text.BoundingBoxBottomRightHandCorner
        assert 0 <= left < right <= made.COLUMNS
        assert 0 <= top < bottom <= made.ROWS
        assert not left <= x <= right


def test_every_image_of_the_series_is_shown_and_told_what_the_result_is_not():
    document = extras.document("gsps")
    (series,) = document.ReferencedSeriesSequence
    (notice,) = [
        item for item in document.GraphicAnnotationSequence if "ReferencedImageSequence" not in item
    ]

    assert series.SeriesInstanceUID == made.SERIES
    assert {extras.reference(item) for item in series.ReferencedImageSequence} == {
        (f"{made.SERIES}.{index + 1}", None) for index in range(made.SLICES)
    }
    said = notice.TextObjectSequence[0].UnformattedTextValue
    assert "AI - research use - not for diagnosis" in said
    assert "Not a medical device" in said


def test_every_layer_that_is_used_is_declared():
    document = extras.document("gsps")
    used = {item.GraphicLayer for item in document.GraphicAnnotationSequence}

    assert used == {layer.GraphicLayer for layer in document.GraphicLayerSequence}


def test_the_whole_image_is_shown_with_its_own_pixel_spacing():
    (area,) = extras.document("gsps").DisplayedAreaSelectionSequence

    assert area.DisplayedAreaTopLeftHandCorner == [1, 1]
    assert area.DisplayedAreaBottomRightHandCorner == [made.COLUMNS, made.ROWS]
    assert area.PresentationPixelSpacing == [made.BETWEEN_ROWS_MM, made.BETWEEN_COLUMNS_MM]


@pytest.mark.parametrize(
    ("interpretation", "shape"), [("MONOCHROME2", "IDENTITY"), ("MONOCHROME1", "INVERSE")]
)
def test_polarity_is_the_sources(interpretation, shape):
    headers = extras.series(PhotometricInterpretation=interpretation)

    assert extras.document("gsps", headers=headers).PresentationLUTShape == shape


def test_one_window_is_repeated_once_for_all_images():
    headers = extras.series(WindowCenter=[350, 40], WindowWidth=[760, 80])
    (item,) = extras.document("gsps", headers=headers).SoftcopyVOILUTSequence

    assert (item.WindowCenter, item.WindowWidth) == (350, 760)
    assert "ReferencedImageSequence" not in item


def test_windows_that_differ_are_repeated_for_their_images():
    centers = [300, 300, 310, 310, 310]
    headers = extras.series(*({"WindowCenter": c, "WindowWidth": 700} for c in centers))
    items = extras.document("gsps", headers=headers).SoftcopyVOILUTSequence
    found = {
        extras.reference(image)[0]: item.WindowCenter
        for item in items
        for image in item.ReferencedImageSequence
    }

    assert len(items) == 2
    assert found == {f"{made.SERIES}.{i + 1}": center for i, center in enumerate(centers)}


def test_the_function_of_a_window_is_repeated():
    headers = extras.series(WindowCenter=0.5, WindowWidth=0.25, VOILUTFunction="LINEAR_EXACT")
    (item,) = extras.document("gsps", headers=headers).SoftcopyVOILUTSequence

    assert (item.WindowCenter, item.WindowWidth) == (0.5, 0.25)
    assert item.VOILUTFunction == "LINEAR_EXACT"


def test_images_without_a_window_get_one_from_their_pixels():
    (item,) = extras.document("gsps").SoftcopyVOILUTSequence

    assert 450 < item.WindowCenter < 600
    assert 800 < item.WindowWidth < 1100


def test_one_rescale_is_repeated():
    document = extras.document("gsps", headers=extras.series(RescaleSlope=2, RescaleIntercept=-5))

    assert (document.RescaleSlope, document.RescaleIntercept) == (2, -5)
    assert document.RescaleType == "US"


def test_without_rescale_there_is_none():
    assert "RescaleSlope" not in extras.document("gsps")


def test_rescales_that_differ_are_put_into_windows_of_stored_values():
    slopes = [1, 2, 2, 2, 2]
    headers = extras.series(
        *({"RescaleSlope": s, "RescaleIntercept": 10} for s in slopes),
        WindowCenter=100.5,
        WindowWidth=101,
    )
    document = extras.document("gsps", headers=headers)
    ends = {}
    for item in document.SoftcopyVOILUTSequence:
        for image in item.ReferencedImageSequence:
            center, width = float(item.WindowCenter), float(item.WindowWidth)
            # PS3.3 C.11.2.1.2.1: black at c - 0.5 - (w-1)/2 and below, white at c - 0.5 + (w-1)/2
            ends[extras.reference(image)[0]] = (
                center - 0.5 - (width - 1) / 2,
                center - 0.5 + (width - 1) / 2,
            )

    assert "RescaleSlope" not in document
    for index, slope in enumerate(slopes):
        black, white = ends[f"{made.SERIES}.{index + 1}"]
        assert slope * black + 10 == pytest.approx(50)
        assert slope * white + 10 == pytest.approx(150)


def test_frames_are_named_by_number():
    document = extras.document("gsps", headers=extras.multiframe())
    (series,) = document.ReferencedSeriesSequence
    (image,) = series.ReferencedImageSequence

    assert extras.reference(image) == (extras.MULTIFRAME, None)
    assert {image for image, *_ in drawn(document).values()} == {
        (extras.MULTIFRAME, 2),
        (extras.MULTIFRAME, 4),
    }
