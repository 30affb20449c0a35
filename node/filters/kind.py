"""What kind of series it is: localizer, derived, contrast-enhanced, fat-suppressed, our own."""

import re
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from model import frames
from node.filters.finding import Finding, agreed
from node.filters.plane import oriented_plane
from node.filters.wording import described, description, plain, words
from node.headers import Headers, first_number, noun, tokens, values
from node.identity import MANUFACTURER, MANUFACTURER_MODEL_NAME

_LOCALIZER = words(
    "locali[sz][a-z]*", "loc", "lokali[sz][a-z]*", "locator", "scout[a-z]*", "scano[a-z]*",
    "surve[iy][a-z]*", "surview", "topogram[a-z]*", "pilot", "plan ?scan", "repera[a-z]*",
    "smartbrain", "smartspine", "[23]\\W?pl(?:ane)?", "three\\W?plane",
)  # fmt: skip
_DERIVED_WORDS = words(
    "mpr", "mip[a-z]*", "minip", "sub", "subtr[a-z]*", "reformat[a-z]*", "refmt", "adc",
    "t[12]\\W?map[a-z]*",
)  # fmt: skip
_DERIVED_TYPES = re.compile(
    r"DERIVED|SECONDARY|MPR|CSA MPR|MIP.*|MINIP.*|SUB.*|PROJECTION IMAGE|REFORMATTED|.*RESAMPLED"
    r"|ADC.*|.*[ _]MAP|SCREEN SAVE"
)

_AGENT = (
    "(?:gd|gad|gado[a-z]*|km|contrast[a-z]*|kontrast[a-z]*|dotarem|clariscan|omniscan|magnevist"
    "|multihance|prohance|inj[a-z]*)"
)
_BEFORE = "(?:pre|prior|before|without|w/?o|no|non|zonder|voor|ohne|vor|nativ[a-z]*|sans|avant|sin)"
_NOT_ENHANCED = re.compile(
    rf"(?<![a-z]){_BEFORE}[\s_./-]*{_AGENT}(?![a-z])"
    rf"|(?<![a-z]){_AGENT}[\s_./-]*{_BEFORE}(?![a-z])"
)
_ENHANCED = re.compile(
    rf"\+\s*(?:c|k|{_AGENT})(?![a-z])|(?<![a-z])(?:{_AGENT}|c\+|ce|post(?![\s_-]*op)|rehausse[a-z]*)(?![a-z])"
)
_NO_AGENT = re.compile(
    r"\W*(?:no|non|none|nil|n|na|n/a|0|unknown|(?:no|without|zonder|ohne|sans|geen|kein)\W.*)?\W*"
)

_FAT_WORDS = words(
    "fs", "fat\\W?sat[a-z]*", "fatsat", "spir", "spair", "stir[a-z]*", "tirm", "wfs", "wfst[12]w?",
    "fatsup[a-z]*", "chess", "ideal", "water", "(?:t[12]w?|tse|fse)\\W?fs",
)  # fmt: skip
_DIXON_PART = re.compile(r"dixon.*[ _-](?:w|f|wat[a-z]*|fat)\s*$")
_FAT_TYPES = frozenset({"WATER", "FAT", "W", "F"})

SOP_CLASS_MAX_NAMES: Final = 3
FRAMES: Final = ("single", "complete", "incomplete", "unreadable")


def localizer(headers: Headers) -> Finding:
    """Tell whether the series is a localizer: ImageType, the description, or several planes.

    ImageType value 3 is LOCALIZER by PS3.3 section C.8.3.1.1.1, but GE writes OTHER; a scout's
    three planes lie in one series.
    """
    if "LOCALIZER" in tokens(headers, "ImageType"):
        return Finding(True, "ImageType says LOCALIZER")
    keyword, text = description(headers)
    found = _LOCALIZER.search(text)
    if found:
        return Finding(True, f"{keyword} says {found[0]!r}")
    planes = oriented_plane(headers).values
    if len(planes) > 1:
        return Finding(True, f"its slices lie in several planes: {', '.join(map(str, planes))}")
    return Finding(False, f"ImageType, {keyword}, ImageOrientationPatient")


def derived(headers: Headers) -> Finding:
    """Tell whether the images were computed from others.

    ImageType value 1 DERIVED or value 2 SECONDARY (PS3.3 section C.7.6.1.1.2), later values such as
    MPR, MIP, SUB, ADC (Siemens writes ORIGINAL before a MIP), or such words in the description.
    """
    types = sorted(
        token for token in tokens(headers, "ImageType") if _DERIVED_TYPES.fullmatch(token)
    )
    if types:
        return Finding(True, f"ImageType says {', '.join(types[:3])}")
    text = described(headers, "SeriesDescription")
    found = _DERIVED_WORDS.search(text)
    if found:
        return Finding(True, f"SeriesDescription says {found[0]!r}")
    return Finding(False, "ImageType, SeriesDescription")


