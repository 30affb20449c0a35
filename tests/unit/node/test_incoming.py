"""Reading the identity of received instances, leniently, and making their files."""

import zlib
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    generate_uid,
)

from node import incoming, status
from node.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.instances import Incoming
from storage.tables import Instance, Series
from tests import objects


def read(data_set: bytes, sop_instance_uid: str, syntax: UID = ExplicitVRLittleEndian) -> Incoming:
    return incoming.read(
        data_set,
        sop_class_uid=MRImageStorage,
        sop_instance_uid=sop_instance_uid,
        transfer_syntax_uid=syntax,
        calling_ae_title="SCANNER",
        calling_host="127.0.0.1",
    )


def read_image(image: Dataset) -> Incoming:
    return read(objects.encoded(image), image.SOPInstanceUID)


def refusal(data_set: bytes, sop_instance_uid: str, syntax: UID = ExplicitVRLittleEndian) -> str:
    """Give status code and sentence of an expected refusal."""
    with pytest.raises(status.InstanceRefusedError) as caught:
        read(data_set, sop_instance_uid, syntax)
    return f"{caught.value.status.code:04X} {caught.value}"


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless]
)
def test_identity_is_read_in_every_encoding(syntax: UID) -> None:
    image = objects.image(
        AccessionNumber="A-7", InstanceNumber=12, SeriesDescription="T1 sag", PatientID="P-1"
    )
    data_set = objects.encoded(image, syntax)
    found = read(data_set, image.SOPInstanceUID, syntax)
    assert found.sop_class_uid == MRImageStorage
    assert found.sop_instance_uid == image.SOPInstanceUID
    assert found.study_instance_uid == image.StudyInstanceUID
    assert found.series_instance_uid == image.SeriesInstanceUID
    assert found.transfer_syntax_uid == syntax
    assert (found.patient_id, found.accession_number, found.modality) == ("P-1", "A-7", "MR")
    assert (found.series_description, found.instance_number) == ("T1 sag", 12)
    assert (found.calling_ae_title, found.calling_host) == ("SCANNER", "127.0.0.1")
    assert found.part10[found.data_offset :] == data_set


def test_a_deflated_data_set_is_inflated_for_reading_only() -> None:
    image = objects.image()
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data_set = squeeze.compress(objects.encoded(image)) + squeeze.flush()
    found = read(data_set, image.SOPInstanceUID, DeflatedExplicitVRLittleEndian)
    assert found.series_instance_uid == image.SeriesInstanceUID
    assert found.part10[found.data_offset :] == data_set


def test_a_deflated_data_set_that_is_none_is_not_understood() -> None:
    uid = generate_uid()
    assert refusal(b"\xff" * 100, uid, DeflatedExplicitVRLittleEndian).startswith("C000 ")


def test_file_meta_information_is_of_this_node() -> None:
    image = objects.image()
    found = read_image(image)
    file = dcmread(BytesIO(found.part10))
    assert file.file_meta.MediaStorageSOPClassUID == MRImageStorage
    assert file.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID
    assert file.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert file.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert file.file_meta.SourceApplicationEntityTitle == "SCANNER"
    assert file == image


def test_reading_ends_before_what_follows_the_identity() -> None:
    image = objects.image()
    data_set = objects.encoded(image)
    cut = data_set[: data_set.index(b"\x28\x00\x02\x00US")]
    assert (
        read(cut + b"\x28\x00\x02\x00no data set any more", image.SOPInstanceUID).modality == "MR"
    )


