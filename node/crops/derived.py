"""One sub-volume as a series of MR images derived from those of its source (PS3.3 A.4).

Patient, study and acquisition are the source's, byte for byte; the geometry is that of the source's
own headers, moved by whole pixels. There is no clock in it: equal input gives equal objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, MRImageStorage
from pydicom.valuerep import format_number_as_ds

import node
from model import frames
from model.crop import Crop
from model.labels import LABELS, spoken
from model.volume import Volume
from node.crops.stored import Stored, stored
from node.errors import SeriesUnusableError
from node.identity import (
    MANUFACTURER,
    MANUFACTURER_MODEL_NAME,
    derived_uid,
)
from node.report.elements import (
    Element,
    carried,
    encodings_of,
    filled,
    numbers,
    tag_of,
    text,
    written,
)
from node.report.file import with_file_meta
from node.report.header import Source, read_source
from node.report.points import Slice, Stack, read_stack

FORMAT_VERSION: Final = "1"
"""Counts up whenever equal input would give other bytes, so that the UIDs change with them."""

_SERIES_NUMBER_BASE: Final = 20_000  # behind everything that a scanner makes, and the reports
_FROM_SERIES: Final = (
    "BodyPartExamined", "ProtocolName", "PatientPosition", "PositionReferenceIndicator",
    "AcquisitionDate", "AcquisitionTime", "AcquisitionNumber",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip
_FROM_IMAGE: Final = (  # PS3.3 C.7.6.2 and C.8.3.1
    "SliceThickness", "SpacingBetweenSlices", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "MRAcquisitionType", "SequenceName", "RepetitionTime", "EchoTime", "EchoTrainLength",
    "InversionTime", "TriggerTime", "NumberOfAverages", "ImagingFrequency", "ImagedNucleus",
    "EchoNumbers", "MagneticFieldStrength", "PixelBandwidth", "FlipAngle",
)  # fmt: skip
_EMPTY: Final = (  # of type 2, when the source lacks them
    "PatientPosition", "PositionReferenceIndicator", "AcquisitionNumber", "SliceThickness",
    "ScanOptions",
    "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength",
)  # fmt: skip
_FILLED: Final = {  # of type 1, when the source lacks them: a "research mode" without variants
    "ScanningSequence": "RM", "SequenceVariant": "NONE",
}  # fmt: skip
_WINDOW: Final = ("WindowCenter", "WindowWidth")


@dataclass(frozen=True, slots=True)
class DerivedSeries:
    """A series that was made of a crop: one file (PS3.10) per slice, in slice order."""

    series_instance_uid: str
    files: tuple[bytes, ...]


def series(crop: Crop, volume: Volume, headers: Sequence[Dataset]) -> DerivedSeries:
    """Make the derived series of one crop.

    Args:
        crop: what was cut out of `volume`.
        volume: the source.
        headers: the source's images without pixels, read from files and not looked into.

    Raises:
        SeriesUnusableError: the headers do not say where the images lie, or are not the volume's.
    """
    source, stack = read_source(headers), read_stack(headers)
    slices = _slices(crop, volume, stack)
    by_image = {_image_of(header): header for header in headers}
    values = stored(crop.pixels, _rescale(headers))
    identity = (
        FORMAT_VERSION, node.__version__, volume.content_digest, source.digest,
        crop.target.label, str(crop.start), str(crop.pixels.shape),
    )  # fmt: skip
    made = _Series(crop, source, derived_uid("crop series", *identity), values)
    return DerivedSeries(
        made.series_instance_uid,
        tuple(
            made.file(number, one, by_image[one.sop_instance_uid, one.frame_number],
                      derived_uid("crop", *identity, str(number)))
            for number, one in enumerate(slices, start=1)
        ),
    )  # fmt: skip


def _slices(crop: Crop, volume: Volume, stack: Stack) -> Sequence[Slice]:
    """Give the source image of each slice of the crop."""
    known = volume.frame_numbers or (None,) * len(volume.sop_instance_uids)
    uids = tuple((one.sop_instance_uid, one.frame_number) for one in stack.slices)
    if uids != tuple(zip(volume.sop_instance_uids, known, strict=True)):
        raise SeriesUnusableError(
            f"no sub-volume: the volume has {len(volume.sop_instance_uids)} slices, and the "
            f"{len(uids)} images of the headers are not these in this order; expected the same "
            "images"
        )
    return stack.slices[crop.start[0] : crop.start[0] + len(crop.pixels)]


@dataclass(frozen=True, slots=True)
class _Series:
    """What the images of one derived series share."""

    crop: Crop
    source: Source
    series_instance_uid: str
    values: Stored

    def file(self, number: int, place: Slice, header: Dataset, sop_instance_uid: str) -> bytes:
        """Make one image as a file: preamble, file meta, its own elements and the carried ones."""
        own = Dataset()
        own.SOPClassUID, own.SOPInstanceUID = MRImageStorage, UID(sop_instance_uid)
        self._describe(own)
        self._derive(own, place)
        self._place(own, number, place)
        self._pixels(own, number)
        elements: dict[int, Element] = {one.tag: one for one in self.source.elements}
        elements |= {one.tag: one for one in _taken(header)}
        elements |= {one.tag: one for one in own}
        return with_file_meta(own.SOPClassUID, own.SOPInstanceUID, written(elements.values()))

    def _describe(self, own: Dataset) -> None:
        own.Modality = "MR"
        own.SeriesInstanceUID = UID(self.series_instance_uid)
        own.SeriesNumber = self._series_number()
        own.SeriesDescription = f"AI {spoken(self.crop.target.label)} (not verified)"
        own.FrameOfReferenceUID = UID(
            self.source.frame_of_reference_uid
            or derived_uid("frame of reference", self.source.series_instance_uid)
        )
        own.Manufacturer = MANUFACTURER
        own.ManufacturerModelName = MANUFACTURER_MODEL_NAME
        own.SoftwareVersions = node.__version__

    def _series_number(self) -> int:
        number = self.source.series_number
        known = number if number is not None and number < 999 else 999
        return _SERIES_NUMBER_BASE + 10 * known + LABELS.index(self.crop.target.label)

    def _derive(self, own: Dataset, place: Slice) -> None:
        """Name the source image, and what was done to it (PS3.3 C.7.6.1, C.12.2)."""
        through, down, along = self.crop.size_mm
        own.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
        own.ImageLaterality = "U"  # the spine, the part examined, is not paired
        own.DerivationDescription = (
            f"{through:.1f} x {down:.1f} x {along:.1f} mm around the "
            f"{spoken(self.crop.target.label)}, not resampled. Found by software, not verified: "
            "research use only, not a medical device"
        )
        own.DerivationCodeSequence = [_code(codes.DCM.VolumeEditing)]
        image = _reference(place)
        image.SpatialLocationsPreserved = "YES"
        image.PurposeOfReferenceCodeSequence = [
            _code(codes.DCM.SourceImageForImageProcessingOperation)
        ]
        own.SourceImageSequence = [image]
        within = Dataset()
        within.SeriesInstanceUID = UID(self.source.series_instance_uid)
        within.ReferencedInstanceSequence = [_reference(place)]
        own.ReferencedSeriesSequence = [within]

    def _place(self, own: Dataset, number: int, place: Slice) -> None:
        """Move the source's image plane by whole pixels (PS3.3 equation C.7.6.2.1-1)."""
        _, row, column = self.crop.start
        position = place.to_patient(np.array([column + 0.5, row + 0.5]))  # 0.5: as SCOORD counts
        own.InstanceNumber = number
        own.ImagePositionPatient = _decimals(position)
        own.ImageOrientationPatient = _decimals(place.orientation)
        own.PixelSpacing = _decimals(place.spacing_mm)

    def _pixels(self, own: Dataset, number: int) -> None:
        plane = self.values.pixels[number - 1]
        own.SamplesPerPixel, own.PhotometricInterpretation = 1, "MONOCHROME2"  # as volumes are
        own.Rows, own.Columns = plane.shape
        own.BitsAllocated = own.BitsStored = 16
        own.HighBit = 15
        own.PixelRepresentation = int(self.values.signed)
        if (self.values.slope, self.values.intercept) != (1.0, 0.0):
            own.RescaleIntercept = format_number_as_ds(self.values.intercept)
            own.RescaleSlope = format_number_as_ds(self.values.slope)
            own.RescaleType = "US"  # unspecified, PS3.3 C.11.1.1.2
        own.PixelData = plane.astype("<i2" if self.values.signed else "<u2").tobytes()
        own["PixelData"].VR = "OW"


