"""The rules of `tests.sr_rules` are no rubber stamp: each refuses the fault it is there for."""

from collections.abc import Callable

import pytest
from pydicom import Dataset

from node.report import build
from tests import report_series as made
from tests.sr_reading import ALL_LABELS
from tests.sr_rules import RULES, broken

PARTLY = made.with_marks(L1_left="no clear maximum", L4_right="no clear maximum")

Change = Callable[[Dataset], object]


def items(document: Dataset, value: str) -> list[Dataset]:
    """List the content items with a concept name, in the order of the document."""
    return [
        *(child for child in document.get("ContentSequence", []) if made.name(child)[0] == value),
        *(
            found
            for child in document.get("ContentSequence", [])
            if "ContentSequence" in child
            for found in items(child, value)
        ),
    ]


def point(document: Dataset, value_type: str, number: int = 0) -> Dataset:
    """Give the coordinates of a group; both types share the concept Image Region."""
    found = [one for one in items(document, "111030") if one.ValueType == value_type]
    return found[number]


def drop(document: Dataset, value: str, number: int = 0) -> None:
    """Take an item out of the group that holds it."""
    group = [one for one in made.groups(document) if made.children(one, value)][number]
    kept = [child for child in group.ContentSequence if made.name(child)[0] != value]
    group.ContentSequence = kept


def set_to(item: Dataset, keyword: str, value: object) -> None:
    setattr(item, keyword, value)


def moved(item: Dataset, index: int, by: float) -> None:
    data = list(item.GraphicData)
    data[index] += by
    item.GraphicData = data


def swap_groups(document: Dataset) -> None:
    (container,) = made.children(document, "126010")
    first, second, *others = container.ContentSequence
    container.ContentSequence = [second, first, *others]


def site_code(document: Dataset) -> Dataset:
    """Give the standard level code of the first group."""
    code: Dataset = made.children(made.groups(document)[0], "363698007")[1].ConceptCodeSequence[0]
    return code


def put_number_beside_flat(document: Dataset) -> None:
    flat, deep, *_ = made.groups(document)
    flat.ContentSequence = [*flat.ContentSequence, *made.children(deep, "111012")]


def put_deep_beside_flat(document: Dataset) -> None:
    flat, deep, *_ = made.groups(document)
    flat.ContentSequence = [*flat.ContentSequence, point(deep, "SCOORD3D")]


def evaluations(document: Dataset) -> Dataset:
    return made.child(document, "C0034375")


def without_statements(document: Dataset) -> None:
    held = evaluations(document)
    held.ContentSequence = [one for one in held.ContentSequence if made.name(one)[0] != "121106"]


def reference(document: Dataset) -> Dataset:
    found: Dataset = point(document, "SCOORD").ContentSequence[0].ReferencedSOPSequence[0]
    return found


def listed(document: Dataset) -> list[Dataset]:
    study = document.CurrentRequestedProcedureEvidenceSequence[0]
    found: list[Dataset] = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
    return found


