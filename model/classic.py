"""Words of Enhanced MR in those of classic MR: one vocabulary for whoever judges a header.

The functional groups name the echo time, the inversion, the kind of echo and others in their own
way (PS3.3 sections C.8.13.4 and C.8.13.5); classic MR has RepetitionTime, EchoTime, InversionTime,
ScanningSequence, SequenceVariant and ScanOptions (section C.8.3.1).
"""

import struct
from typing import Any, Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.errors import BytesLengthException

_ECHOES: Final = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}
UNREADABLE: Final = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, LookupError,
    NotImplementedError, OSError, TypeError, ValueError, struct.error,
)  # fmt: skip
"""What pydicom raises on elements that are not what they claim to be."""


def translate(header: Dataset) -> None:
    """Add the classic attributes to the header of a frame.

    What the functional groups say of the frame wins over what the object says of all its frames
    (ImageType may be `MIXED` there); the rest fills in only what the object leaves empty.
    """
    for keyword, value in (
        ("ImageType", _words(header, "FrameType")),
        ("EchoTime", _decimal(header, "EffectiveEchoTime")),
        ("InversionTime", _inversion_time(header)),
    ):
        if value:
            put(header, keyword, value)
    for keyword, value in (
        ("ScanningSequence", _scanning_sequence(header)),
        ("SequenceVariant", _sequence_variant(header)),
        ("ScanOptions", _scan_options(header)),
        ("ContrastBolusAgent", _contrast_agent(header)),
        ("BodyPartExamined", _body_part(header)),
    ):
        if value and not _value(header, keyword):
            put(header, keyword, value)


def put(header: Dataset, keyword: str, value: Any) -> None:
    """Put an element in the place of an old one; assigning would change the old, shared one."""
    header.add_new(keyword, dictionary_VR(keyword), value)


def _value(header: Dataset, keyword: str) -> Any:
    try:
        return header.get(keyword)
    except UNREADABLE:
        return None


def _words(header: Dataset, keyword: str) -> list[str]:
    value = _value(header, keyword)
    parts = [value] if isinstance(value, str) else list(value or ())
    return [str(part).strip().upper() for part in parts if str(part).strip()]


def _says(header: Dataset, keyword: str, *words: str) -> bool:
    return any(word in words for word in _words(header, keyword))


def _decimal(header: Dataset, keyword: str) -> str | None:
    """Write the first number of an element as a DS (16 characters at most); None without any."""
    value = _value(header, keyword)
    try:
        first = float(value if isinstance(value, float | int) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return f"{first:.8g}"


def _inversion_time(header: Dataset) -> str | None:
    return _decimal(header, "InversionTimes") if _inverts(header) else None


def _inverts(header: Dataset) -> bool:
    return _says(header, "InversionRecovery", "YES")


def _scanning_sequence(header: Dataset) -> list[str]:
    echoes = [
        code for word in _words(header, "EchoPulseSequence") for code in _ECHOES.get(word, ())
    ]
    planar = ["EP"] if _says(header, "EchoPlanarPulseSequence", "YES") else []
    return echoes + planar + (["IR"] if _inverts(header) else []) if echoes else []


def _sequence_variant(header: Dataset) -> list[str]:
    variants = {
        "SK": _says(header, "SegmentedKSpaceTraversal", "PARTIAL", "FULL"),
        "SP": _says(header, "Spoiling", "RF", "GRADIENT", "RF_AND_GRADIENT"),
        "SS": any(word != "NONE" for word in _words(header, "SteadyStatePulseSequence")),
    }
    return [code for code, applies in variants.items() if applies]


def _scan_options(header: Dataset) -> list[str]:
    suppressed = _words(header, "SpectrallySelectedSuppression")
    return ["FS"] if any("FAT" in word for word in suppressed) else []


def _contrast_agent(header: Dataset) -> str | None:
    """Name the agent, unless the frame was taken without it (PS3.3 section C.7.6.16.2.12)."""
    if _says(header, "ContrastBolusAgentAdministered", "NO"):
        return None
    return _meaning(header, "ContrastBolusAgentSequence")


def _body_part(header: Dataset) -> str | None:
    meaning = _meaning(header, "AnatomicRegionSequence")
    return meaning.upper()[:16].strip() if meaning else None  # VR CS


def _meaning(header: Dataset, keyword: str) -> str | None:
    """Give the CodeMeaning of the first code of a sequence, as far as it is ASCII."""
    try:
        meaning = str(header[keyword][0].CodeMeaning)
    except UNREADABLE:
        return None
    return meaning.encode("ascii", "ignore").decode()[:64].strip()
