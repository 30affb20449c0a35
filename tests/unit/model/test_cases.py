"""Cases from folders: what is read, and what is refused with which sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.cases import case_folders, read_case
from model.phantom.drawing import Phantom


def test_reads_images_points_and_marks(case_folder: Path, drawn: Phantom) -> None:
    case = read_case(case_folder)
    assert case.name == "one"
    assert case.points == drawn.points
    assert {name: tuple(marks) for name, marks in case.marks.items()} == drawn.marks
    assert case.volume.pixels.shape == drawn.pixels.shape


def test_finds_cases_in_a_folder_and_in_itself(case_folder: Path) -> None:
    assert case_folders(case_folder.parent) == [case_folder]
    assert case_folders(case_folder) == [case_folder]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no case; expected CASE/truth\.json"):
        case_folders(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "levels"}, "kind is 'levels'; expected 'points'"),
        ({"points": {}}, "expected 'points'"),
        ({"points": {"L6-left": [1, 2, 3]}}, "'L6-left'"),
        ({"points": {"L4-left": [1, 2]}}, r"\[1, 2\]; expected a label of .* and three mm"),
    ],
)
def test_a_wrong_truth_is_refused(
    case_folder: Path, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    shutil.copytree(case_folder, tmp_path / "case")
    path = tmp_path / "case" / "truth.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=sentence):
        read_case(tmp_path / "case")