ENHANCED_SR, COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33"
FAULTS: dict[str, tuple[str, Change]] = {
    "another SOP class": ("sop_class", lambda d: set_to(d, "SOPClassUID", ENHANCED_SR)),
    "SCOORD3D in .33": ("sop_class", lambda d: set_to(d, "SOPClassUID", COMPREHENSIVE_SR)),
    "another patient": ("copied", lambda d: set_to(d, "PatientID", "P2")),
    "another study date": ("copied", lambda d: set_to(d, "StudyDate", "20250315")),
    "a time zone of its own": ("copied", lambda d: set_to(d, "TimezoneOffsetFromUTC", "+0100")),
    "in the series": ("own_series", lambda d: set_to(d, "SeriesInstanceUID", made.SERIES)),
    "verified": ("flags", lambda d: set_to(d, "VerificationFlag", "VERIFIED")),
    "partial": ("flags", lambda d: set_to(d, "CompletionFlag", "PARTIAL")),
    "another title": (
        "title", lambda d: set_to(d.ConceptNameCodeSequence[0], "CodeValue", "126001")
    ),
    "an image not listed": ("evidence", lambda d: listed(d).pop()),
    "an image of another series": (
        "evidence", lambda d: set_to(listed(d)[0], "ReferencedSOPInstanceUID", "1.2.3")
    ),
    "a reference elsewhere": (
        "tree_references", lambda d: set_to(reference(d), "ReferencedSOPInstanceUID", "1.2.3")
    ),
    "a frame of a classic image": (
        "tree_references", lambda d: set_to(reference(d), "ReferencedFrameNumber", 1)
    ),
    "another frame of reference": (
        "frame_of_reference",
        lambda d: set_to(point(d, "SCOORD3D"), "ReferencedFrameOfReferenceUID", "1.2.3"),
    ),
    "observed by nobody": ("observer", lambda d: set_to(
        items(d, "121005")[0].ConceptCodeSequence[0], "CodeValue", "121006"
    )),
    "a malformed UID": ("uids", lambda d: set_to(items(d, "112040")[0], "UID", "1.02.3")),
    "an undeclared character set": (
        "character_set",
        lambda d: (d.pop("SpecificCharacterSet"), set_to(items(d, "121106")[-1], "TextValue", "ä")),
    ),
    "another level by code": ("words", lambda d: set_to(site_code(d), "CodeValue", "243927000")),
    "no level by code": ("labels", lambda d: set_to(site_code(d), "CodeValue", "80064006")),
    "words that name another level": (
        "words", lambda d: set_to(items(d, "121106")[0], "TextValue", "L2/L3 left foramen")
    ),
    "words that name the other side": (
        "words", lambda d: set_to(items(d, "121106")[0], "TextValue", "L1/L2 right foramen")
    ),
    "a point too many": ("point_counts", lambda d: made.child(d, "126010").ContentSequence.append(
        made.groups(d)[0]
    )),
    "a circle": ("point_counts", lambda d: set_to(point(d, "SCOORD"), "GraphicType", "CIRCLE")),
    "outside the image": ("inside", lambda d: moved(point(d, "SCOORD"), 0, 1000)),
    "half a pixel off": ("agreement", lambda d: moved(point(d, "SCOORD"), 0, 0.5)),
    "out of the plane": (
        "on_nearest_image", lambda d: moved(point(d, "SCOORD3D"), 0, 0.5)
    ),
    "left and right exchanged": ("anatomy", lambda d: [
        set_to(one, "ReferencedSOPInstanceUID", f"{made.SERIES}.2")
        for one in [point(d, "SCOORD", 1).ContentSequence[0].ReferencedSOPSequence[0]]
    ]),
    "levels out of order": ("anatomy", lambda d: moved(point(d, "SCOORD"), 1, 30)),
    "no tracking UID": ("tracking", lambda d: drop(d, "112040")),
    "one tracking UID for two": (
        "tracking", lambda d: set_to(items(d, "112040")[2], "UID", items(d, "112040")[0].UID)
    ),
    "no algorithm version": ("algorithm", lambda d: drop(d, "111003")),
    "no finding": ("finding", lambda d: drop(d, "121071")),
    "an undeclared scheme": ("coding_schemes", lambda d: set_to(
        d.CodingSchemeIdentificationSequence[0], "CodingSchemeDesignator", "99OTHER"
    )),
    "another template": ("templates", lambda d: set_to(
        made.groups(d)[0].ContentTemplateSequence[0], "TemplateIdentifier", "1501"
    )),
    "more than certain": ("certainty", lambda d: set_to(
        items(d, "111012")[0].MeasuredValueSequence[0], "NumericValue", "101"
    )),
    "no certainty": ("certainty", lambda d: drop(d, "111012")),
    "no statements": ("statements", without_statements),
    "two coordinates in a group": ("one_coordinate", put_deep_beside_flat),
    "selected from nothing": ("selected_from", lambda d: set_to(
        point(d, "SCOORD").ContentSequence[0], "RelationshipType", "CONTAINS"
    )),
    "nothing to draw": ("drawn_on_images", lambda d: drop(d, "111030")),
    "no prefix": (
        "labelled_arrows", lambda d: set_to(items(d, "112039")[0], "TextValue", "L1/L2 left")
    ),
    "no comment": ("labelled_arrows", lambda d: drop(d, "121106")),
    "a number beside the SCOORD": ("labelled_arrows", put_number_beside_flat),
    "the patient before the image": ("flat_before_deep", swap_groups),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # pydicom's, of one of the faults
@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_notices(fault: str) -> None:
    rule, change = FAULTS[fault]
    document = made.read(build(made.prediction(), made.series(), made.context()).data)

    change(document)

    found = broken(document, [made.image(index) for index in range(made.SLICES)])
    assert rule in {line.partition(":")[0] for line in found}, found


def test_a_rule_notices_a_foramen_that_nobody_mentions() -> None:
    document = made.read(build(PARTLY, made.series(), made.context()).data)
    held = evaluations(document)
    held.ContentSequence = [
        one for one in held.ContentSequence if not made.name(one)[1].startswith("L1/L2 left")
    ]
    located = [label for label in ALL_LABELS if label not in ("L1/L2 left", "L4/L5 right")]

    found = broken(document, [made.image(index) for index in range(made.SLICES)], located)

    assert found == ["missing: L1/L2 left: not among the qualitative evaluations with a reason"]


def test_every_rule_has_a_fault_that_it_notices() -> None:
    assert {rule.__name__ for rule in RULES} - {rule for rule, _ in FAULTS.values()} == {"missing"}
