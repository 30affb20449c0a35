"""The report as an object: its bytes, its identity, and what stands in its header."""

import hashlib
from dataclasses import replace
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
from node.errors import SeriesUnusableError
from node.identity import IMPLEMENTATION_CLASS_UID, MANUFACTURER
from node.report import (
    FORMAT_VERSION,
    SERIES_DESCRIPTION,
    ReportContext,
    Variant,
    build,
    rejection_note,
    report,
    withdrawal,
)
from storage.reports import NewObject
from tests import report_series as made

CHARACTER_SET, PATIENT_NAME, PATIENT_ID = 0x00080005, 0x00100010, 0x00100020
PLACE = "x" * 64
"""Stands in a file for bytes that pydicom would not write."""


def make(prediction=None, headers=None, **context: object) -> NewObject:
    """Build a report; the cheapest one, without points, unless a prediction is given."""
    return build(
        prediction or made.abstained("levels in doubt"),
        headers or made.series(),
        made.context(**context),
    )


@cache
def usual() -> NewObject:
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

    assert (FORMAT_VERSION, digest[:16]) == ("2", "e5fc3c76f8a75529"), (
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


def test_the_answer_has_its_points_on_the_images():
    settled = made.answer()

    assert [one.landmark.label for one in settled.located] == list(LABELS)
    for mark in settled.prediction.found:
        assert mark.point_mm == pytest.approx(made.world(*made.pixel(mark.label)), abs=1e-3)


def test_a_point_outside_the_images_is_not_located():
    settled = made.answer(made.with_marks(L1_left=made.world(1, -2, 5)))

    assert len(settled.located) == len(LABELS) - 1
    assert [(mark.label, mark.reason) for mark in settled.prediction.missed] == [
        ("L1-left", "the point found lies outside the images")
    ]
    assert len(made.groups(made.read(report(settled).data))) == 2 * (len(LABELS) - 1)


def test_points_in_impossible_order_are_not_located_and_keep_their_reason():
    swapped = made.with_marks(
        L2_left=made.world(*made.pixel("L3-left")), L3_left=made.world(*made.pixel("L2-left"))
    )
    settled = made.answer(swapped)
    dropped = {mark.label for mark in settled.prediction.missed}
    said = [
        item.get("TextValue", "")
        for item in made.child(made.read(report(settled).data), "C0034375").ContentSequence
    ]

    assert {"L2-left", "L3-left"} <= dropped
    assert "L2-right" not in dropped
    assert len(settled.located) == len(LABELS) - len(dropped)
    for mark in settled.prediction.missed:
        assert any(mark.reason in text for text in said)


def test_an_abstained_scan_locates_nothing():
    settled = made.answer(made.abstained("levels in doubt"))

    assert settled.located == ()
    assert settled.prediction.abstained == "levels in doubt"


@pytest.mark.parametrize(
    ("variant", "sop_class_uid", "per_foramen", "prefixed"),
    [
        (Variant(), "1.2.840.10008.5.1.4.1.1.88.34", 2, 10),
        (Variant(cornerstone_prefix=False), "1.2.840.10008.5.1.4.1.1.88.34", 2, 0),
        (Variant("comprehensive"), "1.2.840.10008.5.1.4.1.1.88.33", 1, 10),
        (Variant("comprehensive", cornerstone_prefix=False), "1.2.840.10008.5.1.4.1.1.88.33", 1, 0),
    ],
)
def test_a_form_has_its_class_groups_and_names(variant, sop_class_uid, per_foramen, prefixed):
    document = made.read(report(made.answer(), variant).data)
    groups = made.groups(document)
    names = [made.child(group, "112039").TextValue for group in groups]

    assert document.SOPClassUID == sop_class_uid
    assert len(groups) == per_foramen * len(LABELS)
    assert sum(name.startswith("Cornerstone3DTools@") for name in names) == prefixed
    deep = [group for group in groups if b"SCOORD3D" in bytes(str(group), "ascii", "replace")]
    assert len(deep) == len(groups) - len(LABELS)


def test_a_form_without_numbers_gives_the_certainties_in_words():
    document = made.read(report(made.answer(), Variant("comprehensive")).data)
    said = made.children(made.child(document, "C0034375"), "111012")

    assert [item.TextValue for item in said[:2]] == [
        "L1/L2 left foramen: 90.0 %",
        "L1/L2 right foramen: 91.0 %",
    ]
    assert len(said) == len(LABELS)
    assert (
        made.children(made.child(made.read(report(made.answer()).data), "C0034375"), "111012") == []
    )


def test_the_bundle_is_named_also_where_nothing_was_located():
    evaluations = made.child(made.read(usual().data), "C0034375")

    assert made.child(evaluations, "111001").TextValue == "phantom-1"
    assert made.child(evaluations, "111003").TextValue == "1.2.0+0123456789ab"


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        (made.prediction(), "ANSWERED"),
        (made.abstained("levels in doubt"), "UNCERTAIN"),
        (made.with_marks(**{name.replace("-", "_"): "hidden" for name in LABELS}), "NOTJUDGED"),
    ],
)
def test_the_confidence_in_the_levels_is_stated_for_the_scan(prediction, expected):
    evaluations = made.child(made.read(make(prediction).data), "C0034375")
    code, text = made.children(evaluations, "NUMBERING")

    assert code.ConceptCodeSequence[0].CodeValue == expected
    assert text.TextValue


