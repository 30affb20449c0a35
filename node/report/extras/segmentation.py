"""Segmentation: a small sphere around each located foramen, one segment each (PS3.3 A.51).

Built element by element: highdicom's `Segmentation` takes one multi-frame source or classic ones,
never a concatenation, needs their headers decoded, and makes UIDs at random.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.sr.codedict import codes
from pydicom.uid import SegmentationStorage
from pydicom.valuerep import DSfloat

from model import labels
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.extras.images import references, tell_compression
from node.report.extras.own import (
    BANNER,
    CONTENT_LABEL,
    MARK_RADIUS_MM,
    Kind,
    algorithm,
    begun,
    date_and_time,
    finished,
    tracking_uid,
)
from node.report.points import Slice
from storage.reports import NewObject

KIND: Final = Kind(
    "seg", SegmentationStorage, "SEG", 4000, "AI lumbar foramina: regions (not verified)"
)
_MAX_BYTES: Final = 32 * 2**20
"""Of pixels. Larger only with images beyond all scanners; then each foramen gets one disc."""

Flat = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Disc:
    """Where a sphere meets an image.

    Attributes:
        number: of the segment, from 1.
        image: which image.
        height: index of the image in the stack.
        pixels: flat indices (row * columns + column) of the pixels inside, rising.
        own: the image is the one on which the foramen was located.
    """

    number: int
    image: Slice
    height: int
    pixels: Flat
    own: bool


def build(answer: Answer, headers: Sequence[Dataset]) -> NewObject:
    """Build the segmentation.

    Raises:
        ValueError: the images have no Frame of Reference, in which alone a segmentation stands.
    """
    if answer.source.frame_of_reference_uid is None:
        raise ValueError("a segmentation needs images with a FrameOfReferenceUID")
    discs = _discs(answer)
    document = begun(KIND, answer)
    document.ContentDate, document.ContentTime = date_and_time(answer)
    document.ContentLabel, document.ContentDescription = CONTENT_LABEL, BANNER
    document.ContentCreatorName = ""  # nobody
    document.FrameOfReferenceUID = answer.source.frame_of_reference_uid
    document.PositionReferenceIndicator = ""
    document.SegmentSequence = [
        _segment(number, one, answer) for number, one in enumerate(answer.located, 1)
    ]
    document.ReferencedSeriesSequence = [_series(discs, answer)]
    _put_dimensions(document, answer)
    _put_frames(document, discs, answer)
    tell_compression(document, headers)
    _put_pixels(document, discs)
    return finished(KIND, document, answer)


def _discs(answer: Answer) -> list[Disc]:
    """Cut the spheres; a foramen's own image comes always, whatever lies between the others."""
    discs = [
        Disc(number, image, height, pixels, own=image is one.placed.slice)
        for number, one in enumerate(answer.located, 1)
        for height, image in enumerate(answer.stack.slices)
        if (pixels := _pixels(one, image)).size
    ]
    size = answer.stack.slices[0].rows * answer.stack.slices[0].columns
    whole = len(discs) * size <= 8 * _MAX_BYTES
    return discs if whole else [disc for disc in discs if disc.own]


def _pixels(one: Located, image: Slice) -> Flat:
    inside = _inside(image, np.asarray(one.placed.point_mm))
    if not inside.size and image is one.placed.slice:
        return _nearest(one)
    return inside


def _inside(image: Slice, point_mm: npt.NDArray[np.float64]) -> Flat:
    """List the pixels whose centres lie in the sphere around a point."""
    above_mm = image.distance_mm(point_mm)
    if above_mm >= MARK_RADIUS_MM:
        return np.empty(0, dtype=np.int64)
    reach_mm = np.sqrt(MARK_RADIUS_MM**2 - above_mm**2)
    x, y = image.to_image(point_mm) - 0.5  # in pixel centres
    down_mm, right_mm = image.spacing_mm
    rows = _span(y, reach_mm / down_mm, image.rows)
    columns = _span(x, reach_mm / right_mm, image.columns)
    away_mm = np.hypot((rows[:, None] - y) * down_mm, (columns[None, :] - x) * right_mm)
    row, column = np.nonzero(away_mm <= reach_mm)
    return np.asarray(rows[row] * image.columns + columns[column], dtype=np.int64)


def _span(center: float, reach: float, size: int) -> Flat:
    first, last = int(np.ceil(center - reach)), int(np.floor(center + reach))
    return np.arange(max(first, 0), min(last, size - 1) + 1, dtype=np.int64)