def _taken(header: Dataset) -> list[Element]:
    """Take over what the source's image says of its acquisition."""
    encodings = encodings_of(header)
    mirrored = text(header, "PhotometricInterpretation") == "MONOCHROME1"  # no window fits any more
    found: dict[str, Element | None] = {
        keyword: carried(header, tag_of(keyword), encodings)
        for keyword in (*_FROM_SERIES, *_FROM_IMAGE, *(() if mirrored else _WINDOW))
    }
    for keyword in _EMPTY:
        found[keyword] = found[keyword] or filled(keyword)
    for keyword, value in _FILLED.items():
        element = found[keyword]
        if element is None or not element.value:
            found[keyword] = _element(keyword, value)
    return [element for element in found.values() if element is not None]


def _element(keyword: str, value: Any) -> Element:
    one = Dataset()
    setattr(one, keyword, value)
    return one[keyword]


def _rescale(headers: Sequence[Dataset]) -> tuple[float, float]:
    """Give the slope and intercept of the source where all its images agree, else one and zero."""
    found = {
        (numbers(header, "RescaleSlope") or (1.0,), numbers(header, "RescaleIntercept") or (0.0,))
        for header in headers
    }
    if len(found) != 1:
        return 1.0, 0.0
    slope, intercept = found.pop()
    return slope[0] or 1.0, intercept[0]


def _reference(place: Slice) -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = UID(place.sop_class_uid)
    image.ReferencedSOPInstanceUID = UID(place.sop_instance_uid)
    if place.frame_number is not None:
        image.ReferencedFrameNumber = place.frame_number
    return image


def _image_of(header: Dataset) -> tuple[str, int | None]:
    return text(header, "SOPInstanceUID"), frames.frame_number(header)


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def _decimals(values: Any) -> list[str]:
    """Write numbers as DS: as many digits as its 16 characters hold (PS3.5 table 6.2-1)."""
    return [format_number_as_ds(float(value)) for value in values]
