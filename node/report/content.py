"""Content of a report: TID 1500 with two TID 1410 groups per located foramen (PS3.16 annex A).

Group A of a foramen holds an SCOORD, for viewers of images; group B the same point as SCOORD3D with
the certainty, for software that works in the patient. They share one tracking UID, and A stands
before B: OHIF draws the first coordinates that it meets, and a NUM beside an SCOORD stops it.
highdicom's `MeasurementReport` refuses a report without measurements, so the root is made here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from highdicom import sr
from highdicom.sr import CodedConcept, ContentSequence, RelationshipTypeValues
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DSfloat

from model import labels
from model.landmark import Landmark, Prediction
from node.identity import (
    DEVICE_OBSERVER_UID,
    MANUFACTURER,
    MANUFACTURER_MODEL_NAME,
    derived_uid,
)
from node.report import codes as words
from node.report.header import Source
from node.report.points import Placed, Slice

_ENGLISH: Final = CodedConcept("en-US", "RFC5646", "English (United States)")
_CONTAINS: Final = RelationshipTypeValues.CONTAINS
_LOOK_DIFFERENT: Final = str.maketrans({"\\": "/", "~": "-"})


@dataclass(frozen=True, slots=True)
class Located:
    """A landmark with its place on an image."""

    landmark: Landmark
    placed: Placed


def plain(text: str) -> str:
    """Keep text to the characters that read the same in every character set of DICOM.

    Backslash and tilde are other characters in ISO IR 13 and 14 (PS3.5 section 6.1.2.2).
    """
    return text.translate(_LOOK_DIFFERENT).encode("ascii", "replace").decode()


def evidence(images: Iterable[Slice], source: Source) -> list[Dataset]:
    """Make data sets of the images with just what highdicom reads, nothing it could refuse."""
    return [_evidence(image, source) for image in images]


def content(
    prediction: Prediction,
    located: Sequence[Located],
    images: Sequence[Dataset],
    source: Source,
    sop_instance_uid: str,
) -> Dataset:
    """Build the root container of the document.

    Args:
        prediction: what the report says in the end: its found landmarks are those in `located`.
        located: the landmarks that get groups, in the order of `labels.LABELS`.
        images: all images of the series, as `evidence` gives them.
        source: the series.
        sop_instance_uid: of the report; the tracking UIDs derive from it.
    """
    root: Dataset = sr.ContainerContentItem(
        name=codes.DCM.ImagingMeasurementReport, template_id="1500"
    )
    root.ContentSequence = ContentSequence(
        [
            *sr.LanguageOfContentItemAndDescendants(_ENGLISH),
            *sr.ObservationContext(observer_device_context=_observer()),
            sr.CodeContentItem(
                codes.DCM.ProcedureReported,
                words.PROCEDURE_REPORTED,
                RelationshipTypeValues.HAS_CONCEPT_MOD,
            ),
            *sr.ImageLibrary(images),
            *_imaging_measurements(prediction, located, source, sop_instance_uid),
            _qualitative_evaluations(prediction, source),
        ]
    )
    return root


def _evidence(image: Slice, source: Source) -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    made.StudyInstanceUID = source.study_instance_uid
    made.SeriesInstanceUID = source.series_instance_uid
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(made, keyword, "")
    for keyword in ("StudyID", "StudyDate", "StudyTime", "AccessionNumber"):
        setattr(made, keyword, "")
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


def _observer() -> sr.ObserverContext:
    return sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_OBSERVER_UID,
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=MANUFACTURER_MODEL_NAME,
        ),
    )


def _imaging_measurements(
    prediction: Prediction, located: Sequence[Located], source: Source, sop_instance_uid: str
) -> list[sr.ContainerContentItem]:
    """Make row 6 of TID 1500, which is absent when it would be empty."""
    if not located:
        return []
    container = sr.ContainerContentItem(codes.DCM.ImagingMeasurements, relationship_type=_CONTAINS)
    container.ContentSequence = ContentSequence()
    for one in located:
        tracking_uid = derived_uid("tracking", sop_instance_uid, one.landmark.label)
        container.ContentSequence.extend(_group_a(one, prediction, tracking_uid))
        if source.frame_of_reference_uid:
            group = _group_b(one, prediction, tracking_uid, source.frame_of_reference_uid)
            container.ContentSequence.extend(group)
    return [container]


def _group_a(one: Located, prediction: Prediction, tracking_uid: str) -> ContentSequence:
    spoken = labels.spoken(one.landmark.label)
    image = one.placed.slice
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            tracking_uid, f"{words.CORNERSTONE_ARROW}:{spoken}"
        ),
        referenced_region=sr.ImageRegion(
            sr.GraphicTypeValues.POINT,
            np.array([one.placed.image_xy]),
            sr.SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid),
        ),
        **_shared(one, prediction),
    )
    group[0].ContentSequence.append(sr.TextContentItem(codes.DCM.Comment, spoken, _CONTAINS))
    return group


def _group_b(
    one: Located, prediction: Prediction, tracking_uid: str, frame_of_reference_uid: str
) -> ContentSequence:
    percent = round(100 * (one.landmark.confidence or 0.0), 1)
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
        "algorithm_id": sr.AlgorithmIdentification(
            name=plain(prediction.bundle),
            version=plain(f"{prediction.bundle_version}+{prediction.bundle_digest[:12]}"),
            manufacturer=MANUFACTURER,
            family=words.ARTIFICIAL_INTELLIGENCE,
        ),
    }


def _qualitative_evaluations(prediction: Prediction, source: Source) -> sr.ContainerContentItem:
    """Make row 12 of TID 1500: the outcome, what was missed and why, what a reader must know."""
    container = sr.ContainerContentItem(words.QUALITATIVE_EVALUATIONS, relationship_type=_CONTAINS)
    items = [_code(words.OUTCOME, _outcome(prediction))]
    if prediction.abstained is not None:
        items.append(_text(words.OUTCOME, f"Abstained: {prediction.abstained}"))
    for mark in prediction.missed:
        site, spoken = words.foramen_site(mark.label), labels.spoken(mark.label)
        items.append(_code(site, words.NOT_LOCATED))
        items.append(_text(site, f"{spoken} not located: {mark.reason}"))
    if prediction.found and not source.frame_of_reference_uid:
        items.append(_text(codes.DCM.Comment, words.NO_FRAME_OF_REFERENCE))
    items.extend(_text(codes.DCM.Comment, statement) for statement in words.STATEMENTS)
    container.ContentSequence = ContentSequence(items)
    return container


def _outcome(prediction: Prediction) -> CodedConcept:
    if prediction.abstained is not None:
        return words.ABSTAINED
    if not prediction.found:
        return words.NONE_LOCATED
    return words.PARTLY_LOCATED if prediction.missed else words.ALL_LOCATED


def _code(name: CodedConcept, value: CodedConcept) -> sr.CodeContentItem:
    return sr.CodeContentItem(name, value, _CONTAINS)


def _text(name: CodedConcept, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(name, plain(value), _CONTAINS)
