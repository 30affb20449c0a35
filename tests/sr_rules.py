"""Rules that every report has to keep, judged from the outside: `broken(document, images)`.

Written from PS3.3, PS3.16 and what viewers need. Each rule is a generator of complaints, so that a
report with two faults has two lines.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from pydicom import Dataset

from tests.sr_reading import ALL_LABELS, ARROW, SEGMENTS, Judged, code, concept, references

COMPREHENSIVE, COMPREHENSIVE_3D = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.34"
TOLERANCE_MM = 0.1
COPIED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "TimezoneOffsetFromUTC",
)  # fmt: skip
STATEMENTS = (
    r"research use", r"not a medical device", r"not verified", r"lowest open foramen",
    r"five lumbar vertebrae", r"check the numbering", r"synthetic",
)  # fmt: skip

Complaints = Iterator[str]
Rule = Callable[[Judged], Complaints]


def sop_class(judged: Judged) -> Complaints:
    found = judged.document.SOPClassUID
    if found not in (COMPREHENSIVE, COMPREHENSIVE_3D):
        yield f"SOP class {found}"
    if found == COMPREHENSIVE and judged.deep_points:
        yield "SCOORD3D in a Comprehensive SR"  # PS3.3 section A.35.3.3


def copied(judged: Judged) -> Complaints:
    """Patient and study are those of the images, none added, none lost."""
    source = judged.images[0]
    for keyword in COPIED:
        mine, theirs = judged.document.get(keyword, ""), source.get(keyword, "")
        if str(mine or "") != str(theirs or ""):
            yield f"{keyword} is {mine!r}, in the images {theirs!r}"


def own_series(judged: Judged) -> Complaints:
    if judged.document.SeriesInstanceUID == judged.images[0].SeriesInstanceUID:
        yield "in the series of the images"
    if judged.document.Modality != "SR":
        yield f"Modality {judged.document.Modality}"
    if not str(judged.document.get("SeriesDescription", "")).startswith("AI"):
        yield "SeriesDescription does not begin with AI"


def flags(judged: Judged) -> Complaints:
    expected = {
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "PreliminaryFlag": "PRELIMINARY",
    }
    for keyword, value in expected.items():
        if judged.document.get(keyword) != value:
            yield f"{keyword} is {judged.document.get(keyword)!r}"


def title(judged: Judged) -> Complaints:
    if code(judged.document.ConceptNameCodeSequence)[:2] != ("126000", "DCM"):
        yield f"title {code(judged.document.ConceptNameCodeSequence)}"
    templates = judged.document.get("ContentTemplateSequence") or [Dataset()]
    if templates[0].get("TemplateIdentifier") != "1500":
        yield "the root is not by TID 1500"


def evidence(judged: Judged) -> Complaints:
    """The evidence lists every image of the series, each once, and nothing else."""
    listed = [
        (str(study.StudyInstanceUID), str(series.SeriesInstanceUID), *_instance(one))
        for keyword in ("CurrentRequestedProcedureEvidenceSequence",
                        "PertinentOtherEvidenceSequence")
        for study in judged.document.get(keyword, [])
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    ]  # fmt: skip
    expected = [
        (str(image.StudyInstanceUID), str(image.SeriesInstanceUID), str(image.SOPClassUID),
         str(image.SOPInstanceUID))
        for image in judged.images
    ]  # fmt: skip
    if sorted(listed) != sorted(expected):
        yield f"lists {len(listed)} instances, expected the {len(expected)} of the series"


def _instance(one: Dataset) -> tuple[str, str]:
    return str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)


def tree_references(judged: Judged) -> Complaints:
    """References in the tree name images of the series, with their class and their frame."""
    classes = {str(image.SOPInstanceUID): str(image.SOPClassUID) for image in judged.images}
    for item in judged.items:
        for sop_class_uid, key in references(item):
            if classes.get(key[0]) != sop_class_uid or key not in judged.planes:
                yield f"{key[0]} frame {key[1]} of class {sop_class_uid}"


def frame_of_reference(judged: Judged) -> Complaints:
    expected = str(judged.images[0].get("FrameOfReferenceUID", ""))
    for item in judged.items:
        found = str(item.get("ReferencedFrameOfReferenceUID", expected))
        if found != expected or ("ReferencedFrameOfReferenceUID" in item and not expected):
            yield f"{found}, of the images {expected!r}"


def observer(judged: Judged) -> Complaints:
    kinds = [
        code(item.ConceptCodeSequence)[0] for item in judged.items if concept(item) == "121005"
    ]
    if kinds != ["121007"]:
        yield f"observer types {kinds}, expected one device"
    for value in (
        "121012",
        "121013",
        "121014",
        "121015",
    ):  # UID, name, manufacturer, model: TID 1004
        if not any(concept(item) == value for item in judged.items):
            yield f"no {value} of the device"


def uids(judged: Judged) -> Complaints:
    """Every UID written is one (PS3.5 section 9.1)."""
    for element in judged.document.iterall():
        if element.VR == "UI" and element.value:
            for value in [element.value] if isinstance(element.value, str) else element.value:
                if len(value) > 64 or not re.fullmatch(r"[0-2](\.(0|[1-9]\d*))+", value):
                    yield f"{element.keyword} {value!r}"


def character_set(judged: Judged) -> Complaints:
    texts = [str(item.TextValue) for item in judged.items if "TextValue" in item]
    for text in (*texts, str(judged.document.get("PatientName", ""))):
        if not text.isascii() and not judged.document.get("SpecificCharacterSet"):
            yield "text outside ASCII and no SpecificCharacterSet"


def labels(judged: Judged) -> Complaints:
    if "" in judged.by_label:
        yield "a group whose finding sites do not tell level and side"
    if set(judged.by_label) - {""} != set(judged.located):
        yield f"groups for {sorted(judged.by_label)}, expected {sorted(judged.located)}"


def words(judged: Judged) -> Complaints:
    """What people read names the foramen that the codes name."""
    for group in judged.groups:
        segment, _, side = group.label.partition(" ")
        for word in group.words:
            named = [one for one in SEGMENTS if one in word]
            sides = [one for one in ("left", "right") if re.search(rf"\b{one}\b", word, re.I)]
            if named != [segment] or any(one != side for one in sides):
                yield f"{word!r} in the group of {group.label}"


def point_counts(judged: Judged) -> Complaints:
    for label, groups in judged.by_label.items():
        flat = sum(len(group.of_type("SCOORD")) for group in groups)
        deep = sum(len(group.of_type("SCOORD3D")) for group in groups)
        if flat > 1 or deep > 1 or flat + deep == 0:
            yield f"{label}: {flat} SCOORD, {deep} SCOORD3D"
        if any(
            item.GraphicType != "POINT"
            for group in groups
            for item in (*group.of_type("SCOORD"), *group.of_type("SCOORD3D"))
        ):
            yield f"{label}: another graphic than a point"


def inside(judged: Judged) -> Complaints:
    for label, key, (x, y) in judged.flat_points:
        plane = judged.planes[key]
        if not (0 <= x <= plane.columns and 0 <= y <= plane.rows):
            yield f"{label}: ({x:g}, {y:g}) on an image of {plane.columns} x {plane.rows}"


def agreement(judged: Judged) -> Complaints:
    deep = dict(judged.deep_points)
    for label, key, xy in judged.flat_points:
        apart = np.linalg.norm(
            deep.get(label, judged.places[label]) - judged.planes[key].to_patient(*xy)
        )
        if not apart <= TOLERANCE_MM:
            yield f"{label}: SCOORD and SCOORD3D are {apart:.3f} mm apart"


def on_nearest_image(judged: Judged) -> Complaints:
    for label, point in judged.deep_points:
        off = min(abs(plane.off_mm(point)) for plane in judged.planes.values())
        if not off <= TOLERANCE_MM:
            yield f"{label}: {off:.3f} mm out of every image"


def anatomy(judged: Judged) -> Complaints:
    """Left lies to the left (LPS: greater x), and the levels run from head to feet."""
    for segment in SEGMENTS:
        left, right = (judged.places.get(f"{segment} {side}") for side in ("left", "right"))
        if left is not None and right is not None and not left[0] > right[0]:
            yield f"{segment}: left at x = {left[0]:.1f}, right at {right[0]:.1f}"
    for side in ("left", "right"):
        heights = [
            judged.places[f"{segment} {side}"][2]
            for segment in SEGMENTS
            if f"{segment} {side}" in judged.places
        ]
        if heights != sorted(heights, reverse=True):
            yield f"{side}: z = {heights}"


def tracking(judged: Judged) -> Complaints:
    by_uid: dict[str, set[str]] = {}
    for group in judged.groups:
        if not group.text("112039") or not group.text("112040"):
            yield f"{group.label}: no tracking identifier and UID"
        by_uid.setdefault(group.text("112040"), set()).add(group.label)
    if any(len(found) > 1 for found in by_uid.values()) or len(by_uid) != len(judged.by_label):
        yield f"{len(by_uid)} tracking UIDs for {len(judged.by_label)} points"


def algorithm(judged: Judged) -> Complaints:
    """TID 4019 in every group: name, version, manufacturer, family."""
    for group in judged.groups:
        for value in ("111001", "111003", "122405", "111000"):
            if not group.named(value):
                yield f"{group.label}: no {value}"


def finding(judged: Judged) -> Complaints:
    for group in judged.groups:
        if len(group.named("121071")) != 1:
            yield f"{group.label}: {len(group.named('121071'))} findings"


def coding_schemes(judged: Judged) -> Complaints:
    """Local schemes are declared (PS3.3 section C.12.1.1)."""
    used = {
        code(item[keyword].value)[1]
        for item in judged.items
        for keyword in ("ConceptNameCodeSequence", "ConceptCodeSequence")
        if keyword in item
    }
    declared = {
        item.CodingSchemeDesignator
        for item in judged.document.get("CodingSchemeIdentificationSequence", [])
    }
    for scheme in sorted(used - declared):
        if scheme.startswith("99"):
            yield f"{scheme} is not declared"


def templates(judged: Judged) -> Complaints:
    for group in judged.groups:
        found = [one.TemplateIdentifier for one in group.item.get("ContentTemplateSequence", [])]
        if found != ["1410"]:
            yield f"{group.label}: template {found}"


def certainty(judged: Judged) -> Complaints:
    """Where a group says how certain it is, it says so in percent."""
    for group in judged.groups:
        for item in group.of_type("NUM"):
            value = item.MeasuredValueSequence[0]
            unit = code(value.MeasurementUnitsCodeSequence)[0]
            if concept(item) != "111012" or unit != "%" or not 0 <= value.NumericValue <= 100:
                yield f"{group.label}: {concept(item)} = {value.NumericValue} {unit}"
        if group.of_type("SCOORD3D") and not group.of_type("NUM"):
            yield f"{group.label}: no certainty beside the SCOORD3D"


def missing(judged: Judged) -> Complaints:
    """What was not located is named, once as a code and once with a reason in words."""
    evaluated = [
        child
        for item in judged.document.ContentSequence
        if concept(item) == "C0034375"
        for child in item.ContentSequence
    ]
    for label in set(ALL_LABELS) - set(judged.located):
        said = [
            item
            for item in evaluated
            if code(item.ConceptNameCodeSequence)[2].startswith(f"{label} ")
        ]
        coded = [item for item in said if item.ValueType == "CODE"]
        texts = [item.TextValue for item in said if item.ValueType == "TEXT"]
        if len(coded) != 1 or not any(re.search(r"not located: \w", text) for text in texts):
            yield f"{label}: not among the qualitative evaluations with a reason"


def statements(judged: Judged) -> Complaints:
    text = "\n".join(str(item.TextValue) for item in judged.items if "TextValue" in item)
    for statement in STATEMENTS:
        if not re.search(statement, text, re.IGNORECASE):
            yield f"nothing says {statement!r}"


def one_coordinate(judged: Judged) -> Complaints:
    """A viewer takes the SCOORD3D of two, and highdicom refuses the group."""
    for group in judged.groups:
        if len(group.of_type("SCOORD")) + len(group.of_type("SCOORD3D")) != 1:
            yield f"{group.label}: expected one coordinate in a group"


def selected_from(judged: Judged) -> Complaints:
    for group in judged.groups:
        for item in group.of_type("SCOORD"):
            children = [(concept(one), one.RelationshipType) for one in item.ContentSequence]
            if children not in ([("111040", "SELECTED FROM")], [("260753009", "SELECTED FROM")]):
                yield f"{group.label}: {children}"


def drawn_on_images(judged: Judged) -> Complaints:
    """OHIF draws no SCOORD3D on an image: every point needs an SCOORD, unless none may have one."""
    flat = {label for label, _, _ in judged.flat_points}
    expected = set(judged.located) if judged.flat else set()
    if flat != expected:
        yield f"SCOORD for {sorted(flat)}, expected {sorted(expected)}"


def labelled_arrows(judged: Judged) -> Complaints:
    """OHIF draws the Comment's text only at an arrow, and stops at a NUM without coordinates."""
    for group in judged.groups:
        if not group.of_type("SCOORD"):
            continue
        if judged.arrow != group.text("112039").startswith(ARROW):
            yield f"{group.label}: tracking identifier {group.text('112039')!r}"
        if not group.text("121106"):
            yield f"{group.label}: no Comment for its label"
        if group.of_type("NUM"):
            yield f"{group.label}: a NUM beside the SCOORD"


