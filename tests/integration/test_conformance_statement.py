"""docs/reference/conformance.md says what the code does: nothing that is offered is left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.pixels import get_decoder
from pydicom.uid import UID
from pynetdicom import sop_class

from node import identity, incoming, report, scp, status
from node.report import Variant, header
from node.report.extras import build as build_extra
from tests import report_extras
from tests import report_series as made

ROOT = Path(__file__).parents[2]
STATEMENT = (ROOT / "docs" / "reference" / "conformance.md").read_text()
EXTRAS = ("gsps", "secondary-capture", "seg", "key-objects")
OUTCOMES = {
    status.Outcome.STORED: "is stored",
    status.Outcome.RETRY_LATER: "is repeated later",
    status.Outcome.REFUSED: "fails",
}


def section(number: str) -> str:
    """Cut one section out: `3.2`, `9`."""
    found = re.split(rf"^#+ {re.escape(number)} .*$", STATEMENT, flags=re.MULTILINE)
    assert len(found) == 2, f"the statement has {len(found) - 1} sections {number}"
    return re.split(r"^#+ \d", found[1], flags=re.MULTILINE)[0]


def rows(text: str) -> list[tuple[str, ...]]:
    """Read the rows of the tables in a text."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def column(text: str, index: int) -> list[str]:
    return [row[index] for row in rows(text) if len(row) > index]


def test_every_storage_sop_class_received_is_listed_and_no_other() -> None:
    listed = [cell for cell in column(section("9"), 1) if cell[:1].isdigit()]

    assert sorted(listed) == sorted(scp.storage_sop_classes())


def test_every_service_that_is_asked_for_is_named() -> None:
    imported = {
        getattr(sop_class, alias.name)
        for path in (ROOT / "node").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "pynetdicom.sop_class"
        for alias in node.names
    }

    assert imported
    assert [uid for uid in imported if f"{uid}" not in section("3.2") + section("3.3")] == []


def test_transfer_syntaxes_are_listed_in_their_order_with_what_becomes_of_their_pixels() -> None:
    listed = [row[1:] for row in rows(section("3.2")) if row[-1] in ("read", "kept")]

    assert listed == [
        (syntax, "read" if is_decoded(UID(syntax)) else "kept") for syntax in scp.TRANSFER_SYNTAXES
    ]


def is_decoded(syntax: UID) -> bool:
    """Tell whether pixels in a transfer syntax can be read with what is installed."""
    if not syntax.is_encapsulated:
        return True
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def test_every_status_given_and_expected_is_listed_with_its_meaning() -> None:
    given = {row[0]: row[1:] for row in rows(section("3.2"))}
    expected = {row[0].partition(" to ")[0]: row[1:] for row in rows(section("3.3"))}

    for one in status.GIVEN:
        assert given[f"{one.code:04X}"] == (f"{one.name} ({one.clause})", one.given)
    for one in status.STATUSES:
        meaning = f"{one.name} ({one.clause})"
        assert expected[f"{one.code:04X}"] == (meaning, OUTCOMES[one.outcome])


def test_the_node_is_named_as_it_names_itself() -> None:
    listed = dict(row for row in rows(section("3.2")) if len(row) == 2)

    assert listed["implementation class UID"] == identity.IMPLEMENTATION_CLASS_UID
    assert listed["implementation version name"] == identity.IMPLEMENTATION_VERSION_NAME


def keywords_in(*patterns: str) -> set[str]:
    """List the DICOM keywords that stand in source files as texts of their own."""
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    assert files
    return {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value and tag_for_keyword(node.value) and node.value not in NOT_KEYWORDS
    }


NOT_KEYWORDS = frozenset({"Plane"})  # a derived attribute, not the element (retired)


@pytest.mark.parametrize(
    "keywords",
    [
        pytest.param(frozenset(incoming._KEYWORDS), id="filing an instance"),
        pytest.param(frozenset(header.CARRIED), id="carried into reports"),
        pytest.param(keywords_in("node/filters/*.py"), id="filters"),
        pytest.param(keywords_in("node/report/points.py", "model/slices.py"), id="points"),
    ],
)
def test_every_attribute_that_is_read_is_named(keywords: frozenset[str]) -> None:
    named = set(re.findall(r"\w+", section("7")))

    assert sorted(set(keywords) - named) == []


def documents() -> Iterator[Dataset]:
    """Make a document of every shape that has codes of its own."""
    nothing = {mark.label.replace("-", "_"): "no clear maximum" for mark in made.prediction().found}
    predictions = (
        made.prediction(),
        made.with_marks(L1_left="no clear maximum"),
        made.with_marks(**nothing),
        made.abstained("levels in doubt"),
    )
    for variant in (Variant(), Variant("comprehensive", cornerstone_prefix=False)):
        for prediction in predictions:
            yield made.read(report.build(prediction, made.series(), made.context(), variant).data)
    first = report.build(made.prediction(), made.series(), made.context())
    earlier = SimpleNamespace(
        sop_class_uid=first.sop_class_uid,
        sop_instance_uid=first.sop_instance_uid,
        study_instance_uid=made.STUDY,
        series_instance_uid=first.series_instance_uid,
    )
    for one in (
        report.withdrawal(made.series(), "rejected", [earlier], made.context()),
        report.rejection_note(made.series(), [earlier], made.context()),
    ):
        assert one is not None
        yield made.read(one.data)


def concepts(item: Dataset) -> Iterator[Dataset]:
    """Give every code of a content tree, those of units too."""
    for keyword in ("ConceptNameCodeSequence", "ConceptCodeSequence"):
        yield from item.get(keyword, [])
    for value in item.get("MeasuredValueSequence", []):
        yield from value.MeasurementUnitsCodeSequence
    for child in item.get("ContentSequence", []):
        yield from concepts(child)


def test_every_code_of_every_document_is_listed_and_no_other() -> None:
    used = {
        (code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning)
        for document in documents()
        for code in concepts(document)
    }

    listed = [row for row in rows(section("8")) if len(row) == 3 and row[0] != "value"]
    assert sorted(listed) == sorted(used)


def test_every_object_that_can_be_sent_is_listed() -> None:
    headers = report_extras.series()
    answer = made.answer(headers=headers)
    made_extras = {
        (one.sop_class_uid, f"`extras: [{kind}]`")
        for kind in EXTRAS
        for one in build_extra(kind, answer, headers, report_extras.scan(headers))
    }
    listed = {(row[2], row[3]) for row in rows(section("3.3")) if len(row) == 4}

    assert made_extras <= listed
    assert {document.SOPClassUID for document in documents()} <= {uid for uid, _ in listed}