def contrast_enhanced(headers: Headers) -> Finding:
    """Tell whether a contrast agent was given: ContrastBolusAgent, or the description.

    `GADO_PRE`, `without contrast`, `ohne KM` say that none was; `NONE` in ContrastBolusAgent too.
    StudyDescription is not asked: a study with contrast has series before it.
    """
    agents = [" ".join(map(str, values(header, "ContrastBolusAgent"))) for header in headers]
    given = sum(not _NO_AGENT.fullmatch(plain(agent)) for agent in agents)
    if given:
        return Finding(True, f"ContrastBolusAgent in {given} of {len(headers)} {noun(headers)}")
    keyword, text = description(headers)
    found = _ENHANCED.search(_NOT_ENHANCED.sub(" ", text))
    if found:
        return Finding(True, f"{keyword} says {found[0].strip()!r}")
    return Finding(False, f"ContrastBolusAgent, {keyword}")


def fat_suppressed(headers: Headers) -> Finding:
    """Tell whether fat was suppressed, or fat and water were separated (Dixon).

    ScanOptions FS (PS3.3 section C.8.3.1.1.3), ImageType WATER or FAT, or the description. Foramina
    are found by their bright fat around a dark root.
    """
    if "FS" in tokens(headers, "ScanOptions"):
        return Finding(True, "ScanOptions says FS")
    parts = sorted(tokens(headers, "ImageType") & _FAT_TYPES)
    if parts:
        return Finding(True, f"ImageType says {', '.join(parts)}")
    keyword, text = description(headers)
    found = _FAT_WORDS.search(text) or _DIXON_PART.search(text)
    if found:
        return Finding(True, f"{keyword} says {found[0]!r}")
    return Finding(False, f"ScanOptions, ImageType, {keyword}")


def own_object(headers: Headers) -> Finding:
    """Tell whether this software made any of the instances (node.identity)."""
    own = sum(_is_own(header) for header in headers)
    return Finding(own > 0, f"Manufacturer and ManufacturerModelName in {own} of {len(headers)}")


def sop_class(headers: Headers) -> Finding:
    """Name the SOP Classes (PS3.4 section B.5), such as `MR Image Storage`."""
    found = agreed([_sop_class_name(header) for header in headers], "SOPClassUID")
    if found.value is None:
        return Finding(None, f"SOPClassUID is missing in all {len(headers)} {noun(headers)}")
    if len(found.values) > SOP_CLASS_MAX_NAMES:
        return Finding(found.values[:SOP_CLASS_MAX_NAMES], f"{len(found.values)} SOP classes")
    return found


def multiframe(headers: Headers) -> Finding:
    """Tell whether an instance holds several frames (NumberOfFrames above 1)."""
    frames = [first_number(header, "NumberOfFrames") or 1 for header in headers]
    several = sum(count > 1 for count in frames)
    return Finding(
        several > 0, f"NumberOfFrames above 1 in {several} of {len(headers)} {noun(headers)}"
    )


def frames_described(headers: Headers) -> Finding:
    """Tell whether the frames of multi-frame objects are described, and all there.

    `single`: classic images. `complete`: functional groups describe every frame (PS3.3 section
    C.7.6.16), and no part of a concatenation is missing. `incomplete`: one is. `unreadable`: what
    describes the frames does not fit their number, or the class knows no frames.
    """
    if not any(_has_frames(header) for header in headers):
        return Finding("single", "NumberOfFrames, SOPClassUID")
    for header in headers:
        if frames.frame_number(header) is None and _has_frames(header):
            return Finding("unreadable", _frames_fault(header))
    missing = frames.concatenation_fault(headers)
    if missing:
        return Finding("incomplete", missing)
    return Finding("complete", f"functional groups of {len(headers)} frames")


def _has_frames(header: Dataset) -> bool:
    said = values(header, "NumberOfFrames")
    return frames.is_multiframe(header) or said not in {(), (1,)}


def _frames_fault(header: Dataset) -> str:
    if not frames.is_multiframe(header):
        said = values(header, "NumberOfFrames")[0]
        return f"NumberOfFrames is {said} in an object of another class than Enhanced MR"
    try:
        frames.frames_of(header)
    except frames.VolumeError as error:
        return str(error)
    return "the header is that of the object, not of its frames"


def _is_own(header: Dataset) -> bool:
    made_by = values(header, "Manufacturer"), values(header, "ManufacturerModelName")
    return made_by == ((MANUFACTURER,), (MANUFACTURER_MODEL_NAME,))


def _sop_class_name(header: Dataset) -> str | None:
    found = values(header, "SOPClassUID")
    return UID(str(found[0])).name if found else None
