"""Content is compared, not bytes."""

import shutil
import subprocess
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from storage.content import Difference, compare, difference
from storage.instances import Outcome
from tests.factories import encode, make_dataset, make_part10

SYNTAXES = [
    ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless,
    JPEGLSLossless, JPEG2000Lossless,
]  # fmt: skip


def rich_dataset(**attributes: Any) -> Dataset:
    """Build an object with everything that encodings change: sequences, private tags, words."""
    dataset = make_dataset(**attributes)
    item = Dataset()
    item.CodeValue = "T-D0300"
    item.CodeMeaning = "Zwölf"
    inner = Dataset()
    inner.AnatomicRegionSequence = Sequence([item])
    dataset.RequestAttributesSequence = Sequence([inner])
    dataset.PatientName = "Müller^Jürgen"
    dataset.SmallestImagePixelValue = 3
    dataset["SmallestImagePixelValue"].VR = "US"
    block = dataset.private_block(0x0011, "Foramina test", create=True)
    block.add_new(0x01, "LO", "private text")
    block.add_new(0x02, "US", [1, 513])
    block.add_new(0x03, "SQ", Sequence([item]))
    block.add_new(0x04, "FD", 1.5)
    dataset.add(DataElement(0x60003000, "OW", b"\x01\x02\x03\x04"))
    return dataset


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def big_endian(dataset: Dataset) -> bytes:
    """Encode as big endian; pydicom leaves the words of OW to the caller."""
    dataset = Dataset(dataset)
    if 0x60003000 in dataset:
        swapped = np.frombuffer(dataset[0x60003000].value, "<u2").byteswap().tobytes()
        dataset[0x60003000] = DataElement(0x60003000, "OW", swapped)
    return encode(dataset, ExplicitVRBigEndian)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: UID(uid).keyword)
def test_another_transfer_syntax_is_a_duplicate(tmp_path: Path, syntax: str) -> None:
    dataset = rich_dataset(size=32)
    old = written(tmp_path, "old", encode(dataset, ExplicitVRLittleEndian))
    if syntax == ExplicitVRBigEndian:
        data = big_endian(dataset)
    elif syntax == DeflatedExplicitVRLittleEndian:
        data = encode_deflated(dataset)
    else:
        data = encode(dataset, syntax)
    new = written(tmp_path, "new", data)
    assert difference(old, new) == Difference(Outcome.DUPLICATE)
    assert difference(new, old) == Difference(Outcome.DUPLICATE)


def encode_deflated(dataset: Dataset) -> bytes:
    import zlib

    plain = encode(dataset, ExplicitVRLittleEndian)
    empty = encode(dataset, ExplicitVRLittleEndian)
    offset = 144 + int.from_bytes(plain[140:144], "little")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(plain[offset:]) + deflate.flush()
    meta = empty[132:offset]
    old_uid, new_uid = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    at = meta.index(old_uid) - 2
    meta = meta[:at] + len(new_uid).to_bytes(2, "little") + new_uid + meta[at + 2 + len(old_uid) :]
    grown = len(meta) - 12
    meta = meta[:8] + grown.to_bytes(4, "little") + meta[12:]
    return plain[:132] + meta + body + (b"\0" if len(body) % 2 else b"")


def test_compressed_and_compressed_otherwise_is_a_duplicate(tmp_path: Path) -> None:
    old = written(tmp_path, "old", make_part10(size=32, transfer_syntax_uid=RLELossless))
    new = written(tmp_path, "new", make_part10(size=32, transfer_syntax_uid=JPEG2000Lossless))
    assert compare(old, new) is Outcome.DUPLICATE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"SpecificCharacterSet": "ISO_IR 100"}, {"SpecificCharacterSet": "ISO_IR 192"}),
        ({"EchoTime": "11"}, {"EchoTime": "11.0"}),
        ({"AccessionNumber": "A1"}, {"AccessionNumber": "A1 "}),
        ({"PatientComments": ""}, {"PatientComments": None}),
        ({"NumberOfFrames": None}, {"NumberOfFrames": "1"}),
        ({"PatientName": "Müller^Jürgen"}, {"PatientName": "Müller^Jürgen^^"}),
    ],
    ids=["character set", "decimal", "padding", "empty", "one frame", "empty name components"],
)
def test_other_ways_to_say_the_same_are_duplicates(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any]
) -> None:
    old = written(tmp_path, "old", encode(rich_dataset(**one)))
    new = written(tmp_path, "new", encode(rich_dataset(**other)))
    assert difference(old, new) == Difference(Outcome.DUPLICATE)


