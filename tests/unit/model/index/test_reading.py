"""Series for training and evaluation, from an index or from a folder of cases."""

import pickle
from pathlib import Path

import pytest

from model.index import Shares, build, readers, write


def test_an_index_gives_the_series_of_a_part(tmp_path: Path, data: Path) -> None:
    index = build(data, shares=Shares(0.4)).index
    write(index, tmp_path / "index.json")
    found = readers(tmp_path / "index.json", "test")
    assert [read().name for read in found] == [entry.name for entry in index.part("test")]
    assert pickle.loads(pickle.dumps(found[0]))().name == index.part("test")[0].name  # noqa: S301
    assert readers(tmp_path / "index.json", "validation") == []


def test_a_folder_of_cases_has_no_parts(data: Path) -> None:
    assert [read().name for read in readers(data, "test")] == list("abcdef")


def test_a_contradiction_is_told_before_any_series_is_read(tmp_path: Path, data: Path) -> None:
    index = build(data, shares=Shares(0.4)).index
    write(index, tmp_path / "index.json")
    text = (tmp_path / "index.json").read_text()
    first = index.entries[0].part
    other = "test" if first == "train" else "train"
    old, new = f'"part": "{first}"', f'"part": "{other}"'
    (tmp_path / "index.json").write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"index\.json: patient .* is in two parts: .*a/dicom"):
        readers(tmp_path / "index.json", "test")
