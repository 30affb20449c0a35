"""Content of a report: TID 1500 with two TID 1410 groups per located foramen (PS3.16 annex A).

Group A of a foramen holds an SCOORD, for viewers of images; group B the same point as SCOORD3D with
the certainty, for software that works in the patient. They share one tracking UID, and A stands
before B: OHIF draws the first coordinates that it meets, and a NUM beside an SCOORD stops it.
highdicom's `MeasurementReport` refuses a report without measurements, so the root is made here.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from highdicom import sr
from highdicom.sr import CodedConcept, ContentSequence, RelationshipTypeValues
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DSfloat

from model import labels
from model.landmark import Prediction
from node.identity import DEVICE_OBSERVER_UID, MANUFACTURER, MANUFACTURER_MODEL_NAME
from node.report import codes as words
from node.report.answer import Answer, Located
from node.report.evaluations import algorithm, certainty_percent, of_answer, of_withdrawal
from node.report.header import Source
from node.report.points import Slice
from node.report.variant import Variant

_ENGLISH: Final = CodedConcept("en-US", "RFC5646", "English (United States)")
_CONTAINS: Final = RelationshipTypeValues.CONTAINS


def evidence(images: Iterable[Slice], source: Source) -> list[Dataset]:
    """Make data sets of the images with just what highdicom reads, nothing it could refuse."""
    return [_evidence(image, source) for image in images]


def content(
    answer: Answer, images: Sequence[Dataset], variant: Variant, supersedes: bool
) -> Dataset:
    """Build the root container of a report.

    Args:
        answer: what it says.
        images: all images of the series, as `evidence` gives them.
        variant: in which form.
        supersedes: whether it takes the place of an earlier one.
    """
    return _root(
        [
            *_image_library(images),
            *_imaging_measurements(answer, variant),
            of_answer(answer, variant, supersedes),
        ]
    )


def withdrawal(images: Sequence[Dataset], reason: str) -> Dataset:
    """Build the root container of a report that says nothing but that the earlier one is withdrawn.

    Args:
        images: SOP class and instance of each image of the series; no geometry is asked for, since
            what was rejected may have none.
        reason: why, for people.
    """
    return _root([_bare_library(images), of_withdrawal(reason)])


def _root(items: Sequence[Dataset]) -> Dataset:
    root: Dataset = sr.ContainerContentItem(
        name=codes.DCM.ImagingMeasurementReport, template_id="1500"
    )
    root.ContentSequence = ContentSequence(
        [
            *sr.LanguageOfContentItemAndDescendants(_ENGLISH),
            *sr.ObservationContext(observer_device_context=observer()),
            sr.CodeContentItem(
                codes.DCM.ProcedureReported,
                words.PROCEDURE_REPORTED,
                RelationshipTypeValues.HAS_CONCEPT_MOD,
            ),
            *items,
        ]
    )
    return root


def _bare_library(images: Sequence[Dataset]) -> sr.ContainerContentItem:
    library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=_CONTAINS)
    group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=_CONTAINS)
    group.ContentSequence = ContentSequence(
        [
            sr.ImageContentItem(
                words.SOURCE, image.SOPClassUID, image.SOPInstanceUID, relationship_type=_CONTAINS
            )
            for image in images
        ]
    )
    library.ContentSequence = ContentSequence([group])
    return library


def _image_library(images: Sequence[Dataset]) -> list[sr.ContainerContentItem]:
    """Make row 4 of TID 1500: a library (TID 1600) with an entry per image, frames each its own.

    highdicom lists objects, not frames; it puts like images into one group, in their order.
    """
    library = sr.ImageLibrary(images)
    entries = [
        item
        for group in library[0].ContentSequence
        for item in group.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    for entry, image in zip(entries, images, strict=True):
        if "ReferencedFrameNumber" in image:
            entry.ReferencedSOPSequence[0].ReferencedFrameNumber = image.ReferencedFrameNumber
    return list(library)


def unidentified(source: Source) -> Dataset:
    """Begin a data set for highdicom, which copies patient and study out of one: they are empty.

    What they are in truth comes from the source, byte for byte, when the file is written.
    """
    made = Dataset()
    made.StudyInstanceUID = source.study_instance_uid
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(made, keyword, "")
    for keyword in ("StudyID", "StudyDate", "StudyTime", "AccessionNumber"):
        setattr(made, keyword, "")
    return made


def _evidence(image: Slice, source: Source) -> Dataset:
    made = unidentified(source)
    if image.frame_number is not None:
        made.ReferencedFrameNumber = image.frame_number
    made.SOPClassUID, made.SOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    made.SeriesInstanceUID = source.series_instance_uid
    made.Rows, made.Columns = image.rows, image.columns
    made.ImagePositionPatient = [DSfloat(value, auto_format=True) for value in image.position_mm]
    made.ImageOrientationPatient = [DSfloat(value, auto_format=True) for value in image.orientation]
    made.PixelSpacing = [DSfloat(value, auto_format=True) for value in image.spacing_mm]
    if source.frame_of_reference_uid:
        made.FrameOfReferenceUID = source.frame_of_reference_uid
    if image.thickness_mm is None:
        made.Modality = "OT"  # TID 1604 demands SliceThickness; without it highdicom lists no more
    else:
        made.Modality = "MR"
        made.SliceThickness = DSfloat(image.thickness_mm, auto_format=True)
    return made


def observer() -> sr.ObserverContext:
    """Say that a device observed, and which (TID 1004)."""
    return sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_OBSERVER_UID,
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=MANUFACTURER_MODEL_NAME,
        ),
    )


def _imaging_measurements(answer: Answer, variant: Variant) -> list[sr.ContainerContentItem]:
    """Make row 6 of TID 1500, which is absent when it would be empty."""
    container = sr.ContainerContentItem(codes.DCM.ImagingMeasurements, relationship_type=_CONTAINS)
    container.ContentSequence = ContentSequence()
    frame = answer.source.frame_of_reference_uid
    for one in answer.located:
        tracking_uid = answer.uid("tracking", one.landmark.label)
        if one.placed.slice.square:
            group = _group_a(one, answer.prediction, tracking_uid, variant)
            container.ContentSequence.extend(group)
        if frame and variant.three_dimensional:
            group = _group_b(one, answer.prediction, tracking_uid, frame)
            container.ContentSequence.extend(group)
    return [container] if container.ContentSequence else []


def _group_a(
    one: Located, prediction: Prediction, tracking_uid: str, variant: Variant
) -> ContentSequence:
    spoken = labels.spoken(one.landmark.label)
    name = f"{words.CORNERSTONE_ARROW}:{spoken}" if variant.cornerstone_prefix else spoken
    image = one.placed.slice
    frame_numbers = None if image.frame_number is None else [image.frame_number]
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(tracking_uid, name),
        referenced_region=sr.ImageRegion(
            sr.GraphicTypeValues.POINT,
            np.array([one.placed.image_xy]),
            sr.SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid, frame_numbers),
        ),
        **_shared(one, prediction),
    )
    group[0].ContentSequence.append(sr.TextContentItem(codes.DCM.Comment, spoken, _CONTAINS))
    return group


def _group_b(
    one: Located, prediction: Prediction, tracking_uid: str, frame_of_reference_uid: str
) -> ContentSequence:
    percent = certainty_percent(one)
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(tracking_uid, labels.spoken(one.landmark.label)),
        referenced_region=sr.ImageRegion3D(
            sr.GraphicTypeValues3D.POINT, np.array([one.placed.point_mm]), frame_of_reference_uid
        ),
        measurements=[sr.Measurement(codes.DCM.CertaintyOfFinding, percent, words.PERCENT)],
        **_shared(one, prediction),
    )


def _shared(one: Located, prediction: Prediction) -> dict[str, object]:
    """Give what both groups of a foramen say; OHIF prints the first site's meaning."""
    label = one.landmark.label
    side = words.laterality(label)
    return {
        "finding_category": words.ANATOMICAL_STRUCTURE,
        "finding_type": words.FORAMEN,
        "finding_sites": [
            sr.FindingSite(words.foramen_site(label), laterality=side),
            sr.FindingSite(words.level_site(label), laterality=side),
        ],
        "algorithm_id": algorithm(prediction),
    }
