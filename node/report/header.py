"""What a report takes over from its series: patient, study and identity, byte for byte.

Nothing is decoded on the way, so values that decoders refuse stand in the report as they stand in
the source: `ISO 2022 IR 100` alone, for one, is the character set of two in five lumbar headers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from node.errors import SeriesUnusableError
from node.report.elements import carried, encodings_of, filled, tag_of, text, written
from node.report.points import valid_uid

PATIENT: Final = (  # PS3.3 C.7.1.1; two retired attributes that scanners still send stand last
    "ReferencedPatientSequence", "PatientName", "PatientID", "IssuerOfPatientID", "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence", "SourcePatientGroupIdentificationSequence",
    "GroupOfPatientsIdentificationSequence", "PatientBirthDate", "PatientBirthTime",
    "PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar",
    "PatientAlternativeCalendar", "PatientSex", "QualityControlSubject", "StrainDescription",
    "StrainNomenclature", "StrainStockSequence", "StrainAdditionalInformation",
    "StrainCodeSequence", "GeneticModificationsSequence", "OtherPatientNames",
    "OtherPatientIDsSequence", "ReferencedPatientPhotoSequence", "EthnicGroupCodeSequence",
    "PatientSpeciesDescription", "PatientSpeciesCodeSequence", "PatientBreedDescription",
    "PatientBreedCodeSequence", "BreedRegistrationSequence", "ResponsiblePerson",
    "ResponsiblePersonRole", "ResponsibleOrganization", "PatientComments",
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "OtherPatientIDs", "EthnicGroup",
)  # fmt: skip
CLINICAL_TRIAL: Final = (  # PS3.3 C.7.1.3 and C.7.2.3
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName",
    "IssuerOfClinicalTrialProtocolID", "OtherClinicalTrialProtocolIDsSequence",
    "ClinicalTrialSiteID", "ClinicalTrialSiteName", "IssuerOfClinicalTrialSiteID",
    "ClinicalTrialSubjectID", "IssuerOfClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID",
    "IssuerOfClinicalTrialSubjectReadingID", "ClinicalTrialProtocolEthicsCommitteeName",
    "ClinicalTrialProtocolEthicsCommitteeApprovalNumber", "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription", "LongitudinalTemporalOffsetFromEvent",
    "LongitudinalTemporalEventType", "ClinicalTrialTimePointTypeCodeSequence",
    "IssuerOfClinicalTrialTimePointID", "ConsentForClinicalTrialUseSequence",
)  # fmt: skip
STUDY: Final = (  # PS3.3 C.7.2.1
    "StudyDate", "StudyTime", "AccessionNumber", "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName", "ReferringPhysicianIdentificationSequence",
    "ConsultingPhysicianName", "ConsultingPhysicianIdentificationSequence", "StudyDescription",
    "ProcedureCodeSequence", "PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence",
    "NameOfPhysiciansReadingStudy", "PhysiciansReadingStudyIdentificationSequence",
    "ReferencedStudySequence", "StudyInstanceUID", "StudyID", "RequestingService",
    "RequestingServiceCodeSequence", "ReasonForPerformedProcedureCodeSequence",
)  # fmt: skip
PATIENT_STUDY: Final = (  # PS3.3 C.7.2.2
    "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence", "PatientAge", "PatientSize",
    "PatientSizeCodeSequence", "PatientBodyMassIndex", "MeasuredAPDimension",
    "MeasuredLateralDimension", "PatientWeight", "MedicalAlerts", "Allergies", "Occupation",
    "SmokingStatus", "AdditionalPatientHistory", "PregnancyStatus", "LastMenstrualDate",
    "PatientSexNeutered", "ReasonForVisit", "ReasonForVisitCodeSequence", "AdmissionID",
    "IssuerOfAdmissionIDSequence", "ServiceEpisodeID", "ServiceEpisodeDescription",
    "IssuerOfServiceEpisodeIDSequence", "PatientState",
)  # fmt: skip
SOP_COMMON: Final = ("SpecificCharacterSet", "TimezoneOffsetFromUTC")
"""What says how the carried bytes, dates and times are to be read (PS3.3 C.12.1)."""

CARRIED: Final = (*SOP_COMMON, *PATIENT, *CLINICAL_TRIAL, *STUDY, *PATIENT_STUDY)
TYPE_2: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName", "StudyID",
)  # fmt: skip
_ONE_VALUE: Final = ("StudyInstanceUID", "SeriesInstanceUID", "PatientID")


@dataclass(frozen=True, slots=True)
class Source:
    """The series that a report is about.

    Attributes:
        elements: patient and study attributes and the character set, as in the source.
        study_instance_uid, series_instance_uid: of the source.
        patient_id: read as Latin-1, to derive UIDs from.
        series_number: of the source, None when it is no number.
        frame_of_reference_uid: None when the source has no valid one.
    """

    elements: tuple[RawDataElement, ...]
    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    series_number: int | None
    frame_of_reference_uid: str | None

    @property
    def digest(self) -> str:
        """Give a SHA-256 over the carried attributes, hexadecimal."""
        return hashlib.sha256(written(self.elements)).hexdigest()

    @property
    def timezone_offset(self) -> str:
        """Give the offset that dates and times of the object are in (`+0100`), or nothing."""
        tag = tag_of("TimezoneOffsetFromUTC")
        values = [element.value or b"" for element in self.elements if element.tag == tag]
        return values[0].decode("latin-1").strip(" \0") if values else ""


def read_source(headers: Sequence[Dataset]) -> Source:
    """Read what a report takes over; the patient's attributes come from one and the same image.

    Args:
        headers: as read from files and not looked into, since decoding forgets the bytes; in any
            order (the image with the least SOP Instance UID is taken).

    Raises:
        SeriesUnusableError: there is no image, the images belong to several patients or studies,
            or the study has no valid UID.
    """
    if not headers:
        raise SeriesUnusableError("no report: the series has no image")
    for keyword in _ONE_VALUE:
        values = {text(header, keyword) for header in headers}
        if len(values) > 1:
            raise SeriesUnusableError(
                f"no report: {len(values)} {keyword} values in one series; expected one"
            )
    header = min(headers, key=lambda header: text(header, "SOPInstanceUID"))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if not valid_uid(text(header, keyword)):
            raise SeriesUnusableError(
                f"no report: {keyword} is {text(header, keyword)!r}; expected a UID"
            )
    number = text(header, "SeriesNumber")
    return Source(
        elements=_elements(header),
        study_instance_uid=text(header, "StudyInstanceUID"),
        series_instance_uid=text(header, "SeriesInstanceUID"),
        patient_id=text(header, "PatientID"),
        series_number=int(number) if number.isdecimal() and number.isascii() else None,
        frame_of_reference_uid=_frame_of_reference_uid(headers),
    )


def _elements(header: Dataset) -> tuple[RawDataElement, ...]:
    encodings = encodings_of(header)
    found = {keyword: carried(header, tag_of(keyword), encodings) for keyword in CARRIED}
    found |= {keyword: found[keyword] or filled(keyword) for keyword in TYPE_2}
    return tuple(element for element in found.values() if element is not None)


def _frame_of_reference_uid(headers: Sequence[Dataset]) -> str | None:
    """Give the one that all images have; None when some have none, or none that is valid."""
    values = {text(header, "FrameOfReferenceUID") for header in headers}
    if len(values - {""}) > 1:
        raise SeriesUnusableError(
            f"no report: {len(values)} FrameOfReferenceUID values in one series; expected one"
        )
    return values.pop() if all(valid_uid(value) for value in values) else None
