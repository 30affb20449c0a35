"""Frames of Enhanced MR: the header of each, and what is said when there is none."""

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage

from model import frames
from model.frames import VolumeError
from tests import multiframe

Stack = Callable[..., list[Dataset]]


def read(made: Dataset) -> Dataset:
    """Write an object and read it again, so that its elements are raw."""
    stream = BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return dcmread(BytesIO(stream.getvalue()))


def header(make_stack: Stack, count: int = 5, **changes: Any) -> Dataset:
    stack = make_stack(count)
    for dataset in stack:
        dataset.SeriesInstanceUID, dataset.PatientName = "1.2.3", "Doe^Jane"
    return read(multiframe.enhanced(stack, **changes))


def test_each_frame_has_what_its_own_groups_say(make_stack: Stack) -> None:
    made = header(make_stack)
    found = frames.frames_of(made)
    assert [frames.frame_number(frame) for frame in found] == [1, 2, 3, 4, 5]
    for number, frame in enumerate(found, start=1):
        position, along, down = multiframe.place(made, number)
        assert list(frame.ImagePositionPatient) == list(position)
        assert list(frame.ImageOrientationPatient) == [0, 1, 0, 0, 0, -1]
        assert (frame.PixelSpacing[1], frame.PixelSpacing[0]) == (along[1], -down[2])
        assert frame.RepetitionTime == 560
        assert frame.SOPInstanceUID == made.SOPInstanceUID
        assert frame.StackID == "1"


def test_per_frame_groups_come_before_shared_ones(make_stack: Stack) -> None:
    made = header(make_stack)
    echo = Dataset()
    echo.EffectiveEchoTime = 90.0
    made.PerFrameFunctionalGroupsSequence[2].MREchoSequence = [echo]
    assert [float(frame.EchoTime) for frame in frames.frames_of(made)] == [
        11.2, 11.2, 90.0, 11.2, 11.2,
    ]  # fmt: skip


def test_what_the_object_says_of_all_frames_stays_undecoded(make_stack: Stack) -> None:
    made = header(make_stack)
    for frame in frames.frames_of(made):
        assert isinstance(frame.get_item("PatientName"), RawDataElement)
    assert isinstance(made.get_item("PatientName"), RawDataElement)
    assert "PixelData" not in frames.frames_of(made)[0]


def test_making_headers_leaves_the_object_as_it_is(make_stack: Stack) -> None:
    made = multiframe.enhanced(make_stack(3), shuffled=0)
    first, second = frames.frames_of(made)[:2]
    assert list(made.ImageType) == ["ORIGINAL", "PRIMARY", "OTHER", "MIXED"]
    assert list(first.ImageType) == ["ORIGINAL", "PRIMARY", "OTHER", "NONE"]
    assert first.ImagePositionPatient != second.ImagePositionPatient


def test_groups_cannot_rename_the_patient_or_the_object(make_stack: Stack) -> None:
    made = header(make_stack)
    item = made.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    item.SOPInstanceUID, item.PatientName = "9.9.9", "Other^Person"
    converted = Dataset()
    converted.StudyInstanceUID, converted.EchoNumbers = "9.9", "2"
    made.SharedFunctionalGroupsSequence[0].UnassignedSharedConvertedAttributesSequence = [converted]
    frame = frames.frames_of(made)[0]
    assert frame.SOPInstanceUID == made.SOPInstanceUID
    assert frame.PatientName == "Doe^Jane"
    assert "StudyInstanceUID" not in frame
    assert frame.EchoNumbers == 2


def _fewer_groups(made: Dataset) -> None:
    made.PerFrameFunctionalGroupsSequence = list(made.PerFrameFunctionalGroupsSequence)[:3]


def _count(value: bytes) -> Callable[[Dataset], None]:
    def change(made: Dataset) -> None:
        tag = Tag("NumberOfFrames")
        made[tag] = RawDataElement(tag, "IS", len(value), value, 0, False, True)

    return change


def _broken_groups(made: Dataset) -> None:
    tag = Tag("PerFrameFunctionalGroupsSequence")
    made[tag] = RawDataElement(tag, "SQ", 6, b"\x01\x02\x03\x04\x05\x06", 0, False, True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            _fewer_groups,
            r"NumberOfFrames is 5, but PerFrame.* describes 3 frames; expected as many",
        ),
        (_count(b"2147483647"), r"NumberOfFrames is 2147483647; expected at most 4096"),
        (_count(b"4000"), r"NumberOfFrames is 4000, but .* describes 5 frames"),
        (_count(b"-5"), r"NumberOfFrames is '-5'; expected a number above zero"),
        (_count(b"0 "), r"NumberOfFrames is '0'"),
        (_count(b"ten "), r"NumberOfFrames is 'ten'"),
        (_count(b"9" * 300), r"NumberOfFrames is 9{12}; expected at most"),
        (_broken_groups, r"functional groups cannot be read|describes 0 frames"),
    ],
)
def test_frames_that_nothing_describes_are_refused_with_the_reason(
    make_stack: Stack, change: Callable[[Dataset], None], sentence: str
) -> None:
    made = header(make_stack)
    change(made)
    with pytest.raises(VolumeError, match=sentence):
        frames.frames_of(made)


def test_only_frames_have_a_number(make_stack: Stack) -> None:
    classic = make_stack(1)[0]
    classic.ReferencedFrameNumber = 3
    assert frames.frame_number(classic) is None
    other = Dataset()
    other.SOPClassUID = EnhancedMRImageStorage
    assert frames.frame_number(other) is None


def parts(make_stack: Stack) -> list[Dataset]:
    stack = make_stack(6)
    for dataset in stack:
        dataset.SeriesInstanceUID = "1.2.3"
    return [read(part) for part in multiframe.concatenation(multiframe.enhanced(stack), [3, 2, 1])]


def test_a_whole_concatenation_has_no_fault(make_stack: Stack) -> None:
    found = parts(make_stack)
    assert frames.concatenation_fault(found[::-1]) == ""
    apart = [frame for part in found for frame in frames.frames_of(part)]
    assert frames.concatenation_fault(apart) == ""
    assert frames.concatenation_fault([frames.concatenation_part(part) for part in found]) == ""
    for part in found:
        del part.InConcatenationTotalNumber  # Type 3
    assert frames.concatenation_fault(found) == ""


def _without_middle(found: list[Dataset]) -> list[Dataset]:
    return [found[0], found[2]]


def _without_end(found: list[Dataset]) -> list[Dataset]:
    return found[:2]


def _twice(found: list[Dataset]) -> list[Dataset]:
    found[1].InConcatenationNumber = 1
    return found


def _other_offset(found: list[Dataset]) -> list[Dataset]:
    found[1].ConcatenationFrameOffsetNumber = 4
    return found


def _unnumbered(found: list[Dataset]) -> list[Dataset]:
    del found[0].InConcatenationNumber
    return found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without_middle, "has the parts 1, 3; expected InConcatenationNumber 1 to 3"),
        (_without_end, "has the parts 1, 2; expected InConcatenationNumber 1 to 3"),
        (_twice, "has the parts 1, 1, 3; expected"),
        (_unnumbered, "has the parts 2, 3, None; expected"),
        (_other_offset, "part 2 .* ConcatenationFrameOffsetNumber 4; expected 3"),
    ],
)
def test_a_concatenation_that_is_not_whole_is_described(
    make_stack: Stack, change: Callable[[list[Dataset]], list[Dataset]], sentence: str
) -> None:
    assert re.search(sentence, frames.concatenation_fault(change(parts(make_stack))))
