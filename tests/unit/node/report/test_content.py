"""The content tree of a report, read back from its bytes."""

import numpy as np
import pytest
from pydicom import Dataset

from model.labels import LABELS, spoken
from node.report import build
from node.report.elements import plain
from tests import report_series as made

TRACKING_ID, TRACKING_UID, FINDING, COMMENT = "112039", "112040", "121071", "121106"
CERTAINTY, REGION, SITE, LATERALITY = "111012", "111030", "363698007", "272741003"


def document(prediction=None, headers=None) -> Dataset:
    answer = prediction or made.prediction()
    return made.read(build(answer, headers or made.series(), made.context()).data)


def code(item: Dataset) -> tuple[str, str, str]:
    concept = item.ConceptCodeSequence[0]
    return concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning


def evaluations(report: Dataset) -> list[Dataset]:
    """List what is evaluated; what modifies the container names the algorithm."""
    items = made.child(report, "C0034375").ContentSequence
    return [item for item in items if item.RelationshipType == "CONTAINS"]


def texts(report: Dataset) -> str:
    return "\n".join(item.get("TextValue", "") for item in evaluations(report))


@pytest.fixture(scope="module")
def full() -> Dataset:
    return document()


def test_the_root_is_an_imaging_measurement_report_of_template_1500(full):
    assert made.name(full) == ("126000", "Imaging Measurement Report")
    assert full.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert [made.name(item)[0] for item in full.ContentSequence] == [
        "121049", "121005", "121012", "121013", "121014", "121015", "121058", "111028", "126010",
        "C0034375",
    ]  # fmt: skip


def test_the_observer_is_a_device_with_a_uid(full):
    assert code(made.child(full, "121005"))[0] == "121007"
    assert full.DeviceSerialNumber == made.child(full, "121012").UID


def test_every_foramen_has_two_groups_of_template_1410_the_one_for_images_first(full):
    groups = made.groups(full)
    regions = [made.child(group, REGION).ValueType for group in groups]

    assert {group.ContentTemplateSequence[0].TemplateIdentifier for group in groups} == {"1410"}
    assert regions == ["SCOORD", "SCOORD3D"] * len(LABELS)


def test_both_groups_of_a_foramen_share_one_tracking_uid(full):
    uids = [made.child(group, TRACKING_UID).UID for group in made.groups(full)]

    assert uids[0::2] == uids[1::2]
    assert len(set(uids)) == len(LABELS)


@pytest.mark.parametrize("index", range(len(LABELS)))
def test_the_group_for_images_is_what_ohif_draws_with_text(full, index):
    group = made.groups(full)[2 * index]
    name = spoken(LABELS[index])

    assert made.child(group, TRACKING_ID).TextValue == (
        f"Cornerstone3DTools@^0.1.0:ArrowAnnotate:{name}"
    )
    assert made.child(group, COMMENT).TextValue == name
    assert not [item for item in group.ContentSequence if item.ValueType == "NUM"]


@pytest.mark.parametrize("index", range(len(LABELS)))
def test_the_group_for_the_patient_carries_the_certainty_and_no_comment(full, index):
    group = made.groups(full)[2 * index + 1]
    measured = made.child(group, CERTAINTY).MeasuredValueSequence[0]

    assert made.child(group, TRACKING_ID).TextValue == spoken(LABELS[index])
    assert float(measured.NumericValue) == pytest.approx(90 + index)
    assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    assert not made.children(group, COMMENT)


