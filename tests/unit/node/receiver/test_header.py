"""The quick reading of an identity understands nothing otherwise than pydicom does."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from node import incoming
from node.receiver import header
from node.status import InstanceRefusedError
from tests import objects

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def scanned(data_set: bytes, syntax: UID) -> dict[int, bytes] | None:
    found = header.scan(
        data_set, incoming._TAG_SET, incoming._LAST_TAG, implicit=syntax.is_implicit_VR
    )
    return None if found is None else dict(found)


def parsed(data_set: bytes, syntax: UID) -> dict[int, bytes] | None:
    """Read by pydicom; None: it refuses."""
    try:
        found = incoming._parsed(data_set, syntax)
    except InstanceRefusedError:
        return None
    return {tag: value for tag, value in found.items() if value}


def nested(depth: int, *, undefined: bool) -> Dataset:
    """Make an image with sequences, as real ones have before what identifies them."""
    image = objects.image(  # of the same bytes each time
        SOPInstanceUID="1.2.3", StudyInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3.45"
    )
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    item.ReferencedSOPInstanceUID = "1.2.3.4"
    for _ in range(depth):
        outer = Dataset()
        outer.RequestAttributesSequence = Sequence([copy.deepcopy(item)])
        outer.CodeMeaning = "x"
        item = outer
    image.ReferencedImageSequence = Sequence([item, copy.deepcopy(item), Dataset()])
    block = image.private_block(0x0009, "SOMEBODY", create=True)
    block.add_new(1, "OB", bytes(range(256)))
    block.add_new(2, "SQ", Sequence([copy.deepcopy(item)]))
    _set_lengths(image, undefined)
    return image


def _set_lengths(data_set: Dataset, undefined: bool) -> None:
    for element in data_set:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
                _set_lengths(item, undefined)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_plain_data_set_is_read_without_pydicom(syntax: UID, undefined: bool, depth: int) -> None:
    data_set = objects.encoded(nested(depth, undefined=undefined), syntax)
    found = scanned(data_set, syntax)
    assert found is not None
    assert found == parsed(data_set, syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_sequences_deeper_than_anything_real_are_left_to_pydicom(syntax: UID) -> None:
    assert scanned(objects.encoded(nested(12, undefined=True), syntax), syntax) is None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_beginning_suffices_when_it_holds_the_identity(syntax: UID) -> None:
    image = objects.image()
    data_set = objects.encoded(image, syntax)
    after = objects.encoded(Dataset(), syntax)
    assert after == b""
    cut = data_set.index(b"\x28\x00\x02\x00")
    assert scanned(data_set[: cut + 12], syntax) == parsed(data_set, syntax)
    assert scanned(data_set[: cut - 3], syntax) is None


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_data_set_in_the_other_encoding_is_left_to_pydicom(syntax: UID) -> None:
    [other] = [each for each in SYNTAXES if each != syntax]
    assert scanned(objects.encoded(objects.image(), other), syntax) is None


@pytest.mark.parametrize("name", ["ISO_IR 999", "iso-ir-100", "rot13", "ISO_IR 100\0"])
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_character_set_that_is_no_defined_term_is_left_to_pydicom(name: str) -> None:
    data_set = objects.encoded(objects.image()).replace(
        b"CS\x0a\x00ISO_IR 100", b"CS" + len(name).to_bytes(2, "little") + name.encode()
    )
    assert scanned(data_set, ExplicitVRLittleEndian) is None


def test_a_character_set_of_another_vr_is_left_to_pydicom() -> None:
    data_set = objects.encoded(objects.image()).replace(b"CS\x0a\x00ISO_IR", b"SS\x0a\x00ISO_IR")
    assert scanned(data_set, ExplicitVRLittleEndian) is None


@given(data=st.data())
@settings(max_examples=400, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_whatever_is_read_quickly_pydicom_reads_alike(data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from(SYNTAXES))
    image = nested(data.draw(st.integers(0, 2)), undefined=data.draw(st.booleans()))
    data_set = bytearray(objects.encoded(image, syntax))
    end = data_set.index(b"\x28\x00\x02\x00")
    for _ in range(data.draw(st.integers(1, 4))):  # what damages a data set
        at = data.draw(st.integers(0, end))
        match data.draw(st.sampled_from(("change", "remove", "insert"))):
            case "change":
                data_set[at] = data.draw(st.integers(0, 255))
            case "remove":
                del data_set[at : at + data.draw(st.integers(1, 12))]
            case "insert":
                data_set[at:at] = data.draw(st.binary(min_size=1, max_size=12))
    found = scanned(bytes(data_set), syntax)
    if found is not None:
        assert {tag: value for tag, value in found.items() if value} == parsed(
            bytes(data_set), syntax
        )


@given(st.binary(max_size=300), st.sampled_from(SYNTAXES))
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_any_bytes_read_quickly_are_read_alike(data_set: bytes, syntax: UID) -> None:
    found = scanned(data_set, syntax)
    if found is not None:
        assert {tag: value for tag, value in found.items() if value} == parsed(data_set, syntax)
