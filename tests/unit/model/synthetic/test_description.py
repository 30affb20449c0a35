"""What stands beside a label map: read, or told what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from model.synthetic import description
from model.synthetic.tissue import Tissue

MAP = "one.nii.gz"


def read(folder: Path, about: Any, suffix: str = ".json") -> description.Description:
    text = about if isinstance(about, str) else json.dumps(about)
    (folder / f"one{suffix}").write_text(text)
    return description.read(folder / MAP)


def test_a_map_alone_is_to_be_filled_and_has_no_points(tmp_path: Path) -> None:
    assert description.read(tmp_path / MAP) == description.Description()
    assert read(tmp_path, {"points": None}) == description.Description()


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml"])
def test_everything_said_is_taken(tmp_path: Path, suffix: str) -> None:
    about = read(
        tmp_path,
        '{"numbering": "vertebrae", "tissues": {"7": "AORTA"}, "background": "air", '
        '"points": {"L4-left": [12, 3.5, -5], "L4-right": [-12, 3.5, -5]}, '
        '"decoys": {"S1-left": [9, 8, 7]}, "grades": {"L4-left": 3}, '
        '"lumbar_count": 6, "transitional": "lumbarised S1"}',
        suffix,
    )
    assert about == description.Description(
        numbering="vertebrae",
        tissues={7: Tissue.AORTA},
        complete=True,
        points={"L4-left": (12.0, 3.5, -5.0), "L4-right": (-12.0, 3.5, -5.0)},
        decoys={"S1-left": (9.0, 8.0, 7.0)},
        grades={"L4-left": 3},
        lumbar_count=6,
        transitional="lumbarised S1",
    )


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ([1], "expected a mapping with anchors"),
        ('{"points": ', "Expecting value"),
        ({"tisues": {}}, "tisues is unknown; expected anchors"),
        ({"tissues": {"7": "BONE"}}, "'BONE' is no tissue; there are AIR"),
        ({"tissues": {"aorta": "AORTA"}}, "'aorta'; expected a whole number from 0 to 255"),
        ({"tissues": {"999": "AORTA"}}, "'999'; expected a whole number from 0 to 255"),
        ({"numbering": "mine"}, "numbering 'mine' is unknown"),
        ({"background": "black"}, "background 'black' is unknown; there are fill, air"),
        ({"points": [[1, 2, 3]]}, "points: .* expected a mapping"),
        ({"points": {"L6-left": [1, 2, 3]}}, "'L6-left'"),
        ({"points": {"L4-left": [1, 2]}}, "three mm"),
        ({"points": {"L4-left": "123"}}, "three mm"),
        ({"points": {"L4-left": 5}}, "three mm"),
        ('{"points": {"L4-left": [NaN, 2, 3]}}', "three mm"),
        (
            {"points": {"L4-left": [-12, 3, 5], "L4-right": [12, 3, 5]}},
            "L4-left lies at x = -12, L4-right at 12; .* the sides are swapped, or .* RAS",
        ),
        ({"grades": {"L4-left": 4}}, "grade of L4-left 4 is unknown; there are 0, 1, 2, 3"),
        ({"grades": {"L4": 1}}, "label 'L4' is unknown"),
        ({"lumbar_count": "five"}, "lumbar_count 'five' is unknown; there are 4, 5, 6"),
        ({"transitional": "yes"}, "transitional 'yes' is unknown; there are none, lumbarised S1"),
    ],
)
def test_a_wrong_description_is_told(tmp_path: Path, about: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"(?s)one\.json: .*{sentence}"):
        read(tmp_path, about)


def test_broken_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one\.yaml: "):
        read(tmp_path, "points: [a: {", ".yaml")
