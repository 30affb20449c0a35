"""The segmentation: spheres in the patient, worked out again pixel by pixel."""

from io import BytesIO

import numpy as np
import pytest
from highdicom import seg

from model.labels import LABELS, spoken
from node.report.extras import segmentation
from tests import report_extras as extras
from tests import report_series as made


def read(**changes):
    (one,) = extras.objects("seg", **changes)
    return seg.segread(BytesIO(one.data))


def planes(document):
    """Give (segment, image) -> boolean pixels."""
    found = {}
    frames = document.pixel_array.reshape(-1, document.Rows, document.Columns)
    for item, pixels in zip(document.PerFrameFunctionalGroupsSequence, frames, strict=True):
        number = int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        image = item.DerivationImageSequence[0].SourceImageSequence[0]
        found[number, extras.reference(image)] = pixels.astype(bool)
    return found


def centre(label):
    """Give the point that the report has of a foramen: on its image."""
    number, row, column = made.pixel(label)
    return np.array(made.world(number, row, column))


def sphere(label, index):
    """Tell which pixel centres of an image lie within the radius."""
    rows, columns = np.mgrid[: made.ROWS, : made.COLUMNS]
    origin = np.array(made.world(index, 0, 0))
    points = (
        origin
        + rows[..., None] * made.COLUMN * made.BETWEEN_ROWS_MM
        + columns[..., None] * made.ROW * made.BETWEEN_COLUMNS_MM
    )
    return np.linalg.norm(points - centre(label), axis=-1) <= extras.RADIUS_MM


def test_there_is_one_coded_segment_per_located_foramen():
    document = read(prediction=made.with_marks(L2_right="no clear maximum"))
    segments = document.SegmentSequence

    assert [one.SegmentNumber for one in segments] == list(range(1, 10))
    assert [one.SegmentLabel for one in segments] == [
        spoken(label) for label in LABELS if label != "L2-right"
    ]
    for one in segments:
        (region,) = one.AnatomicRegionSequence
        (side,) = region.AnatomicRegionModifierSequence
        assert one.SegmentAlgorithmType == "AUTOMATIC"
        assert one.SegmentAlgorithmName == "phantom-1"
        assert one.SegmentedPropertyTypeCodeSequence[0].CodeValue == "LNF"
        assert region.CodeMeaning == f"Level of {one.SegmentLabel.split()[0]} intervertebral disc"
        assert side.CodeMeaning.lower() == one.SegmentLabel.split()[1]


@pytest.mark.parametrize("label", LABELS)
def test_a_segment_is_the_sphere_around_its_foramen(label):
    found = planes(read())
    expected = {
        (f"{made.SERIES}.{index + 1}", None): sphere(label, index) for index in range(made.SLICES)
    }
    number = LABELS.index(label) + 1

    assert {image for segment, image in found if segment == number} == {
        image for image, pixels in expected.items() if pixels.any()
    }
    for image, pixels in expected.items():
        if pixels.any():
            assert np.array_equal(found[number, image], pixels)


def test_a_thin_stack_has_the_sphere_on_several_images(monkeypatch):
    monkeypatch.setattr(made, "GAP_MM", 3.5)
    found = planes(read(prediction=made.prediction(), headers=made.series()))
    counts = {image: pixels.sum() for (segment, image), pixels in found.items() if segment == 1}
    own = f"{made.SERIES}.{made.pixel(LABELS[0])[0] + 1}"

    assert len(counts) == 3
    assert max(counts, key=counts.get) == (own, None)


def test_frames_lie_where_their_images_lie():
    headers = {str(h.SOPInstanceUID): h for h in made.series()}
    for item in read().PerFrameFunctionalGroupsSequence:
        image = item.DerivationImageSequence[0].SourceImageSequence[0]
        header = headers[image.ReferencedSOPInstanceUID]
        assert item.PlanePositionSequence[0].ImagePositionPatient == pytest.approx(
            header.ImagePositionPatient, abs=1e-6
        )


def test_size_spacing_and_frame_of_reference_are_the_sources():
    document = read()
    shared = document.SharedFunctionalGroupsSequence[0]

    assert document.FrameOfReferenceUID == made.FRAME
    assert (document.Rows, document.Columns) == (made.ROWS, made.COLUMNS)
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [
        made.BETWEEN_ROWS_MM,
        made.BETWEEN_COLUMNS_MM,
    ]


def test_frames_that_fill_no_whole_bytes_follow_each_other_without_a_gap(monkeypatch):
    monkeypatch.setattr(made, "ROWS", 47)
    monkeypatch.setattr(made, "COLUMNS", 23)
    found = planes(read(headers=made.series()))

    for index, label in enumerate(LABELS):
        own = made.pixel(label)[0]
        pixels = found[index + 1, (f"{made.SERIES}.{own + 1}", None)]
        assert np.array_equal(pixels, sphere(label, own))


def test_a_foramen_between_pixels_wider_than_the_sphere_still_has_a_pixel(monkeypatch):
    monkeypatch.setattr(segmentation, "MARK_RADIUS_MM", 0.1)
    found = planes(read())

    assert len(found) == len(LABELS)
    for (segment, _), pixels in found.items():
        _, row, column = made.pixel(LABELS[segment - 1])
        assert np.argwhere(pixels).tolist() == [[int(row + 0.5), int(column + 0.5)]]


def test_images_of_monstrous_size_get_one_disc_per_foramen(monkeypatch):
    monkeypatch.setattr(made, "GAP_MM", 3.0)
    monkeypatch.setattr(segmentation, "_MAX_BYTES", 10 * made.ROWS * made.COLUMNS // 8)

    assert len(planes(read(headers=made.series()))) == len(LABELS)


def test_frames_of_the_source_are_named_by_number():
    document = read(headers=extras.multiframe())
    (series,) = document.ReferencedSeriesSequence

    assert {image for _, image in planes(document)} == {
        (extras.MULTIFRAME, 2),
        (extras.MULTIFRAME, 4),
    }
    assert [extras.reference(one) for one in series.ReferencedInstanceSequence] == [
        (extras.MULTIFRAME, None)
    ]


def test_without_a_frame_of_reference_there_is_no_segmentation():
    headers = made.series(FrameOfReferenceUID=None)

    assert extras.objects("seg", headers=headers) == []
    with pytest.raises(ValueError, match="FrameOfReferenceUID"):
        segmentation.build(extras.answer(headers=headers), headers)


def test_a_source_that_was_compressed_with_loss_says_so():
    headers = extras.series(
        LossyImageCompression="01",
        LossyImageCompressionRatio="12.5",
        LossyImageCompressionMethod="ISO_10918_1",
    )
    document = extras.document("seg", headers=headers)

    assert document.LossyImageCompression == "01"
    assert document.LossyImageCompressionRatio == 12.5
    assert document.LossyImageCompressionMethod == "ISO_10918_1"
    assert extras.document("seg").LossyImageCompression == "00"