def test_other_predecessors_make_another_object():
    first = made.answer()
    earlier = usual()
    second = first.following([earlier.sop_instance_uid])
    document = made.read(report(second, earlier=[earlier], instance_number=2).data)

    assert first.following([]) == first
    assert document.SOPInstanceUID != report(first).sop_instance_uid
    assert document.InstanceNumber == 2
    (study,) = document.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (named,) = series.ReferencedSOPSequence
    assert series.SeriesInstanceUID == earlier.series_instance_uid
    assert named.ReferencedSOPClassUID == earlier.sop_class_uid
    assert named.ReferencedSOPInstanceUID == earlier.sop_instance_uid


def test_a_withdrawal_needs_no_geometry_and_has_no_coordinates():
    headers = made.series(ImagePositionPatient=None, PixelSpacing=None, PatientName="Müller^Jörg")
    gone = withdrawal(headers, "axial", [usual()], made.context())
    document = made.read(gone.data)
    evaluations = made.child(document, "C0034375")
    said = " ".join(item.get("TextValue", "") for item in evaluations.ContentSequence)

    assert made.groups(document) == []
    assert gone.names == (usual().sop_instance_uid,)
    assert gone.kind == "withdrawal"
    assert "axial" in said
    assert "Not a medical device" in said
    assert document.SeriesDescription.startswith("AI")
    assert document.PatientName == "Müller^Jörg"
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert len(series.ReferencedSOPSequence) == made.SLICES
    assert withdrawal(headers, "axial", [usual()], made.context()) == gone


def test_a_withdrawal_without_images_is_refused():
    with pytest.raises(SeriesUnusableError, match="no withdrawal"):
        withdrawal(made.series(Rows=None), "axial", [usual()], made.context())


def test_a_rejection_note_names_what_it_rejects_in_its_study():
    elsewhere = replace(usual(), study_instance_uid="1.2.3", sop_instance_uid="2.25.7")
    note = rejection_note(made.series(), [usual(), elsewhere], made.context())
    assert note is not None
    document = made.read(note.data)

    assert made.code_of(document) == "113001"
    assert (document.Modality, document.SOPClassUID) == ("KO", "1.2.840.10008.5.1.4.1.1.88.59")
    assert note.names == (usual().sop_instance_uid,)
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == usual().series_instance_uid
    assert rejection_note(made.series(), [elsewhere], made.context()) is None


def test_headers_without_geometry_make_no_report():
    with pytest.raises(SeriesUnusableError, match="ImagePositionPatient"):
        make(headers=made.series(ImagePositionPatient=None))
