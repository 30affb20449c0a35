"""Frames of a multi-frame image, each as the header of a classic image.

Enhanced MR keeps what classic images say at the top level in functional groups, shared or per frame
(PS3.3 sections A.36 and C.7.6.16), and partly under other names. Whoever reads a header reads it in
one form: that of a classic image.

    multi-frame header -> frames_of -> one header per frame, with its ReferencedFrameNumber

Elements are handed on undecoded, because a report repeats the bytes of some.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag, Tag
from pydicom.uid import EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage

from model import classic
from model.classic import UNREADABLE

Element = DataElement | RawDataElement
Elements = dict[BaseTag, Element]

ENHANCED_MR: Final = frozenset({
    str(EnhancedMRImageStorage), str(LegacyConvertedEnhancedMRImageStorage)
})  # fmt: skip
"""The SOP classes whose frames have functional groups that this module knows."""

MAX_FRAMES: Final = 4096
"""More than any stack of slices of a spine has; a larger number is an error or an attack."""

_GROUPS: Final = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_TAKEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlanePositionSequence": ("ImagePositionPatient",),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PixelValueTransformationSequence": ("RescaleIntercept", "RescaleSlope", "RescaleType"),
    "FrameContentSequence": ("StackID", "InStackPositionNumber", "TemporalPositionIndex"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "FrameAnatomySequence": ("AnatomicRegionSequence", "FrameLaterality"),
    "MRImageFrameTypeSequence": (
        "FrameType", "PixelPresentation", "VolumetricProperties", "ComplexImageComponent",
        "VolumeBasedCalculationTechnique", "AcquisitionContrast",
    ),
    "MRTimingAndRelatedParametersSequence": ("RepetitionTime", "FlipAngle", "EchoTrainLength"),
    "MREchoSequence": ("EffectiveEchoTime",),
    "MRModifierSequence": (
        "InversionRecovery", "InversionTimes", "SpectrallySelectedSuppression", "Spoiling",
    ),
    "MRAveragesSequence": ("NumberOfAverages",),
    "MRDiffusionSequence": ("DiffusionBValue", "DiffusionDirectionality"),
    "ContrastBolusUsageSequence": ("ContrastBolusAgentAdministered",),
})  # fmt: skip
"""Per functional group what is taken from it: never the identity of patient, study or object."""

_CONVERTED: Final = (
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
)
_CONCATENATION: Final = (
    "SOPInstanceUID", "NumberOfFrames", "ConcatenationUID", "InConcatenationNumber",
    "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber",
)  # fmt: skip
_ACQUISITION_GROUP: Final = 0x0018
_PIXEL_GROUP: Final = 0x7FE0


class VolumeError(ValueError):
    """A series cannot become one volume; the message is a sentence for an administrator."""


def is_multiframe(header: Dataset) -> bool:
    """Tell whether an object is of a class whose objects have functional groups."""
    return uid_of(header, "SOPClassUID") in ENHANCED_MR


def frame_number(header: Dataset) -> int | None:
    """Give the number, from 1, of the frame that `frames_of` made a header of; None: of none."""
    return _whole(header, "ReferencedFrameNumber") if is_multiframe(header) else None


def frames_of(header: Dataset) -> list[Dataset]:
    """Make a header of each frame of an Enhanced MR object.

    Args:
        header: with or without pixels; only its functional groups are decoded.

    Returns:
        In the order of the frames: what the object says of all, what the functional groups say of
        the frame (per-frame before shared), and both in the words of classic images
        (`model.classic`). ReferencedFrameNumber counts from 1.

    Raises:
        VolumeError: the functional groups do not describe the frames.
    """
    shared, frames = _functional_groups(header)
    base = _shared_elements(header)
    result = []
    for number, frame in enumerate(frames, start=1):
        elements = base.copy()
        for group in (*shared, frame):
            elements |= _taken(group)
        for group in (frame, *shared):
            elements = _converted(group) | elements
        made = Dataset(elements)
        implicit, little_endian = header.original_encoding
        made.set_original_encoding(implicit, little_endian, header.original_character_set)
        classic.put(made, "ReferencedFrameNumber", number)
        classic.translate(made)
        result.append(made)
    return result


def concatenation_fault(headers: Sequence[Dataset]) -> str:
    """Say what is missing of the concatenations in a series; empty: nothing (PS3.3 C.7.6.16.2.2.4).

    Args:
        headers: of objects or of their frames.
    """
    parts: dict[str, dict[str, Dataset]] = {}
    for header in headers:
        concatenation = uid_of(header, "ConcatenationUID")
        if concatenation:
            parts.setdefault(concatenation, {})[uid_of(header, "SOPInstanceUID")] = header
    faults = [_concatenation_fault(list(found.values())) for found in parts.values()]
    return "; ".join(fault for fault in faults if fault)


def concatenation_part(header: Dataset) -> Dataset:
    """Copy what `concatenation_fault` asks of an object, without the rest and its pixels."""
    part = Dataset()
    for keyword in _CONCATENATION:
        element = header.get_item(keyword)
        if element is not None:
            part[keyword] = element
    return part


def uid_of(header: Dataset, keyword: str) -> str:
    """Read a UID, or another short text in ASCII, without decoding the element."""
    element = header.get_item(keyword)
    value = element.value if element is not None else None
    raw = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    return raw.strip(" \0")


def number_of_frames(header: Dataset) -> int:
    """Read NumberOfFrames, 1 when there is none (PS3.3 section C.7.6.6).

    Raises:
        VolumeError: it is no number above zero.
    """
    said = uid_of(header, "NumberOfFrames") or "1"
    if not (said.isascii() and said.isdecimal() and int(said[:12]) > 0):
        raise VolumeError(
            f"{_named(header)}: NumberOfFrames is {said[:12]!r}; expected a number above zero"
        )
    return int(said[:12])


def _named(header: Dataset) -> str:
    return f"instance {uid_of(header, 'SOPInstanceUID') or '(no SOPInstanceUID)'}"


def _functional_groups(header: Dataset) -> tuple[list[Dataset], list[Dataset]]:
    """Give the shared functional groups (none or one item) and those of each frame."""
    count = number_of_frames(header)
    if count > MAX_FRAMES:
        raise VolumeError(
            f"{_named(header)}: NumberOfFrames is {count}; expected at most {MAX_FRAMES}"
        )
    try:
        shared, frames = (list(header.get(keyword) or ()) for keyword in _GROUPS)
        described = all(isinstance(item, Dataset) for item in (*shared, *frames))
    except UNREADABLE as error:
        raise VolumeError(
            f"{_named(header)}: its functional groups cannot be read ({type(error).__name__}); "
            "expected SharedFunctionalGroupsSequence and PerFrameFunctionalGroupsSequence"
        ) from error
    if not described or len(frames) != count:
        raise VolumeError(
            f"{_named(header)}: NumberOfFrames is {count}, but PerFrameFunctionalGroupsSequence "
            f"describes {len(frames)} frames; expected as many: send the series again"
        )
    return shared[:1], frames


def _shared_elements(header: Dataset) -> Elements:
    """Give what an object says of all its frames, undecoded, without groups and pixels."""
    left_out = {Tag(tag_for_keyword(keyword) or 0) for keyword in _GROUPS}
    elements: Elements = {}
    for tag in header.keys():  # noqa: SIM118  # a Dataset yields values
        element: Element | None = header.get_item(tag, keep_deferred=True)
        if isinstance(element, RawDataElement) and element.value is None and element.length:
            element = header.get_item(tag)  # left on disk by `defer_size`
        if element is not None and tag not in left_out and tag.group < _PIXEL_GROUP:
            elements[tag] = element
    return elements


def _taken(group: Dataset) -> Elements:
    """Give what one item of functional groups says, by `_TAKEN`."""
    elements: Elements = {}
    for macro, keywords in _TAKEN.items():
        for item in _items(group, macro)[:1]:
            for keyword in keywords:
                element = item.get_item(keyword)
                if element is not None:
                    elements[Tag(element.tag)] = element
    return elements


def _converted(group: Dataset) -> Elements:
    """Give what a conversion from classic images kept of their acquisition (PS3.3 A.70)."""
    elements: Elements = {}
    for keyword in _CONVERTED:
        for item in _items(group, keyword)[:1]:
            for tag in item.keys():  # noqa: SIM118  # a Dataset yields values
                element = item.get_item(tag)
                if tag.group == _ACQUISITION_GROUP and element is not None:
                    elements[tag] = element
    return elements


def _items(group: Dataset, keyword: str) -> list[Dataset]:
    try:
        return [item for item in group.get(keyword) or () if isinstance(item, Dataset)]
    except UNREADABLE:
        return []


def _concatenation_fault(parts: Sequence[Dataset]) -> str:
    """Judge the objects of one concatenation: numbers from 1 on, no frame missing between them."""
    numbers = [_whole(part, "InConcatenationNumber") for part in parts]
    totals = {_whole(part, "InConcatenationTotalNumber") for part in parts} - {None}
    total = max((number for number in (*numbers, *totals) if number is not None), default=0)
    if len(totals) > 1 or len(parts) != total or set(numbers) != set(range(1, total + 1)):
        had = ", ".join(str(number) for number in sorted(numbers, key=str)[:20])
        return (
            f"a concatenation has the parts {had}; expected InConcatenationNumber 1 to {total}, "
            "each once"
        )
    next_frame = 0
    for number, part in sorted(zip(numbers, parts, strict=True), key=lambda pair: pair[0] or 0):
        offset = _whole(part, "ConcatenationFrameOffsetNumber")
        if offset != next_frame:
            return (
                f"part {number} of a concatenation has ConcatenationFrameOffsetNumber {offset}; "
                f"expected {next_frame}, the number of frames in the parts before it"
            )
        next_frame += number_of_frames(part)
    return ""


def _whole(header: Dataset, keyword: str) -> int | None:
    try:
        return int(header[keyword].value)
    except UNREADABLE:
        return None