def flat_before_deep(judged: Judged) -> Complaints:
    """OHIF draws the first coordinates that it meets under one tracking UID."""
    for label, groups in judged.by_label.items():
        flat = [group.position for group in groups if group.of_type("SCOORD")]
        deep = [group.position for group in groups if group.of_type("SCOORD3D")]
        if flat and deep and not max(flat) < min(deep):
            yield f"{label}: the SCOORD3D stands before the SCOORD"


RULES: tuple[Rule, ...] = (
    sop_class, copied, own_series, flags, title, evidence, tree_references, frame_of_reference,
    observer, uids, character_set, labels, words, point_counts, inside, agreement,
    on_nearest_image, anatomy, tracking, algorithm, finding, coding_schemes, templates, certainty,
    missing, statements, one_coordinate, selected_from, drawn_on_images, labelled_arrows,
    flat_before_deep,
)  # fmt: skip


def broken(
    document: Dataset,
    images: Sequence[Dataset],
    located: Sequence[str] = ALL_LABELS,
    *,
    arrow: bool = True,
    flat: bool = True,
) -> list[str]:
    """List what is wrong with a report: `rule: what`, nothing when it keeps every rule.

    Args:
        document: the report.
        images: every image of its series, as files have them.
        located: which foramina it must have points for: `L4/L5 left`.
        arrow: whether its SCOORD groups must, or else must not, carry OHIF's prefix.
        flat: whether its points must, or else must not, have SCOORDs.
    """
    judged = Judged(document, images, located, arrow, flat)
    return [f"{rule.__name__}: {what}" for rule in RULES for what in rule(judged)]