@pytest.mark.parametrize(
    ("changes", "keywords"),
    [
        ({"PatientID": "P2"}, ("PatientID",)),
        ({"PatientName": "Roe^Jane", "PatientSex": None}, ("PatientName", "PatientSex")),
        ({"StudyInstanceUID": "1.2.3"}, ("StudyInstanceUID",)),
        ({"StudyDate": "20240103"}, ("StudyDate",)),
        ({"SeriesDescription": "T1 SAG"}, ("SeriesDescription",)),
        ({"EchoTime": "12"}, ("EchoTime",)),
        ({"PatientComments": " leading space"}, ("PatientComments",)),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless], ids=["same", "other"])
def test_other_attributes_are_a_correction(
    tmp_path: Path, changes: dict[str, Any], keywords: tuple[str, ...], syntax: str
) -> None:
    old = written(tmp_path, "old", make_part10())
    new = written(tmp_path, "new", make_part10(transfer_syntax_uid=syntax, **changes))
    assert difference(old, new) == Difference(Outcome.CORRECTION, keywords)


def test_a_changed_private_or_nested_attribute_is_a_correction(tmp_path: Path) -> None:
    changed = rich_dataset()
    changed[0x00111001].value = "other text"
    changed.RequestAttributesSequence[0].AnatomicRegionSequence[0].CodeMeaning = "Elf"
    old = written(tmp_path, "old", encode(rich_dataset()))
    new = written(tmp_path, "new", encode(changed, ImplicitVRLittleEndian))
    # The private sequence holds the same item, so it changed too.
    keywords = ("(0011,1001)", "(0011,1003)", "RequestAttributesSequence")
    assert difference(old, new) == Difference(Outcome.CORRECTION, keywords)


COMPRESSED = "Lossless JPEG compression, selection value 1, point transform 0"


def derivation() -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "121327", "DCM"
    item.CodeMeaning = "Full fidelity image"
    return Sequence([item])


@pytest.mark.parametrize(
    "notes",
    [
        {"DerivationDescription": COMPRESSED},
        {"DerivationCodeSequence": derivation()},
        {"LossyImageCompression": "00"},
        {"LossyImageCompression": "00", "LossyImageCompressionRatio": "1"},
        {"LossyImageCompressionMethod": "ISO_10918_1"},
        {"InstanceAvailability": "ONLINE", "RetrieveAETitle": "ARCHIVE"},
        {"RetrieveURL": "https://archive.example/1", "AvailableTransferSyntaxUID": RLELossless},
        {"StorageMediaFileSetID": "CD1", "StorageMediaFileSetUID": "1.2.3"},
        {"LengthToEnd": 4711},
        {"DataSetTrailingPadding": b"\0" * 64},
    ],
    ids="+".join,
)
def test_notes_on_encoding_and_whereabouts_are_duplicates(
    tmp_path: Path, notes: dict[str, Any]
) -> None:
    old = written(tmp_path, "old", make_part10())
    noted = make_dataset(**notes)
    for name, syntax in {"same": ExplicitVRLittleEndian, "other": JPEGLSLossless}.items():
        new = written(tmp_path, name, encode(noted, syntax))
        assert difference(old, new) == Difference(Outcome.DUPLICATE)
        assert difference(new, old) == Difference(Outcome.DUPLICATE)
    corrected = written(tmp_path, "corrected", make_part10(PatientID="P2", **notes))
    assert difference(old, corrected) == Difference(Outcome.CORRECTION, ("PatientID",))


