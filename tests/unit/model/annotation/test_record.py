"""The annotation file: what is read back, and what is refused with which sentence."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from model.annotation import SCHEMA, Annotation, Mark, read, write
from model.annotation.record import middle
from model.labels import LABELS

PLACE = st.floats(-500, 500, allow_nan=False)
MARKS: SearchStrategy[Mark] = st.builds(
    Mark,
    point_mm=st.tuples(PLACE, PLACE, PLACE),
    sop_instance_uid=st.sampled_from(["", "1.2.3", "2.25.17"]),
    annotator=st.text(max_size=8),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(st.dictionaries(st.sampled_from(LABELS), st.lists(MARKS, min_size=1, max_size=3).map(tuple),
                       min_size=1))  # fmt: skip
def test_what_is_written_is_read_back(tmp_path_factory, marks) -> None:
    annotation = Annotation(series_instance_uid="1.2.3", source="by hand", marks=marks)
    path = tmp_path_factory.mktemp("annotation") / "a.json"
    write(annotation, path)
    assert read(path) == annotation


def test_the_form_is_named_in_the_file_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    at = datetime(2025, 3, 14, 10, tzinfo=UTC)
    mark = Mark(point_mm=(1, 2, 3), sop_instance_uid="1.2", annotator="Anna", at=at)
    write(Annotation(series_instance_uid="1.2.3", marks={"L4-left": (mark,)}), tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "schema": SCHEMA,
        "series_instance_uid": "1.2.3",
        "marks": {
            "L4-left": [
                {
                    "point_mm": [1.0, 2.0, 3.0],
                    "sop_instance_uid": "1.2",
                    "annotator": "Anna",
                    "at": "2025-03-14T10:00:00Z",
                }
            ]
        },
    }


def test_the_point_of_a_foramen_is_the_middle_of_its_marks() -> None:
    marks = (Mark(point_mm=(0, 0, 0)), Mark(point_mm=(4, 2, 6)))
    annotation = Annotation(series_instance_uid="1.2", marks={"L1-right": marks})
    assert annotation.points == {"L1-right": (2.0, 1.0, 3.0)}
    assert middle(marks[1:]) == (4.0, 2.0, 6.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"marks": {"L6-left": [{"point_mm": [1, 2, 3]}]}}, "marks.L6-left: .*no lumbar foramen"),
        ({"marks": {"L4-left": [{"point_mm": [1, 2]}]}}, r"marks\.L4-left\.0\.point_mm"),
        ({"marks": {"L4-left": [{"point_mm": [1, 2, "x"]}]}}, r"point_mm\.2: .*got 'x'"),
        ({"marks": {"L4-left": []}}, r"marks\.L4-left"),
        ({"marks": {}}, "marks"),
        ({"series_instance_uid": "?"}, r"series_instance_uid: .*no DICOM UID.*got '\?'"),
        ({"schema": "foramina-annotation/9"}, "schema: .*foramina-annotation/1"),
        ({"schema": "other"}, 'expected an annotation: a JSON object with "schema"'),
        ({"level": 4}, "level: Extra inputs are not permitted"),
        (
            {"marks": {"L4-left": [{"point_mm": [1, 2, 3], "at": "2025-01-01T10:00:00"}]}},
            "timezone",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "wrong.json"
    usual = {
        "schema": SCHEMA,
        "series_instance_uid": "1.2",
        "marks": {"L4-left": [{"point_mm": [1, 2, 3]}]},
    }
    path.write_text(json.dumps({**usual, **change}))
    with pytest.raises(ValueError, match=f"wrong.json: (.|\n)*{sentence}"):
        read(path)


def test_a_file_that_was_cut_off_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    path.write_text('{"schema": "foramina-annotation/1",\n "marks": {"L4')
    with pytest.raises(ValueError, match=r"cut\.json, line 2: .*cut off"):
        read(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match=r"cut\.json: expected JSON in UTF-8"):
        read(path)
