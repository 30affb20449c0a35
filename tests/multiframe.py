"""Enhanced MR objects for tests, made of classic images (PS3.3 section A.36.2).

Nothing here uses the code under test. Frames are shuffled, so that no test passes by luck of order.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian

ORIGIN_KEYWORDS = (
    "SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription",
    "ReferringPhysicianName", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality",
    "FrameOfReferenceUID", "PatientPosition", "ProtocolName", "BodyPartExamined", "Manufacturer",
    "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "PositionReferenceIndicator",
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation", "MagneticFieldStrength", "MRAcquisitionType",
)  # fmt: skip


def enhanced(images: Sequence[Dataset], *, shuffled: int = 1, **changes: Any) -> Dataset:
    """Make one object of a classic series.

    Args:
        images: with geometry and pixels; their headers and pixels are taken over.
        shuffled: seed of the order of the frames; 0 keeps it.
        changes: keyword to value at the top level; None removes it.
    """
    order = np.random.default_rng(shuffled).permutation(len(images)) if shuffled else None
    images = [images[index] for index in order] if order is not None else list(images)
    made = _object(images[0])
    made.NumberOfFrames = len(images)
    made.SharedFunctionalGroupsSequence = [_shared(images[0])]
    made.PerFrameFunctionalGroupsSequence = [
        _per_frame(image, number) for number, image in enumerate(images, start=1)
    ]
    if "PixelData" in images[0]:
        made.PixelData = b"".join(image.PixelData for image in images)
        made["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    made.file_meta = _file_meta(made)
    return made


def concatenation(whole: Dataset, sizes: Sequence[int]) -> list[Dataset]:
    """Cut an object into the parts of a concatenation (PS3.3 section C.7.6.16.2.2.4)."""
    frame_bytes = len(whole.PixelData) // whole.NumberOfFrames
    parts, begin = [], 0
    for number, size in enumerate(sizes, start=1):
        part = Dataset({element.tag: copy(element) for element in whole})
        part.SOPInstanceUID = f"{whole.SOPInstanceUID[:50]}.{number}"
        part.InstanceNumber = number
        part.ConcatenationUID = "1.2.826.0.1.77"
        part.SOPInstanceUIDOfConcatenationSource = whole.SOPInstanceUID
        part.InConcatenationNumber, part.InConcatenationTotalNumber = number, len(sizes)
        part.ConcatenationFrameOffsetNumber = begin
        part.NumberOfFrames = size
        groups = whole.PerFrameFunctionalGroupsSequence[begin : begin + size]
        part.PerFrameFunctionalGroupsSequence = list(groups)
        part.PixelData = whole.PixelData[begin * frame_bytes : (begin + size) * frame_bytes]
        part["PixelData"].VR = "OW"
        part.file_meta = _file_meta(part)
        parts.append(part)
        begin += size
    return parts


def place(image: Dataset, frame_number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read position (mm), steps per column and per row (mm) from the functional groups."""
    shared = image.SharedFunctionalGroupsSequence[0]
    frame = image.PerFrameFunctionalGroupsSequence[frame_number - 1]
    position = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    between_rows, between_columns = shared.PixelMeasuresSequence[0].PixelSpacing
    return position, cosines[:3] * float(between_columns), cosines[3:] * float(between_rows)


def _object(first: Dataset) -> Dataset:
    made = Dataset()
    made.SOPClassUID = EnhancedMRImageStorage
    made.SOPInstanceUID = f"{first.get('SeriesInstanceUID', '1.2')[:55]}.99"
    for keyword in ORIGIN_KEYWORDS:
        if keyword in first:
            made[keyword] = first[keyword]
    made.ImageType = ["ORIGINAL", "PRIMARY", "OTHER", "MIXED"]
    made.InstanceNumber = 1
    made.ContentDate, made.ContentTime = "20200101", "120000"
    made.AcquisitionDateTime = "20200101120000"
    made.PulseSequenceName, made.EchoPulseSequence = "tse", "SPIN"
    made.EchoPlanarPulseSequence = made.MultiPlanarExcitation = "NO"
    made.SteadyStatePulseSequence = "NONE"
    made.SegmentedKSpaceTraversal = "PARTIAL"
    made.PixelPresentation, made.VolumetricProperties = "MONOCHROME", "VOLUME"
    made.VolumeBasedCalculationTechnique = "NONE"
    made.ComplexImageComponent, made.AcquisitionContrast = "MAGNITUDE", "T1"
    made.PresentationLUTShape = "IDENTITY"
    made.BurnedInAnnotation, made.LossyImageCompression = "NO", "00"
    return made


def _item(**values: Any) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def _shared(image: Dataset) -> Dataset:
    (group,) = _item(
        PixelMeasuresSequence=_item(
            PixelSpacing=image.PixelSpacing, SliceThickness=image.get("SliceThickness", 4)
        ),
        PlaneOrientationSequence=_item(ImageOrientationPatient=image.ImageOrientationPatient),
        MRImageFrameTypeSequence=_item(
            FrameType=["ORIGINAL", "PRIMARY", "OTHER", "NONE"],
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
            ComplexImageComponent="MAGNITUDE",
            AcquisitionContrast="T1",
        ),
        MRTimingAndRelatedParametersSequence=_item(
            RepetitionTime="560", FlipAngle="150", EchoTrainLength=3
        ),
        MREchoSequence=_item(EffectiveEchoTime=11.2),
        MRModifierSequence=_item(
            InversionRecovery="NO", Spoiling="NONE", SpectrallySelectedSuppression="NONE"
        ),
        PixelValueTransformationSequence=_item(
            RescaleIntercept="0", RescaleSlope="1", RescaleType="US"
        ),
    )
    return group


def _per_frame(image: Dataset, number: int) -> Dataset:
    (group,) = _item(
        FrameContentSequence=_item(StackID="1", InStackPositionNumber=number),
        PlanePositionSequence=_item(ImagePositionPatient=image.ImagePositionPatient),
    )
    return group


def _file_meta(made: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta
