"""The selection of key images."""

from tests import report_extras as extras
from tests import report_series as made


def images(document):
    return [
        extras.reference(item.ReferencedSOPSequence[0])
        for item in document.ContentSequence
        if item.ValueType == "IMAGE"
    ]


def test_the_title_is_of_context_group_7010():
    (title,) = extras.document("key-objects").ConceptNameCodeSequence

    assert (title.CodeValue, title.CodingSchemeDesignator) == ("113000", "DCM")


def test_the_images_with_marks_are_named_each_once():
    assert sorted(images(extras.document("key-objects"))) == [
        (f"{made.SERIES}.2", None),
        (f"{made.SERIES}.4", None),
    ]


def test_an_image_whose_foramina_were_all_missed_is_not_named():
    missed = {f"L{number}_left": "no clear maximum" for number in range(1, 6)}
    left, right = made.pixel("L1-left")[0], made.pixel("L1-right")[0]
    document = extras.document("key-objects", made.with_marks(**missed))

    assert left != right
    assert images(document) == [(f"{made.SERIES}.{right + 1}", None)]


def test_evidence_is_what_is_named():
    document = extras.document("key-objects")
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence

    assert study.StudyInstanceUID == made.STUDY
    assert series.SeriesInstanceUID == made.SERIES
    assert sorted(map(extras.reference, series.ReferencedSOPSequence)) == sorted(images(document))


def test_frames_are_named_by_number_and_their_instance_once_as_evidence():
    document = extras.document("key-objects", headers=extras.multiframe())
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence

    assert [(uid, sorted(frames)) for uid, frames in images(document)] == [
        (extras.MULTIFRAME, [2, 4])
    ]
    assert [extras.reference(one) for one in series.ReferencedSOPSequence] == [
        (extras.MULTIFRAME, None)
    ]


def test_the_description_names_the_foramina_and_what_the_result_is_not():
    document = extras.document("key-objects", made.with_marks(L4_left="no clear maximum"))
    text = made.child(document, "113012").TextValue

    assert "L4/L5 right foramen" in text
    assert "L4/L5 left foramen" not in text
    assert "Not a medical device" in text
