"""Elements carried over as bytes, from every encoding that a source can have."""

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from node.report.elements import carried, encodings_of, filled, numbers, tag_of, text, written
from tests import report_series as made

ENCODINGS = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def header(transfer_syntax: str = ExplicitVRLittleEndian, **values: object) -> Dataset:
    image = made.image(0)
    for keyword, value in values.items():
        setattr(image, keyword, value)
    return made.read(made.encoded(image, transfer_syntax))


def carry(source: Dataset, keyword: str) -> RawDataElement:
    element = carried(source, tag_of(keyword), encodings_of(source))
    if element is None:
        raise LookupError(keyword)
    return element


@pytest.mark.parametrize("transfer_syntax", ENCODINGS)
def test_text_has_the_same_bytes_whatever_the_transfer_syntax(transfer_syntax):
    element = carry(header(transfer_syntax, PatientName="Müller^Jörg"), "PatientName")

    assert element.VR == "PN"
    assert element.value == "Müller^Jörg ".encode("latin-1")


@pytest.mark.parametrize("transfer_syntax", ENCODINGS)
def test_binary_numbers_are_turned_to_little_endian(transfer_syntax):
    source = header(transfer_syntax, PregnancyStatus=4, LongitudinalTemporalOffsetFromEvent=1.5)

    assert carry(source, "PregnancyStatus").value == b"\x04\x00"
    assert carry(source, "LongitudinalTemporalOffsetFromEvent").value == (
        b"\0\0\0\0\0\0\xf8\x3f"  # 1.5
    )


@pytest.mark.parametrize("transfer_syntax", ENCODINGS)
@pytest.mark.parametrize("undefined_length", [False, True])
def test_items_of_sequences_are_carried_element_by_element(transfer_syntax, undefined_length):
    item, code = Dataset(), Dataset()
    code.CodeValue, code.CodeMeaning = "M1", "Größe"
    item.PatientID = "P2"
    item.IssuerOfPatientIDQualifiersSequence = [code]
    item.add_new(0x00091001, "LO", "private")
    image = made.image(0)
    image.OtherPatientIDsSequence = Sequence([item])
    image["OtherPatientIDsSequence"].is_undefined_length = undefined_length
    source = made.read(made.encoded(image, transfer_syntax))

    items = made.first_item(carry(source, "OtherPatientIDsSequence").value)
    inner = made.first_item(items[0x00100024][1])

    assert set(items) == {0x00100020, 0x00100024}
    assert items[0x00100020] == ("LO", b"P2")
    assert inner[0x00080100] == ("SH", b"M1")
    assert inner[0x00080104] == ("LO", "Größe ".encode("latin-1"))


def test_carrying_leaves_the_header_as_it_was():
    source = header(PatientName="Müller")
    before = dict(source._dict)

    carry(source, "PatientName")
    text(source, "PatientID")
    numbers(source, "PixelSpacing")

    assert source._dict == before


def test_an_element_decoded_before_is_encoded_in_its_character_set():
    source = header(PatientName="Müller")
    assert str(source.PatientName) == "Müller"  # its bytes are gone now

    assert carry(source, "PatientName").value == "Müller".encode("latin-1")


def test_odd_values_are_padded_as_their_vr_demands():
    source = Dataset()
    for keyword, vr, value in (("PatientID", "LO", b"odd"), ("StudyInstanceUID", "UI", b"1.2.3")):
        tag = tag_of(keyword)
        source._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)

    assert carry(source, "PatientID").value == b"odd "
    assert carry(source, "StudyInstanceUID").value == b"1.2.3\0"


def test_a_wrong_vr_in_the_source_is_put_right():
    source, tag = Dataset(), tag_of("PatientID")
    source._dict[tag] = RawDataElement(tag, "UN", 4, b"\x80ab ", 0, False, True)

    assert carry(source, "PatientID")[:4] == (tag, "LO", 4, b"\x80ab ")


def test_a_sequence_that_is_none_is_left_out():
    source, tag = Dataset(), tag_of("ReferencedStudySequence")
    source._dict[tag] = RawDataElement(tag, "LO", 4, b"text", 0, False, True)

    assert carried(source, tag, []) is None


def test_what_the_header_does_not_have_is_not_carried():
    assert carried(header(), tag_of("PatientComments"), []) is None


def test_an_empty_element_stays_empty():
    assert carry(header(PatientID=""), "PatientID").value == b""


@pytest.mark.parametrize("transfer_syntax", ENCODINGS)
def test_values_are_read_without_decoding(transfer_syntax):
    source = header(transfer_syntax)

    assert text(source, "SOPInstanceUID") == f"{made.SERIES}.1"
    assert text(source, "Rows") == str(made.ROWS)
    assert text(source, "PatientComments") == ""
    assert numbers(source, "Rows") == (made.ROWS,)
    assert numbers(source, "PixelSpacing") == (made.BETWEEN_ROWS_MM, made.BETWEEN_COLUMNS_MM)


def test_values_of_a_data_set_in_memory_are_read_too():
    source = made.image(2)

    assert text(source, "SeriesNumber") == "5"
    assert numbers(source, "PixelSpacing") == (made.BETWEEN_ROWS_MM, made.BETWEEN_COLUMNS_MM)


@pytest.mark.parametrize("raw", [b"", b"abc ", b"1\\x ", b"1\\\\2"])
def test_numbers_that_are_none_are_told_apart(raw):
    source, tag = Dataset(), Tag(0x0028, 0x0030)
    source._dict[tag] = RawDataElement(tag, "DS", len(raw), raw, 0, False, True)

    assert numbers(source, "PixelSpacing") is None


def test_elements_are_written_in_the_order_of_their_tags():
    data = written([filled("StudyID"), filled("PatientID"), filled("AccessionNumber")])

    assert data == (
        b"\x08\x00\x50\x00SH\x00\x00\x10\x00\x20\x00LO\x00\x00\x20\x00\x10\x00SH\x00\x00"
    )


def test_a_word_that_is_no_keyword_is_refused():
    with pytest.raises(ValueError, match="'PatientShoe' is no keyword"):
        tag_of("PatientShoe")
