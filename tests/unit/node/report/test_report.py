"""The report as an object: its bytes, its identity, and what stands in its header."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from model.labels import LABELS
from model.landmark import Prediction
from node.errors import SeriesUnusableError
from node.identity import IMPLEMENTATION_CLASS_UID, MANUFACTURER
from node.report import FORMAT_VERSION, SERIES_DESCRIPTION, ReportContext, build
from storage.reports import NewReport
from tests import report_series as made

CHARACTER_SET, PATIENT_NAME, PATIENT_ID = 0x00080005, 0x00100010, 0x00100020
PLACE = "x" * 64
"""Stands in a file for bytes that pydicom would not write."""


def make(prediction=None, headers=None, **context: object) -> NewReport:
    """Build a report; the cheapest one, without points, unless a prediction is given."""
    return build(
        prediction or made.abstained("levels in doubt"),
        headers or made.series(),
        made.context(**context),
    )


@cache
def usual() -> NewReport:
    """Build the report that most tests look at, once."""
    return make()


def spliced(character_set: bytes | None, patient_name: bytes) -> list[Dataset]:
    """Make a series with exactly these bytes in its files."""
    headers = []
    for index in range(made.SLICES):
        image = made.image(index)
        del image.SpecificCharacterSet
        image.PatientName = PLACE
        data = made.encoded(image).replace(PLACE.encode(), patient_name.ljust(len(PLACE)))
        start = 144 + int.from_bytes(data[140:144], "little")
        element = b""
        if character_set is not None:
            length = len(character_set).to_bytes(2, "little")
            element = b"\x08\x00\x05\x00CS" + length + character_set
        headers.append(made.read(data[:start] + element + data[start:]))
    return headers


JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B"  # PS3.5 annex H.3.1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("character_set", "patient_name"),
    [
        (b"ISO_IR 100", "Müller^Jörg".encode("latin-1")),
        (b"ISO 2022 IR 100 ", "Müller^Jörg".encode("latin-1")),
        (b"ISO_IR_100", "Müller^Jörg".encode("latin-1")),
        (b"", "Müller^Jörg".encode("latin-1")),
        (None, "Müller^Jörg".encode("latin-1")),
        (b"\\ISO 2022 IR 87 ", JAPANESE),
        (b"ISO 2022 IR 6\\ISO 2022 IR 87", JAPANESE + b"\x1b$"),
        (b"ISO_IR 192", "Иванов^Пётр".encode()),
        (b"ISO_IR 192", b"\xff\xfe broken utf-8 \x80"),
        (b"GB18030 ", "王^小东".encode("gb18030")),
        (b"NO SUCH SET\\AT ALL", b"\x01\x02\x03 \\ \x1b"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3"),
    ],
)
def test_character_set_and_names_stand_in_the_report_byte_for_byte(character_set, patient_name):
    written = made.value_bytes(make(headers=spliced(character_set, patient_name)).data)

    assert written[PATIENT_NAME] == ("PN", patient_name.ljust(len(PLACE)))
    if character_set is None:
        assert CHARACTER_SET not in written
    else:
        padded = character_set + b" " * (len(character_set) % 2)
        assert written[CHARACTER_SET] == ("CS", padded)


@pytest.mark.parametrize(
    "transfer_syntax",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
def test_the_transfer_syntax_of_the_source_leaves_no_trace(transfer_syntax):
    attributes = {"PatientName": "Müller^Jörg", "PregnancyStatus": 4, "PatientComments": "é"}
    explicit = make(headers=made.series(ExplicitVRLittleEndian, **attributes))

    assert make(headers=made.series(transfer_syntax, **attributes)) == explicit


def test_equal_input_gives_equal_bytes():
    forward = make(made.prediction())

    assert make(made.prediction(), made.series()[::-1]) == forward


def test_other_bytes_for_equal_input_come_with_another_format_version():
    """Guard the UID: whoever changes what is written (or a library that writes) sees this."""
    digest = hashlib.sha256(make(made.prediction()).data).hexdigest()

    assert (FORMAT_VERSION, digest[:16]) == ("1", "3bc47c3efd3cdb99"), (
        "the bytes of a report changed: count FORMAT_VERSION up and note the digest here"
    )


@pytest.mark.parametrize(
    ("prediction", "attributes", "context"),
    [
        (made.abstained("levels in doubt", bundle="other"), {}, {}),
        (made.abstained("levels in doubt", bundle_version="2"), {}, {}),
        (made.abstained("levels in doubt", bundle_digest="f" * 64), {}, {}),
        (None, {"PatientName": "Doe^Janet"}, {}),
        (None, {"AccessionNumber": "A2"}, {}),
        (None, {}, {"content_digest": "e" * 64}),
        (None, {}, {"config_digest": "e" * 64}),
    ],
)
def test_whatever_a_report_depends_on_changes_its_uid(prediction, attributes, context):
    other = make(prediction, made.series(**attributes), **context)

    assert other.sop_instance_uid != usual().sop_instance_uid


@pytest.mark.parametrize(
    "context", [{"created_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"software_version": "9"}]
)
def test_what_says_only_how_a_report_was_made_leaves_its_uid(context):
    assert make(**context).sop_instance_uid == usual().sop_instance_uid


def test_reports_of_one_series_and_bundle_share_a_series():
    corrected = make(headers=made.series(PatientName="Doe^Janet"))
    other = make(made.abstained("levels in doubt", bundle_digest="f" * 64))

    assert corrected.series_instance_uid == usual().series_instance_uid
    assert other.series_instance_uid != usual().series_instance_uid
    assert usual().series_instance_uid != made.SERIES


def test_the_object_says_what_it_is():
    report = usual()
    document = made.read(report.data)

    assert report.data[128:132] == b"DICM"
    assert document.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert document.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert document.file_meta.MediaStorageSOPInstanceUID == report.sop_instance_uid
    assert document.SOPInstanceUID == report.sop_instance_uid
    assert document.SOPClassUID == report.sop_class_uid == "1.2.840.10008.5.1.4.1.1.88.34"
    assert document.SeriesInstanceUID == report.series_instance_uid
    assert (document.Modality, document.SeriesNumber) == ("SR", 9005)
    assert document.Manufacturer == MANUFACTURER
    assert document.SoftwareVersions == "0.1.0"
    assert SERIES_DESCRIPTION.startswith("AI")
    assert document.SeriesDescription == SERIES_DESCRIPTION
    assert document.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99FORAMINA"


def test_the_object_is_complete_preliminary_and_unverified():
    document = made.read(usual().data)

    assert document.CompletionFlag == "COMPLETE"
    assert document.PreliminaryFlag == "PRELIMINARY"
    assert document.VerificationFlag == "UNVERIFIED"
    assert "VerifyingObserverSequence" not in document


def test_it_stands_in_the_study_of_its_source():
    source, document = made.image(0), made.read(usual().data)

    for keyword in ("StudyInstanceUID", "StudyID", "AccessionNumber", "PatientID", "PatientName"):
        assert document[keyword].value == source[keyword].value


def test_evidence_lists_every_image_and_nothing_else():
    (study,) = made.read(usual().data).CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    listed = [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]

    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (made.STUDY, made.SERIES)
    assert sorted(listed) == [f"{made.SERIES}.{index + 1}" for index in range(made.SLICES)]


def test_times_are_those_of_the_job():
    document = made.read(usual().data)

    assert (document.ContentDate, document.ContentTime) == ("20251123", "223005.120000")
    assert document.InstanceCreationDate == "20251123"
    assert document.InstanceCreationTime == "223005.120000"
    assert "TimezoneOffsetFromUTC" not in document
    assert "ContributingEquipmentSequence" not in document


def test_times_are_written_in_the_zone_of_the_caller():
    zone = timezone(timedelta(hours=2))
    document = made.read(make(created_at=datetime(2025, 6, 1, 0, 30, tzinfo=zone)).data)

    assert (document.ContentDate, document.ContentTime) == ("20250601", "003000.000000")


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [
        ("+0900", "20251124", "073005.120000"),
        ("-0330", "20251123", "190005.120000"),
        ("nonsense", "20251123", "223005.120000"),
    ],
)
def test_times_follow_the_offset_that_the_source_declares(offset, date, time):
    document = made.read(make(headers=made.series(TimezoneOffsetFromUTC=offset)).data)

    assert document.TimezoneOffsetFromUTC == offset
    assert (document.ContentDate, document.ContentTime) == (date, time)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        ReportContext("c", "d", datetime(2025, 1, 1), "0")  # noqa: DTZ001


def test_missing_type_2_attributes_are_written_empty():
    missing = ("PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber")
    written = made.value_bytes(make(headers=made.series(**dict.fromkeys(missing))).data)

    assert written[PATIENT_ID] == ("LO", b"")
    assert written[0x00100030] == ("DA", b"")
    assert written[0x00100040] == ("CS", b"")
    assert written[0x00200010] == ("SH", b"")
    assert written[0x00080050] == ("SH", b"")
    assert written[0x0040A372] == ("SQ", b"")  # PerformedProcedureCodeSequence
    assert written[0x00081111] == ("SQ", b"")  # ReferencedPerformedProcedureStepSequence


@pytest.mark.filterwarnings("ignore")
def test_values_that_break_every_rule_are_carried_as_they_are():
    odd = {
        "PatientBirthDate": "born 1970",
        "PatientSex": "female\\?",
        "StudyDate": "yesterday",
        "StudyTime": "25:99",
        "PatientID": "a" * 80,
    }
    written = made.value_bytes(make(headers=made.series(**odd)).data)

    assert written[0x00100030][1] == b"born 1970 "
    assert written[0x00100040][1] == b"female\\?"
    assert written[0x00080020][1] == b"yesterday "
    assert written[0x00080030][1] == b"25:99 "
    assert written[PATIENT_ID][1] == b"a" * 80


@pytest.mark.parametrize(("number", "expected"), [(301, 9301), (4001, 9999), (None, 9999)])
def test_the_series_number_stands_behind_those_of_the_scanner(number, expected):
    assert made.read(make(headers=made.series(SeriesNumber=number)).data).SeriesNumber == expected


def test_the_prediction_kept_is_the_one_reported():
    report = make(made.prediction())
    kept = Prediction.from_json(report.prediction)

    assert report.located == len(kept.found) == len(LABELS)
    for mark in kept.landmarks:
        assert mark.point_mm == pytest.approx(made.world(*made.pixel(mark.label)), abs=1e-3)


def test_a_point_outside_the_images_is_not_located():
    report = make(made.with_marks(L1_left=made.world(1, -2, 5)))
    kept = Prediction.from_json(report.prediction)

    assert report.located == len(LABELS) - 1
    assert [(mark.label, mark.reason) for mark in kept.missed] == [
        ("L1-left", "the point found lies outside the images")
    ]
    assert len(made.groups(made.read(report.data))) == 2 * (len(LABELS) - 1)


def test_points_in_impossible_order_are_not_located_and_keep_their_reason():
    swapped = made.with_marks(
        L2_left=made.world(*made.pixel("L3-left")), L3_left=made.world(*made.pixel("L2-left"))
    )
    report = make(swapped)
    kept = Prediction.from_json(report.prediction)
    dropped = {mark.label for mark in kept.missed}
    said = [
        item.get("TextValue", "")
        for item in made.child(made.read(report.data), "C0034375").ContentSequence
    ]

    assert {"L2-left", "L3-left"} <= dropped
    assert "L2-right" not in dropped
    assert report.located == len(LABELS) - len(dropped)
    for mark in kept.missed:
        assert any(mark.reason in text for text in said)


def test_an_abstained_scan_locates_nothing():
    report = make(made.abstained("levels in doubt"))

    assert report.located == 0
    assert report.prediction["abstained"] == "levels in doubt"


def test_headers_without_geometry_make_no_report():
    with pytest.raises(SeriesUnusableError, match="ImagePositionPatient"):
        make(headers=made.series(ImagePositionPatient=None))