@pytest.mark.parametrize("index", range(2 * len(LABELS)))
def test_finding_sites_say_the_foramen_the_level_and_the_side(full, index):
    group, label = made.groups(full)[index], LABELS[index // 2]
    local, standard = made.children(group, SITE)
    segment, side, _ = spoken(label).split()

    assert code(local)[1:] == ("99FORAMINA", f"{segment} {side} intervertebral foramen")
    assert code(standard)[1:] == ("SCT", f"Level of {segment} intervertebral disc")
    for site in (local, standard):
        assert code(made.child(site, LATERALITY))[2].lower() == side
    assert code(made.child(group, FINDING))[:2] == ("LNF", "99FORAMINA")


@pytest.mark.parametrize("index", range(2 * len(LABELS)))
def test_every_group_names_the_algorithm(full, index):
    group = made.groups(full)[index]

    assert made.child(group, "111001").TextValue == "phantom-1"
    assert made.child(group, "111003").TextValue == "1.2.0+0123456789ab"
    assert made.child(group, "122405").TextValue == "Foramina"
    assert code(made.child(group, "111000"))[0] == "123110"


@pytest.mark.parametrize("index", range(len(LABELS)))
def test_points_lie_on_their_image_with_half_a_pixel_for_the_first_centre(full, index):
    number, row, column = made.pixel(LABELS[index])
    region = made.child(made.groups(full)[2 * index], REGION)
    (source,) = region.ContentSequence

    assert region.GraphicType == "POINT"
    assert region.GraphicData == pytest.approx([column + 0.5, row + 0.5], abs=1e-5)
    assert source.RelationshipType == "SELECTED FROM"
    assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == f"{made.SERIES}.{number + 1}"
    assert "ReferencedFrameNumber" not in source.ReferencedSOPSequence[0]


@pytest.mark.parametrize("index", range(len(LABELS)))
def test_the_two_coordinates_of_a_foramen_agree(full, index):
    flat, deep = made.groups(full)[2 * index : 2 * index + 2]
    x, y = made.child(flat, REGION).GraphicData
    number = made.pixel(LABELS[index])[0]
    region = made.child(deep, REGION)

    distance_mm = np.linalg.norm(
        np.subtract(region.GraphicData, made.world(number, y - 0.5, x - 0.5))
    )

    assert distance_mm < 0.001
    assert region.ReferencedFrameOfReferenceUID == made.FRAME


def test_the_image_library_lists_every_image_of_the_series(full):
    library = made.child(full, "111028")
    listed = [
        entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for group in library.ContentSequence
        for entry in group.ContentSequence
        if entry.ValueType == "IMAGE"
    ]

    assert sorted(listed) == [f"{made.SERIES}.{index + 1}" for index in range(made.SLICES)]


def test_a_reader_is_told_what_the_result_is_not(full):
    said = texts(full)

    assert "research use" in said
    assert "Not a medical device" in said
    assert "Not verified" in said
    assert "lowest open foramen" in said
    assert "five lumbar vertebrae" in said
    assert "synthetic" in said


def test_everything_located_says_so(full):
    assert code(evaluations(full)[0])[2] == "All located"
    assert "not located" not in texts(full)


def test_a_missed_foramen_has_no_group_but_its_reason():
    report = document(made.with_marks(L2_right="no clear maximum", L5_left="outside the stack"))
    named = {made.child(group, TRACKING_ID).TextValue for group in made.groups(report)}

    assert len(made.groups(report)) == 16
    assert not {"L2/L3 right foramen", "L5/S1 left foramen"} & named
    assert code(evaluations(report)[0])[2] == "Located in part"
    assert [
        (made.name(item)[0], item.ValueType, item.get("TextValue") or code(item)[0])
        for item in evaluations(report)
        if made.name(item)[0].startswith(("L2", "L5"))
    ] == [
        ("L2L3-R", "CODE", "NOTLOCATED"),
        ("L2L3-R", "TEXT", "L2/L3 right foramen not located: no clear maximum"),
        ("L5S1-L", "CODE", "NOTLOCATED"),
        ("L5S1-L", "TEXT", "L5/S1 left foramen not located: outside the stack"),
    ]


def test_a_scan_abstained_from_has_evaluations_and_no_measurements():
    report = document(made.abstained("the lowest foramen is not in the images"))

    assert not made.children(report, "126010")
    assert code(evaluations(report)[0])[2] == "Abstained"
    assert "Abstained: the lowest foramen is not in the images" in texts(report)
    assert texts(report).count("not located: levels in doubt") == len(LABELS)
    assert "research use" in texts(report)


def test_without_any_point_the_outcome_is_not_called_abstained():
    missed = {label.replace("-", "_"): "no clear maximum" for label in LABELS}

    assert code(evaluations(document(made.with_marks(**missed)))[0])[2] == "None located"


def test_without_a_frame_of_reference_points_stand_on_the_images_only():
    report = document(headers=made.series(FrameOfReferenceUID=None))
    regions = [made.child(group, REGION).ValueType for group in made.groups(report)]

    assert regions == ["SCOORD"] * len(LABELS)
    assert "no valid Frame of Reference UID" in texts(report)


def test_without_slice_thickness_the_image_library_still_lists_the_images():
    library = made.child(document(headers=made.series(SliceThickness=None)), "111028")

    assert len(library.ContentSequence[0].ContentSequence) == made.SLICES


@pytest.mark.parametrize(
    ("text", "kept"), [("as it is", "as it is"), ("naïve", "na?ve"), (r"a\b~c", "a/b-c")]
)
def test_own_text_keeps_to_characters_that_every_character_set_has(text, kept):
    assert plain(text) == kept
