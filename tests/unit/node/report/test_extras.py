"""What all extras have in common, read back from their bytes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from node.report import build as build_report
from node.report.extras import KINDS, build
from tests import report_extras as extras
from tests import report_series as made

PATIENT_NAME, CHARACTER_SET, STUDY_DATE = 0x00100010, 0x00080005, 0x00080020
CYRILLIC = "Иванов^Иван"
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_an_extra_is_an_object_of_its_own_in_a_series_of_its_own(kind):
    (one,) = extras.objects(kind)
    document = extras.document(kind)

    assert one.kind == kind
    assert document.SOPInstanceUID == one.sop_instance_uid
    assert document.SOPClassUID == one.sop_class_uid == document.file_meta.MediaStorageSOPClassUID
    assert document.StudyInstanceUID == one.study_instance_uid == made.STUDY
    assert document.SeriesInstanceUID == one.series_instance_uid != made.SERIES
    assert document.SeriesDescription.startswith("AI ")
    assert document.SeriesNumber > 9999
    assert document.Manufacturer == "Foramina"


def test_no_two_kinds_share_a_uid_or_a_series():
    (report,) = [made.read(build_report(made.prediction(), made.series(), made.context()).data)]
    documents = [report, *(extras.document(kind) for kind in KINDS)]

    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SOPClassUID"):
        assert len({document[keyword].value for document in documents}) == len(documents)


@every_kind
def test_equal_input_gives_equal_bytes(kind):
    assert [one.data for one in extras.objects(kind)] == [one.data for one in extras.objects(kind)]


@every_kind
def test_another_report_gives_another_object_in_the_same_series(kind):
    headers = made.series()
    before = extras.answer(headers=headers)
    (first,) = build(kind, before, headers, extras.scan(headers))
    (second,) = build(kind, replace(before, key="e" * 64), headers, extras.scan(headers))

    assert first.sop_instance_uid != second.sop_instance_uid
    assert first.series_instance_uid == second.series_instance_uid


@every_kind
def test_the_patient_is_the_sources_byte_for_byte(kind):
    headers = made.series(SpecificCharacterSet="ISO 2022 IR 144", PatientName=CYRILLIC)
    source = made.value_bytes(made.encoded(headers[0]))
    (one,) = extras.objects(kind, headers=headers)
    written = made.value_bytes(one.data)

    for tag in (PATIENT_NAME, CHARACTER_SET, STUDY_DATE):
        assert written[tag] == source[tag]


@every_kind
def test_dates_are_the_jobs_in_the_zone_of_the_object(kind):
    headers = made.series(TimezoneOffsetFromUTC="+0200")
    at = datetime(2025, 11, 23, 22, 30, tzinfo=UTC)
    answer = extras.answer(headers=headers, created_at=at)
    (one,) = build(kind, answer, headers, extras.scan(headers))
    document = made.read(one.data)

    assert document.InstanceCreationDate == "20251124"
    assert document.InstanceCreationTime == "003000.000000"
    assert document.TimezoneOffsetFromUTC == "+0200"


@every_kind
def test_nothing_located_makes_nothing(kind):
    assert extras.objects(kind, made.abstained("levels in doubt")) == []


@every_kind
def test_everything_says_what_it_is_not(kind):
    (one,) = extras.objects(kind)
    said = one.data.lower()

    assert b"research use" in said
    assert b"not verified" in said


def test_an_unknown_kind_is_refused():
    headers = made.series()

    with pytest.raises(ValueError, match="'pdf' is no kind of extra; expected one of gsps"):
        build("pdf", extras.answer(), headers, extras.scan(headers))


@pytest.mark.parametrize("kind", ["gsps", "secondary-capture"])
def test_pixels_of_other_images_are_refused(kind):
    headers = made.series()
    scan = extras.scan(headers)
    others = replace(scan, sop_instance_uids=scan.sop_instance_uids[::-1])

    with pytest.raises(ValueError, match="other images"):
        build(kind, extras.answer(), headers, others)


def test_a_foramen_has_the_same_tracking_uid_on_images_and_in_segments():
    (annotation, *_) = extras.document("gsps").GraphicAnnotationSequence
    segments = extras.document("seg").SegmentSequence
    tracked = {graphic.TrackingUID for graphic in annotation.GraphicObjectSequence}

    assert tracked
    assert tracked < {segment.TrackingUID for segment in segments}