def _nearest(one: Located) -> Flat:
    """Give the pixel of a point, for pixels wider than the sphere."""
    image, (x, y) = one.placed.slice, one.placed.image_xy
    row, column = min(int(y), image.rows - 1), min(int(x), image.columns - 1)
    return np.array([row * image.columns + column], dtype=np.int64)


def _segment(number: int, one: Located, answer: Answer) -> Dataset:
    label = one.landmark.label
    segment: Dataset = SegmentDescription(
        segment_number=number,
        segment_label=labels.spoken(label),
        segmented_property_category=words.ANATOMICAL_STRUCTURE,
        segmented_property_type=words.FORAMEN,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm(answer.prediction),
        tracking_uid=tracking_uid(one, answer),
        tracking_id=labels.spoken(label),
        anatomic_regions=[words.level_site(label)],
    )
    segment.SegmentDescription = f"Sphere at the point located. {BANNER}"
    segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [words.laterality(label)]
    return segment


def _series(discs: Sequence[Disc], answer: Answer) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = answer.source.series_instance_uid
    series.ReferencedInstanceSequence = references((disc.image for disc in discs), frames=False)
    return series


def _put_dimensions(document: Dataset, answer: Answer) -> None:
    """Order the frames by segment, then along the stack (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = answer.uid("dimensions", KIND.name)
    document.DimensionOrganizationSequence = [organization]
    document.DimensionIndexSequence = [
        _dimension(organization, "SegmentIdentificationSequence", "ReferencedSegmentNumber"),
        _dimension(organization, "PlanePositionSequence", "ImagePositionPatient"),
    ]


def _dimension(organization: Dataset, group: str, keyword: str) -> Dataset:
    index = Dataset()
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer = tag_for_keyword(keyword)
    index.FunctionalGroupPointer = tag_for_keyword(group)
    index.DimensionDescriptionLabel = keyword
    return index


def _put_frames(document: Dataset, discs: Sequence[Disc], answer: Answer) -> None:
    image = answer.stack.slices[0]
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _decimals(image.spacing_mm)
    thickness_mm = image.thickness_mm or 2 * answer.stack.reach_mm
    measures.SliceThickness = DSfloat(thickness_mm, auto_format=True)
    orientation.ImageOrientationPatient = _decimals(image.orientation)
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    document.SharedFunctionalGroupsSequence = [shared]
    heights = sorted({disc.height for disc in discs})
    document.PerFrameFunctionalGroupsSequence = [
        _frame(disc, heights.index(disc.height) + 1) for disc in discs
    ]


def _frame(disc: Disc, height: int) -> Dataset:
    content, position, segment, frame = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [disc.number, height]
    position.ImagePositionPatient = _decimals(disc.image.position_mm)
    segment.ReferencedSegmentNumber = disc.number
    (source,) = references([disc.image])
    source.SpatialLocationsPreserved = "YES"
    purpose = codes.DCM.SourceImageForImageProcessingOperation
    source.PurposeOfReferenceCodeSequence = [CodedConcept.from_code(purpose)]
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [CodedConcept.from_code(codes.DCM.Segmentation)]
    frame.FrameContentSequence = [content]
    frame.PlanePositionSequence = [position]
    frame.DerivationImageSequence = [derivation]
    frame.SegmentIdentificationSequence = [segment]
    return frame


def _put_pixels(document: Dataset, discs: Sequence[Disc]) -> None:
    """Pack one bit per pixel, the first in the least bit, frames without a gap (PS3.5 8.1.1)."""
    image = discs[0].image
    size = image.rows * image.columns
    packed = np.zeros(-(-size * len(discs) // 16) * 2, dtype=np.uint8)
    for index, disc in enumerate(discs):
        bits = disc.pixels + index * size
        np.bitwise_or.at(packed, bits >> 3, (1 << (bits & 7)).astype(np.uint8))
    document.ImageType = ["DERIVED", "PRIMARY"]
    document.SegmentationType, document.SegmentsOverlap = "BINARY", "UNDEFINED"
    document.Rows, document.Columns = image.rows, image.columns
    document.NumberOfFrames = len(discs)
    document.SamplesPerPixel, document.PhotometricInterpretation = 1, "MONOCHROME2"
    document.BitsAllocated = document.BitsStored = 1
    document.HighBit = document.PixelRepresentation = 0
    document.PixelData = packed.tobytes()
    document["PixelData"].VR = "OB"


def _decimals(values: npt.NDArray[np.float64]) -> list[DSfloat]:
    return [DSfloat(float(value), auto_format=True) for value in values]