def test_an_extended_offset_table_is_a_duplicate(tmp_path: Path) -> None:
    old = written(tmp_path, "old", make_part10(transfer_syntax_uid=RLELossless))
    dataset = dcmread(old)
    dataset.decompress(generate_instance_uid=False)
    dataset.compress(RLELossless, encapsulate_ext=True, generate_instance_uid=False)
    assert "ExtendedOffsetTable" in dataset
    dataset.save_as(tmp_path / "new")
    assert difference(old, tmp_path / "new") == Difference(Outcome.DUPLICATE)


def test_other_notes_on_the_compression_are_a_duplicate(tmp_path: Path) -> None:
    old = written(tmp_path, "old", make_part10(DerivationDescription="Reformatted"))
    twice = f"{COMPRESSED} [Reformatted]"  # how dcmcjpeg keeps an earlier one
    new = written(tmp_path, "new", make_part10(DerivationDescription=twice))
    assert difference(old, new) == Difference(Outcome.DUPLICATE)


@pytest.mark.parametrize(
    ("changes", "keywords"),
    [
        ({"LossyImageCompression": "01"}, ("LossyImageCompression",)),
        (
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": "9"},
            ("LossyImageCompression", "LossyImageCompressionRatio"),
        ),
        ({"ImageType": ["DERIVED", "PRIMARY", "M", "SE"]}, ("ImageType",)),
        ({"StationAETitle": "MR2"}, ("StationAETitle",)),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_a_loss_or_a_derivation_is_a_correction(
    tmp_path: Path, changes: dict[str, Any], keywords: tuple[str, ...]
) -> None:
    old = written(tmp_path, "old", make_part10())
    new = written(tmp_path, "new", make_part10(DerivationDescription=COMPRESSED, **changes))
    assert difference(old, new) == Difference(Outcome.CORRECTION, keywords)
    assert difference(new, old) == Difference(Outcome.CORRECTION, keywords)


DCMTK = {
    "lossless JPEG": ("dcmcjpeg", "+e1"),
    "RLE": ("dcmcrle",),
    "implicit": ("dcmconv", "+ti"),
    "padded": ("dcmconv", "+te", "+g", "+p", "512", "64"),
}


@pytest.mark.skipif(
    not all(shutil.which(command[0]) for command in DCMTK.values()),
    reason="needs DCMTK: dcmcjpeg, dcmcrle, dcmconv",
)
def test_what_dcmtk_makes_of_an_object_is_a_duplicate(tmp_path: Path) -> None:
    files = {"sent": written(tmp_path, "sent", make_part10(size=32))}
    for name, command in DCMTK.items():
        files[name] = tmp_path / name
        subprocess.run([*command, files["sent"], files[name]], check=True, timeout=30)
    for one, other in permutations(files, 2):
        found = difference(files[one], files[other])
        assert found == Difference(Outcome.DUPLICATE), f"{one}, then {other}"


def test_text_that_only_looks_alike_in_another_character_set_is_a_correction(
    tmp_path: Path,
) -> None:
    old = written(tmp_path, "old", make_part10(PatientName="Müller"))
    data = make_part10(PatientName="Müller").replace(b"ISO_IR 100", b"ISO_IR 101")
    new = written(tmp_path, "new", data.replace(b"M\xfcller", b"M\xe6ller"))
    assert difference(old, new) == Difference(Outcome.CORRECTION, ("PatientName",))


@pytest.mark.parametrize(
    "changes",
    [
        {"pixels": np.full((8, 8), 9)},
        {"ImagePositionPatient": ["-26", "-100", "120"]},
        {"ImageOrientationPatient": ["0", "1", "0", "0", "0", "1"]},
        {"PixelSpacing": ["0.5", "0.6"]},
        {"SliceThickness": "5"},
        {"SpacingBetweenSlices": None},
        {"FrameOfReferenceUID": "1.2.3"},
        {"BitsStored": 16, "HighBit": 15},
        {"RescaleSlope": "2"},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"SeriesInstanceUID": "1.2.3.4"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
        {"Rows": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_pixels_or_geometry_are_a_conflict(tmp_path: Path, changes: dict[str, Any]) -> None:
    old = written(tmp_path, "old", make_part10())
    new = written(tmp_path, "new", make_part10(**changes, PatientID="P2"))
    found = difference(old, new)
    assert found.outcome is Outcome.CONFLICT
    assert "PatientID" in found.keywords
    assert ("PixelData" if "pixels" in changes else next(iter(changes))) in found.keywords


def test_other_pixels_compressed_are_a_conflict(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 9)
    old = written(tmp_path, "old", make_part10())
    new = written(tmp_path, "new", make_part10(pixels=pixels, transfer_syntax_uid=RLELossless))
    assert difference(old, new) == Difference(Outcome.CONFLICT, ("PixelData",))


def colour(planar_configuration: int, **attributes: Any) -> Dataset:
    dataset = make_dataset(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=planar_configuration,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        **attributes,
    )
    by_pixel = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    by_plane = np.moveaxis(by_pixel, -1, 0)
    dataset.PixelData = (by_plane if planar_configuration else by_pixel).tobytes()
    return dataset


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
def test_colours_in_another_order_are_a_duplicate(tmp_path: Path, syntax: str) -> None:
    order = 0 if syntax == RLELossless else 1  # pydicom compresses only colours by pixel
    old = written(tmp_path, "old", encode(colour(0)))
    new = written(tmp_path, "new", encode(colour(order), syntax))
    assert difference(old, new) == Difference(Outcome.DUPLICATE)
    new = written(tmp_path, "corrected", encode(colour(order, PatientID="P2"), syntax))
    assert difference(old, new) == Difference(Outcome.CORRECTION, ("PatientID",))


def test_undecodable_pixels_are_equal_only_as_equal_bytes(tmp_path: Path) -> None:
    broken = make_part10(size=32, transfer_syntax_uid=JPEG2000Lossless).replace(
        b"\xff\x4f\xff\x51", b"\0" * 4
    )
    assert b"\xff\x4f\xff\x51" not in broken
    old = written(tmp_path, "old", broken)
    assert compare(old, written(tmp_path, "same", broken + b"")) is Outcome.DUPLICATE
    renamed = broken.replace(b"Doe^Jane", b"Roe^Jane")
    assert difference(old, written(tmp_path, "renamed", renamed)).keywords == ("PatientName",)
    assert compare(old, written(tmp_path, "whole", make_part10(size=32))) is Outcome.CONFLICT


def test_an_object_without_pixels_can_be_corrected(tmp_path: Path) -> None:
    def plain(**attributes: Any) -> bytes:
        dataset = make_dataset(**attributes)
        del dataset.PixelData
        return encode(dataset)

    old = written(tmp_path, "old", plain())
    assert compare(old, written(tmp_path, "new", plain(PatientID="P2"))) is Outcome.CORRECTION
    assert compare(old, written(tmp_path, "image", make_part10())) is Outcome.CONFLICT


def test_what_cannot_be_read_is_a_conflict(tmp_path: Path) -> None:
    old = written(tmp_path, "old", make_part10())
    for name, data in {"cut": make_part10()[:400], "other": b"no DICOM"}.items():
        assert compare(old, written(tmp_path, name, data)) is Outcome.CONFLICT
    assert compare(tmp_path / "gone", old) is Outcome.CONFLICT


def test_values_that_break_their_vr_are_compared_all_the_same(tmp_path: Path) -> None:
    data = make_part10(EchoTime="11")
    at = data.index(b"DS\x02\x0011")
    old = written(tmp_path, "old", data[:at] + b"DS\x02\x00xy" + data[at + 6 :])
    new = written(tmp_path, "new", data[:at] + b"DS\x02\x00xz" + data[at + 6 :])
    assert compare(old, old) is Outcome.DUPLICATE
    assert difference(old, new) == Difference(Outcome.CORRECTION, ("EchoTime",))
