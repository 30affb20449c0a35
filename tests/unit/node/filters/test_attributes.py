"""The registry of derived attributes, and that none of them ever raises."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from node.filters.attributes import ATTRIBUTES, Attribute
from node.filters.finding import Finding
from tests.series_headers import series, with_raw

REFERENCE = Path(__file__).parents[4] / "docs" / "reference" / "filters.md"
READ = (
    "SOPClassUID", "Modality", "Manufacturer", "ManufacturerModelName", "SeriesDescription",
    "ProtocolName", "StudyDescription", "BodyPartExamined", "ImageType", "ScanningSequence",
    "SequenceVariant", "ScanOptions", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle",
    "SliceThickness", "SpacingBetweenSlices", "PixelSpacing", "Rows", "Columns", "NumberOfFrames",
    "ImageOrientationPatient", "ImagePositionPatient", "PatientPosition", "ContrastBolusAgent",
    "SpecificCharacterSet",
)  # fmt: skip
RAW = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"", b"nan", b"1e999", b"-1", b"0", b"1\\0\\0\\0\\1\\0", b"0\\1\\0\\0\\0\\-1",
            b"1\\2\\3", b"0.5\\0.5", b"0\\0", b"DERIVED\\SECONDARY", b"t1 sag", b"ISO 2022 IR 87",
            b"\\\\", b"\x1b$B", b"\x00\x02",
        ]
    ),
)  # fmt: skip


def damages() -> st.SearchStrategy[dict[str, bytes | None]]:
    """Draw what happens to elements of one instance: bytes put in, or None: removed."""
    return st.dictionaries(st.sampled_from(READ), st.one_of(st.none(), RAW), max_size=8)


def damaged(header: Dataset, damage: dict[str, bytes | None]) -> Dataset:
    for keyword, raw in damage.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        if raw is not None:
            with_raw(header, keyword, raw)
        elif tag in header:
            del header[tag]
    return header


def test_names_are_keys_and_no_dicom_keywords() -> None:
    assert all(attribute.name == name for name, attribute in ATTRIBUTES.items())
    # (0070,1305) Plane, of volumetric presentation states, never stands at the top of an image.
    assert [name for name in ATTRIBUTES if tag_for_keyword(name) is not None] == ["Plane"]


@pytest.mark.parametrize("attribute", ATTRIBUTES.values(), ids=lambda attribute: attribute.name)
def test_values_lie_among_the_choices(attribute: Attribute) -> None:
    found = attribute.compute(series())
    assert found.value is not None
    if attribute.choices is not None:
        assert found.value in attribute.choices


@pytest.mark.parametrize("attribute", ATTRIBUTES.values(), ids=lambda attribute: attribute.name)
def test_documented(attribute: Attribute) -> None:
    rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    row = [line for line in rows if line.startswith(f"| `{attribute.name}` |")]
    assert len(row) == 1, f"{attribute.name} has no row in docs/reference/filters.md"
    for choice in attribute.choices or ():
        said = str(choice).lower() if isinstance(choice, bool) else str(choice)
        assert f"`{said}`" in row[0]


@pytest.mark.parametrize("attribute", ATTRIBUTES.values(), ids=lambda attribute: attribute.name)
def test_nothing_at_all_is_no_crash(attribute: Attribute) -> None:
    assert isinstance(attribute.compute([]), Finding)
    assert isinstance(attribute.compute([Dataset()]), Finding)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(damages(), min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_header_makes_an_attribute_raise(damage: list[dict[str, Any]]) -> None:
    headers = [damaged(header, one) for header, one in zip(series(3), damage, strict=False)]
    for attribute in ATTRIBUTES.values():
        found = attribute.compute(headers)
        assert isinstance(found, Finding)
        if attribute.choices is not None:
            assert set(found.values) <= set(attribute.choices)
