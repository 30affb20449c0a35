"""Every way in which instances fail to make one volume ends with its own sentence."""

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage, JPEG2000Lossless

from model import volume
from model.slices import VolumeError

Stack = Callable[..., list[Dataset]]
Change = Callable[[list[Dataset]], list[Dataset]]


def _without(keyword: str) -> Change:
    def change(stack: list[Dataset]) -> list[Dataset]:
        delattr(stack[2], keyword)
        return stack

    return change


def _with(keyword: str, value: object) -> Change:
    def change(stack: list[Dataset]) -> list[Dataset]:
        setattr(stack[2], keyword, value)
        return stack

    return change


def _smaller(stack: list[Dataset]) -> list[Dataset]:
    stack[2].Rows = 5
    stack[2].PixelData = stack[2].PixelData[: 5 * 8 * 2]
    return stack


def _with_raw(tag: int, vr: str, value: bytes) -> Change:
    """Put in a value that pydicom would not write."""

    def change(stack: list[Dataset]) -> list[Dataset]:
        raw = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
        stack[2][tag] = raw
        return stack

    return change


def _broken_stream(stack: list[Dataset]) -> list[Dataset]:
    stack[2].file_meta.TransferSyntaxUID = JPEG2000Lossless
    return stack


def _repeated(stack: list[Dataset]) -> list[Dataset]:
    stack[2].ImagePositionPatient = stack[1].ImagePositionPatient
    return stack


def _slid(stack: list[Dataset]) -> list[Dataset]:
    stack[2].ImagePositionPatient = [0.0, -50.0, 75.0]
    return stack


CASES: list[tuple[Change, str]] = [
    (lambda stack: stack[:2], r"has 2 slices; expected at least 3"),
    (lambda stack: [], r"has 0 slices; expected at least 3"),
    (_without("ImagePositionPatient"), r"1\.2\.3\.3 has no ImagePositionPatient: where its slice"),
    (_without("ImageOrientationPatient"), r"has no ImageOrientationPatient"),
    (_without("PixelSpacing"), r"has no PixelSpacing"),
    (
        _with("ImagePositionPatient", [1.0, 2.0]),
        r"ImagePositionPatient is \[1\.0, 2\.0\]; expected 3",
    ),
    (_with("ImagePositionPatient", ["nan", 0, 0]), r"expected 3 finite numbers"),
    (_with("PixelSpacing", [0.0, 0.5]), r"PixelSpacing \[0\.0, 0\.5\] is not positive"),
    (_with("ImageOrientationPatient", [0, 2, 0, 0, 0, -1]), r"not a pair of perpendicular unit"),
    (_with("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]), r"differing orientations; expected one"),
    (_with("PixelSpacing", [0.5, 0.8]), r"differing pixel spacings"),
    (_with("FrameOfReferenceUID", "1.2.3.4.5"), r"differing frames of reference"),
    (_smaller, r"differing image sizes"),
    (_repeated, r"1 of 6 slices lie where another one lies"),
    (lambda stack: stack[:3] + stack[4:], r"between slice 3 and slice 4 of 5, .* 1 missing there"),
    (_with("ImagePositionPatient", [1.2, -50, 70]), r"lie 5\.20 mm; expected 4\.00 mm: .* uneven"),
    (_slid, r"5\.0 mm off the straight line through the stack"),
    (_with("NumberOfFrames", 12), r"is a multi-frame image \(12 frames\)"),
    (_with("SOPClassUID", EnhancedMRImageStorage), r"is 1, but PerFrame.* describes 0 frames"),
    (_with("PhotometricInterpretation", "PALETTE COLOR"), r"'PALETTE COLOR'; expected one of MON"),
    (_with("PhotometricInterpretation", "MONOCHROME1"), r"differing photometric interpretations"),
    (_with("Rows", 0), r"1\.2\.3\.3: Rows is 0; expected a number above zero"),
    (_with("SamplesPerPixel", 3), r"3 samples per pixel; expected 1"),
    (_without("PixelData"), r"instance 1\.2\.3\.3 has no pixel data: it is not an image"),
    (_with("PixelData", b""), r"1\.2\.3\.3 has no pixel data"),
    (
        _broken_stream,
        r"1\.2\.3\.3: its pixels in JPEG 2000 .* cannot be decoded \(\w+\); send the series unc",
    ),
    (
        _with("PixelData", b"\x00\x01"),
        r"1\.2\.3\.3: its uncompressed pixel data has 2 bytes; expected \d{2,}: it may .* cut off",
    ),
    (
        _without("BitsAllocated"),
        r"uncompressed pixels cannot be read \(AttributeError\); .* BitsAllocated",
    ),
    (_with_raw(0x7FE00010, "DS", b"no"), r"1\.2\.3\.3: its uncompressed pixels cannot be read"),
    (_with_raw(0x00281053, "DS", b"steep "), r"1\.2\.3\.3: RescaleSlope is not a number; expected"),
    (_with_raw(0x00281052, "DS", b"1\\2 "), r"1\.2\.3\.3: RescaleIntercept is not a number"),
    (_with("RescaleSlope", "inf"), r"1\.2\.3\.3: RescaleSlope is inf; expected a finite number"),
]


@pytest.mark.parametrize(("change", "sentence"), CASES, ids=[text for _, text in CASES])
def test_says_why_the_slices_make_no_volume(
    make_stack: Stack, change: Change, sentence: str
) -> None:
    with pytest.raises(VolumeError, match=sentence):
        volume.from_datasets(change(make_stack(6)))


@pytest.mark.parametrize(
    "change",
    [_without("PixelData"), _with("PixelData", b"\0\1"), _with_raw(0x00281053, "DS", b"steep ")],
    ids=["no pixels", "cut pixels", "rescale"],
)
def test_advises_another_transfer_syntax_only_for_compressed_pixels(
    make_stack: Stack, change: Change
) -> None:
    with pytest.raises(VolumeError) as caught:
        volume.from_datasets(change(make_stack(6)))
    assert "transfer syntax" not in str(caught.value)
    assert "steep" not in str(caught.value)


def test_never_names_the_patient(make_stack: Stack) -> None:
    stack = make_stack(2, PatientName="Planted^Person", PatientID="PLANTED")
    with pytest.raises(VolumeError) as caught:
        volume.from_datasets(stack)
    assert "PLANTED" not in str(caught.value).upper()


def test_small_unevenness_is_borne(make_stack: Stack) -> None:
    stack = make_stack(6)
    stack[2].ImagePositionPatient = [0.2, -50.0, 70.0]
    assert len(volume.from_datasets(stack).pixels) == 6


def test_a_series_without_frame_of_reference_is_read(make_stack: Stack) -> None:
    stack = make_stack(3)
    for dataset in stack:
        del dataset.FrameOfReferenceUID
    assert volume.from_datasets(stack).frame_of_reference_uid == ""
