"""What a report takes over from its series."""

import pytest
from pydicom.datadict import keyword_dict

from node.errors import SeriesUnusableError
from node.headers import images
from node.report.elements import tag_of
from node.report.header import CARRIED, TYPE_2, read_source
from node.report.points import read_stack
from tests import multiframe
from tests import report_series as made


def values(source) -> dict[int, bytes]:
    return {int(element.tag): element.value for element in source.elements}


def test_every_carried_attribute_is_one_of_the_standard_and_named_once():
    assert set(CARRIED) <= set(keyword_dict)
    assert len(CARRIED) == len(set(CARRIED))


def test_patient_study_and_patient_study_attributes_are_carried():
    headers = made.series(
        PatientAge="055Y",
        PatientWeight="71.25",
        PatientComments="is\r\nwell",
        StudyDescription="MR",
    )

    carried = values(read_source(headers))

    assert carried[0x00101010] == b"055Y"
    assert carried[0x00101030] == b"71.25 "
    assert carried[0x00104000] == b"is\r\nwell"
    assert carried[0x00081030] == b"MR"


def test_attributes_of_series_and_image_are_not_carried():
    carried = values(read_source(made.series(SeriesDescription="SAG T1")))

    assert 0x0008103E not in carried
    assert 0x0020000E not in carried
    assert 0x00080018 not in carried


@pytest.mark.parametrize("keyword", TYPE_2)
def test_a_missing_type_2_attribute_is_filled_empty(keyword):
    carried = values(read_source(made.series(**{keyword: None})))

    assert carried[int(tag_of(keyword))] == b""


def test_the_digest_changes_with_a_patient_attribute_and_with_nothing_else():
    digest = read_source(made.series()).digest

    assert read_source(made.series(SeriesDescription="other")).digest == digest
    assert read_source(made.series()[::-1]).digest == digest
    assert read_source(made.series(PatientName="Doe^Janet")).digest != digest


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_images_of_two_patients_or_studies_make_no_report(keyword):
    headers = made.series()
    headers[3:4] = made.series(**{keyword: "1.2.3"})[3:4]

    with pytest.raises(SeriesUnusableError, match=f"2 {keyword} values"):
        read_source(headers)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_a_series_without_its_uids_makes_no_report(keyword):
    with pytest.raises(SeriesUnusableError, match=f"{keyword} is ''; expected a UID"):
        read_source(made.series(**{keyword: None}))


def test_no_image_makes_no_report():
    with pytest.raises(SeriesUnusableError, match="no image"):
        read_source([])


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("value", [None, "", "no.uid", "1.2.03"])
def test_a_frame_of_reference_that_is_no_uid_counts_as_none(value):
    assert read_source(made.series(FrameOfReferenceUID=value)).frame_of_reference_uid is None


def test_images_of_two_frames_of_reference_make_no_report():
    headers = made.series()
    headers[0:1] = made.series(FrameOfReferenceUID="1.2.3")[0:1]

    with pytest.raises(SeriesUnusableError, match="2 FrameOfReferenceUID values"):
        read_source(headers)


@pytest.mark.parametrize(("value", "number"), [(5, 5), (None, None), ("", None)])
def test_the_series_number_is_a_number_or_none(value, number):
    assert read_source(made.series(SeriesNumber=value)).series_number == number


PLACE = "x" * 48
NAMES = [
    (b"ISO_IR 144", "Иванов^Пётр".encode("iso8859-5")),
    (b"ISO 2022 IR 144 ", b"Petr=\x1b-L" + "Пётр".encode("iso8859-5")),
    (b"ISO_IR 127", "قباني^لنزار".encode("iso8859-6")),
    (b"\\ISO 2022 IR 127", b"Qabani=\x1b-G" + "قباني".encode("iso8859-6")),
    (b"\\ISO 2022 IR 87 ", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
    (b"ISO_IR 13 ", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J"),
    (b"ISO_IR 192", "山田^太郎=Иванов=قباني".encode()),
    (b"ISO_IR_127", "قباني".encode("iso8859-6")),  # misspelt
    (b"127 ", b"\xe2\xc8\x00 \x1b\x1b"),
    (b"", "Пётр".encode("iso8859-5")),
]


def with_bytes(image, character_set: bytes, name: bytes):
    """Read an object from a file that has exactly these bytes."""
    image.SpecificCharacterSet, image.PatientName = "ISO_IR 999", PLACE
    data = made.encoded(image)
    image_set = b"\x08\x00\x05\x00CS" + (10).to_bytes(2, "little") + b"ISO_IR 999"
    own_set = b"\x08\x00\x05\x00CS" + len(character_set).to_bytes(2, "little") + character_set
    assert image_set in data
    return made.read(
        data.replace(image_set, own_set).replace(PLACE.encode(), name.ljust(len(PLACE)))
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("character_set", "name"), NAMES)
@pytest.mark.parametrize("multi", [False, True], ids=["classic", "frames"])
def test_names_of_every_script_are_carried_byte_for_byte(multi, character_set, name):
    classic = [made.image(index) for index in range(made.SLICES)]
    objects = [multiframe.enhanced(classic)] if multi else classic
    headers = [header for one in objects for header in images(with_bytes(one, character_set, name))]
    assert len(headers) == made.SLICES

    read_stack(headers)
    carried = values(read_source(headers))

    assert carried[0x00100010] == name.ljust(len(PLACE))
    assert carried[0x00080005] == character_set
