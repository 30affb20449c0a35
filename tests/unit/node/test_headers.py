"""Reading headers: a value comes back or nothing, never a crash."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from node.errors import SeriesUnusableError
from node.headers import (
    MAX_TEXT,
    first_number,
    lack,
    noun,
    numbers,
    read_headers,
    tokens,
    values,
)
from tests import multiframe
from tests.objects import image, write
from tests.series_headers import with_raw

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom, on what it reads here


def test_reads_files_in_order_without_pixels(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.dcm", image(InstanceNumber=n)) for n in (3, 1, 2)]
    headers = read_headers(paths)
    assert [header.InstanceNumber for header in headers] == [3, 1, 2]
    assert all("PixelData" not in header for header in headers)


def multiframe_file(folder: Path, **changes: object) -> Path:
    images = [
        image(
            InstanceNumber=n,
            ImagePositionPatient=[4.0 * n, 0, 0],
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
            PixelSpacing=[0.7, 0.7],
        )
        for n in range(5)
    ]
    return write(folder / "enhanced.dcm", multiframe.enhanced(images, **changes))


def test_a_multiframe_object_gives_one_header_per_frame(tmp_path: Path) -> None:
    classic = write(tmp_path / "classic.dcm", image())
    headers = read_headers([multiframe_file(tmp_path), classic])
    assert [values(header, "ReferencedFrameNumber") for header in headers[:5]] == [
        (1,), (2,), (3,), (4,), (5,),
    ]  # fmt: skip
    assert {numbers(header, "ImagePositionPatient", 3) for header in headers[:5]} == {
        (4.0 * n, 0.0, 0.0) for n in range(5)
    }
    assert [first_number(header, "RepetitionTime") for header in headers] == [560] * 5 + [None]
    assert noun(headers) == "frames"
    assert noun(headers[5:]) == "instances"
    assert lack(headers[:5], "EchoNumbers", 1) == "EchoNumbers is missing in 5 of 5 frames"


def test_an_object_whose_frames_cannot_be_told_gives_its_own_header(tmp_path: Path) -> None:
    path = multiframe_file(tmp_path, NumberOfFrames=2_000_000_000, ReferencedFrameNumber=1)
    [header] = read_headers([path])
    assert "ReferencedFrameNumber" not in header
    assert noun([header]) == "instances"


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\0" * 128 + b"DICM" + b"\xff" * 40])
def test_a_file_that_is_no_dicom_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "1.2.3-abc.dcm"
    path.write_bytes(content)
    with pytest.raises(SeriesUnusableError, match=r"1\.2\.3-abc\.dcm cannot be read"):
        read_headers([path])


def test_a_file_that_is_gone_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(SeriesUnusableError, match=r"gone\.dcm cannot be read \(No such file") as e:
        read_headers([tmp_path / "gone.dcm"])
    assert str(tmp_path) not in str(e.value)


def test_values_of_ordinary_elements() -> None:
    header = Dataset()
    header.Rows = 512
    header.EchoTime = "9.40"
    header.ImageType = ["ORIGINAL", "PRIMARY"]
    header.SeriesDescription = " t1 sag "
    header.ReferencedImageSequence = Sequence([Dataset(), Dataset()])
    assert values(header, "Rows") == (512,)
    assert values(header, "EchoTime") == (9.4,)
    assert values(header, "ImageType") == ("ORIGINAL", "PRIMARY")
    assert values(header, "SeriesDescription") == ("t1 sag",)
    assert values(header, "ReferencedImageSequence") == ("2 items",)


@pytest.mark.parametrize("raw", [b"", b" ", b"\\", b"\0\0"])
def test_empty_is_missing(raw: bytes) -> None:
    assert values(with_raw(Dataset(), "EchoTime", raw), "EchoTime") == ()
    assert values(Dataset(), "EchoTime") == ()


@pytest.mark.parametrize(
    ("keyword", "raw", "vr", "expected"),
    [
        ("RepetitionTime", b"5 ms", None, ("5 ms",)),
        ("Rows", b"1", None, ("1",)),
        ("InversionTime", b"12", "QQ", ("12",)),
        ("ImageType", b"A\\\xffB", None, ("A", "ÿB")),
        ("SeriesDescription", b"a\x00\x1bb", None, ("a  b",)),
        ("SliceThickness", b"nan ", None, ("nan",)),
        ("NumberOfFrames", b"1.5", None, ("1.5",)),
    ],
)
def test_malformed_values_come_as_the_text_that_stands_there(
    keyword: str, raw: bytes, vr: str | None, expected: tuple[str, ...]
) -> None:
    found = values(with_raw(Dataset(), keyword, raw, vr), keyword)
    assert tuple(map(str, found)) == expected


def test_text_is_cut_and_carries_no_control_characters() -> None:
    header = with_raw(Dataset(), "ImageComments", b"x" * 100 + b"\x00")
    assert values(header, "ImageComments") == ("x" * MAX_TEXT,)


@pytest.mark.parametrize(
    "raw", [b"nan", b"inf", b"1e999", b"1e300\\1", b"abc", b"1\\abc", b"1\\2\\3"]
)
def test_numbers_are_finite_and_as_many_as_asked(raw: bytes) -> None:
    assert numbers(with_raw(Dataset(), "PixelSpacing", raw), "PixelSpacing", 2) is None


def test_numbers_read_text_and_binary() -> None:
    header = with_raw(Dataset(), "PixelSpacing", b"0.5 \\ .7")
    assert numbers(header, "PixelSpacing", 2) == (0.5, 0.7)
    assert first_number(with_raw(header, "Rows", b"\x00\x02"), "Rows") == 512
    assert first_number(header, "Columns") is None


def test_tokens_collect_over_instances_in_upper_case() -> None:
    headers = [Dataset(), Dataset(), Dataset()]
    headers[0].ScanOptions = ["PFP", "fs"]
    headers[1].ScanOptions = "SAT1"
    assert tokens(headers, "ScanOptions") == {"PFP", "FS", "SAT1"}


def test_lack_counts_missing_and_malformed() -> None:
    headers = [Dataset(), with_raw(Dataset(), "EchoTime", b"abc"), Dataset()]
    headers[2].EchoTime = 10
    assert lack(headers, "EchoTime", 1) == (
        "EchoTime is missing in 1 of 3 instances and EchoTime is not a number in 1 of 3 instances"
    )
    assert lack(headers[2:], "EchoTime", 1) == ""