@pytest.mark.parametrize(
    ("character_set", "value", "expected"),
    [
        ("ISO_IR 100", b"M\xfcller", "Müller"),
        ("ISO_IR 192", "Müller".encode(), "Müller"),
        ("ISO_IR 192", b"M\xfcller", "M\ufffdller"),  # not UTF-8, whatever it claims
        ("ISO 2022 IR 100", b"M\xfcller", "Müller"),
        ("", b"M\xfcller", "Müller"),
        ("\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田"),
        ("NO SUCH SET", b"M\xfcller", "Müller"),
        ("undefined", b"Miller", "Miller"),  # a Python codec that refuses everything
        ("rot13", b"Miller", "Miller"),  # a Python codec that is none for text
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_character_sets_never_cost_an_image(
    character_set: str, value: bytes, expected: str
) -> None:
    image = objects.image(SpecificCharacterSet="XXXX", PatientID="YYYY")
    padded = value + b" " * (len(value) % 2)
    name = character_set.encode() + b" " * (len(character_set) % 2)
    data_set = objects.encoded(image)
    for old, new in ((b"CS\x04\x00XXXX", name), (b"LO\x04\x00YYYY", padded)):
        data_set = data_set.replace(old, old[:2] + len(new).to_bytes(2, "little") + new)
    assert read(data_set, image.SOPInstanceUID).patient_id == expected


def test_values_fit_their_columns_and_hold_no_nul() -> None:
    image = objects.image()
    data_set = objects.encoded(image).replace(
        b"LO\x06\x00TEST-1", b"LO" + (400).to_bytes(2, "little") + b"A\0B" + b"x" * 397
    )
    found = read(data_set, image.SOPInstanceUID)
    assert found.patient_id == "AB" + "x" * 253


@pytest.mark.parametrize(
    ("raw", "number"),
    [(b"12", 12), (b" 7", 7), (b"-1", -1), (b"x1", None), (b"", None), (b"99999999999 ", None)],
)
def test_instance_number_is_a_number_or_none(raw: bytes, number: int | None) -> None:
    image = objects.image(InstanceNumber=5)
    data_set = objects.encoded(image).replace(
        b"IS\x02\x005 ", b"IS" + len(raw).to_bytes(2, "little") + raw
    )
    assert read(data_set, image.SOPInstanceUID).instance_number == number


def test_missing_descriptive_attributes_are_empty() -> None:
    image = objects.image(PatientID=None, Modality=None, SeriesDescription=None)
    found = read_image(image)
    assert (found.patient_id, found.modality, found.series_description) == ("", "", "")


@pytest.mark.parametrize(
    "keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
)
def test_a_missing_uid_is_not_understood(keyword: str) -> None:
    image = objects.image()
    uid = image.SOPInstanceUID
    delattr(image, keyword)
    assert refusal(objects.encoded(image), uid) == f"C000 {keyword} is missing or empty"


def test_a_uid_in_the_place_of_which_stands_a_sequence_is_missing() -> None:
    image = objects.image()
    undefined_length = b"\x20\x00\x0d\x00SQ\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0"
    data_set = objects.encoded(image)
    start = data_set.index(b"\x20\x00\x0d\x00UI")
    end = data_set.index(b"\x20\x00\x0e\x00UI")
    data_set = data_set[:start] + undefined_length + data_set[end:]
    expected = "C000 StudyInstanceUID is missing or empty"
    assert refusal(data_set, image.SOPInstanceUID) == expected


@pytest.mark.parametrize("uid", ["../../etc", "1.2.3/..", "1..2", "1." * 40 + "1", ".", ""])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_malformed_uids_never_pass(uid: str) -> None:
    image = objects.image()
    assert refusal(objects.encoded(image), uid) == (
        "0117 Affected SOP Instance UID is no valid UID"
    )
    image.SeriesInstanceUID = uid
    assert refusal(objects.encoded(image), image.SOPInstanceUID).startswith(
        "C000 SeriesInstanceUID is "
    )


def test_another_object_than_announced_is_a_mismatch() -> None:
    image = objects.image()
    assert refusal(objects.encoded(image), generate_uid()) == (
        "A900 SOPInstanceUID is not that of the command"
    )
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    assert refusal(objects.encoded(image), image.SOPInstanceUID) == (
        "A900 SOPClassUID is not that of the command"
    )


@pytest.mark.parametrize(
    "data_set",
    [
        b"",
        b"\0",
        b"not a data set at all, just some text",
        bytes(range(256)) * 4,
        b"\x08\x00\x18\x00UI\xff\xff1.2",
        b"\x08\x00\x05\x00SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 4000,
        b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 4000,
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bytes_that_are_no_data_set_are_not_understood(data_set: bytes) -> None:
    assert refusal(data_set, generate_uid()).startswith("C000 ")
    assert refusal(data_set, generate_uid(), ImplicitVRLittleEndian).startswith("C000 ")


def test_texts_are_cut_to_the_columns_that_they_are_filed_in() -> None:
    for table, column, length in (
        (Series, "patient_id", incoming._PATIENT_ID_LENGTH),
        (Series, "accession_number", incoming._ACCESSION_NUMBER_LENGTH),
        (Series, "modality", incoming._MODALITY_LENGTH),
        (Series, "series_description", incoming._SERIES_DESCRIPTION_LENGTH),
        (Instance, "calling_ae_title", incoming._CALLING_AE_TITLE_LENGTH),
        (Instance, "calling_host", incoming._CALLING_HOST_LENGTH),
    ):
        assert getattr(table, column).type.length == length


@pytest.mark.parametrize("uid", ["1.2.3", "1.2.34", "1"])
@pytest.mark.parametrize("title", ["", "SCANNER", "MR1 "])
def test_what_precedes_a_data_set_is_what_pydicom_writes(uid: str, title: str) -> None:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    if title.strip():
        meta.SourceApplicationEntityTitle = title.strip()
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    expected = bytes(128) + b"DICM" + buffer.getvalue()
    assert incoming.prefix(MRImageStorage, uid, ExplicitVRLittleEndian, title) == expected
