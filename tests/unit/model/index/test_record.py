"""The index file: relative paths, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest

from model.index import Shares, build, read, write


def test_an_index_moves_with_its_data(tmp_path: Path, data: Path) -> None:
    index = build(data, shares=Shares(0.5)).index
    write(index, data / "index.json")
    assert read(data / "index.json") == index
    stored = json.loads((data / "index.json").read_text())
    assert stored["schema"] == "foramina-index/1"
    assert stored["entries"][0]["images"] == "a/dicom"
    shutil.move(data, tmp_path / "moved")
    assert read(tmp_path / "moved" / "index.json").entries[0].images == tmp_path / "moved/a/dicom"


def test_parts_are_listed(data: Path) -> None:
    index = build(data, shares=Shares(0.5)).index
    names = [entry.name for part in ("train", "test") for entry in index.part(part)]
    assert sorted(names) == list("abcdef")
    assert index.part("validation") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", 'expected an index: a JSON object with "schema": "foramina-index/1"'),
        ('{"schema": "foramina-index/1", "seed": 1, "entries": []}', "entries: .*at least 1"),
        ('{"schema": "foramina-index/2", "seed": 1, "entries": []}', "schema: .*foramina-index/1"),
        (
            '{"schema": "foramina-index/1", "seed": 1, "entries": [{"part": "holdout"}]}',
            r"entries\.0\.part: .*'train', 'validation' or 'test', got 'holdout'",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match=rf"index\.json: (.|\n)*{sentence}"):
        read(tmp_path / "index.json")
