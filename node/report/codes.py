"""Coded concepts of a report, and the words that people read.

Standard codes are those of the context groups named beside them. No code for a lumbar
intervertebral foramen by level is known in DICOM, so these are local, under a scheme that every
report declares.
"""

from typing import Final

from highdicom.sr import CodedConcept

from model import labels

LOCAL_SCHEME: Final = "99FORAMINA"  # PS3.16 section 8: local designators begin with 99
LOCAL_SCHEME_NAME: Final = "Foramina local codes"

CORNERSTONE_ARROW: Final = "Cornerstone3DTools@^0.1.0:ArrowAnnotate"
"""A tracking identifier that begins so is drawn by OHIF as an arrow with text."""

_LEVELS: Final = {  # CID 1003
    "L1": ("243920003", "Level of L1/L2 intervertebral disc"),
    "L2": ("243921004", "Level of L2/L3 intervertebral disc"),
    "L3": ("243922006", "Level of L3/L4 intervertebral disc"),
    "L4": ("243923001", "Level of L4/L5 intervertebral disc"),
    "L5": ("243927000", "Level of L5/S1 intervertebral disc"),
}
_SIDES: Final = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}  # CID 244


def local(value: str, meaning: str) -> CodedConcept:
    """Make a concept of the node's own coding scheme."""
    return CodedConcept(value, LOCAL_SCHEME, meaning)


PROCEDURE_REPORTED: Final = CodedConcept("25056-3", "LN", "MRI unspecified body region")  # CID 100
QUALITATIVE_EVALUATIONS: Final = CodedConcept("C0034375", "UMLS", "Qualitative Evaluations")
ANATOMICAL_STRUCTURE: Final = CodedConcept("91723000", "SCT", "Anatomical structure")
ARTIFICIAL_INTELLIGENCE: Final = CodedConcept("123110", "DCM", "Artificial Intelligence")
SOURCE: Final = CodedConcept("260753009", "SCT", "Source")
PERCENT: Final = CodedConcept("%", "UCUM", "Percent")

FORAMEN: Final = local("LNF", "Lumbar intervertebral foramen")
OUTCOME: Final = local("OUTCOME", "Localisation of the ten lumbar foramina")
ALL_LOCATED: Final = local("ALL", "All located")
PARTLY_LOCATED: Final = local("PART", "Located in part")
NONE_LOCATED: Final = local("NONE", "None located")
ABSTAINED: Final = local("ABSTAINED", "Abstained")
WITHDRAWN: Final = local("WITHDRAWN", "Earlier result withdrawn")
NOT_LOCATED: Final = local("NOTLOCATED", "Not located")
NUMBERING: Final = local("NUMBERING", "Confidence in the numbering of the levels")
NUMBERING_ANSWERED: Final = local("ANSWERED", "Enough to answer")
NUMBERING_UNCERTAIN: Final = local("UNCERTAIN", "Not enough to answer")
NUMBERING_NOT_JUDGED: Final = local("NOTJUDGED", "Not judged")

STATEMENTS: Final = (
    "AI result for research use. Not a medical device. Not verified by a person.",
    "Levels are counted upward from the lowest open foramen, taken as L5/S1, assuming five lumbar "
    "vertebrae. Check the numbering of the levels.",
    "The certainty is calibrated on synthetic images only.",
)
"""What everybody who reads a report must know, whatever was located."""

NUMBERING_SAID: Final = (
    "The model's confidence in the numbering of the levels is above the limit below which it "
    "abstains. The certainty of each foramen includes that of its level."
)
REPLACES: Final = "This report replaces an earlier one on the same series."
WITHDRAWAL: Final = (
    "The earlier result on this series is withdrawn: none of its points is to be used."
)

NO_FRAME_OF_REFERENCE: Final = (
    "The images carry no valid Frame of Reference UID: points are given on the images only, "
    "without coordinates in the patient."
)

NOT_SQUARE: Final = (
    "The pixels of the images are not square. Some viewers misplace points on such images by "
    "centimetres: points are given in the patient only, not on the images."
)
NOT_SQUARE_FLAT: Final = (
    "The pixels of the images are not square. Some viewers misplace points on such images by "
    "centimetres, and this form of report gives none in the patient: it has no coordinates."
)
NO_COORDINATES: Final = (
    "The pixels of the images are not square, and the images carry no valid Frame of Reference "
    "UID: no coordinates can be given that every viewer would show in the right place."
)


def foramen_site(label: str) -> CodedConcept:
    """Name a foramen by the local code: `L4L5-L`, "L4/L5 left intervertebral foramen"."""
    level, side = labels.split(label)
    segment = labels.segment(level)
    value = f"{segment.replace('/', '')}-{side[0].upper()}"
    return local(value, f"{segment} {side} intervertebral foramen")


def level_site(label: str) -> CodedConcept:
    """Name the level of a foramen by its standard code (CID 1003)."""
    value, meaning = _LEVELS[labels.split(label)[0]]
    return CodedConcept(value, "SCT", meaning)


def laterality(label: str) -> CodedConcept:
    """Name the side of a foramen by its standard code (CID 244)."""
    value, meaning = _SIDES[labels.split(label)[1]]
    return CodedConcept(value, "SCT", meaning)
