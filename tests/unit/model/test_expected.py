"""What is expected of a case, as its truth says it."""

import json
from functools import partial
from pathlib import Path

import pytest

from model import expected
from model.cases import Case, read_case
from model.expected import Expected


def told(folder: Path, **values: object) -> Expected:
    (folder / "truth.json").write_text(json.dumps({"kind": "points", **values}))
    return expected.of(partial(read_case, folder))


def test_truth_that_says_nothing_is_ordinary(tmp_path: Path) -> None:
    assert told(tmp_path) == Expected()
    assert Expected().ordinary


@pytest.mark.parametrize(
    ("values", "numbered", "ordinary"),
    [
        ({"expected": "points", "lumbar_count": 5}, True, True),
        ({"expected": "points", "lumbar_count": 6}, True, False),
        ({"expected": "abstain", "lumbar_count": 5}, False, False),
    ],
)
def test_a_scan_is_ordinary_when_it_has_five_clear_lumbar_vertebrae(
    tmp_path: Path, values: dict[str, object], numbered: bool, ordinary: bool
) -> None:
    found = told(tmp_path, **values)
    assert (found.numbered, found.ordinary) == (numbered, ordinary)


def test_foramina_beyond_the_image_are_known(tmp_path: Path) -> None:
    assert told(tmp_path, outside=["L1-left", "L1-right"]).outside == ("L1-left", "L1-right")


def test_what_has_no_file_is_ordinary() -> None:
    def draw() -> Case:
        raise AssertionError("nothing is read")

    assert expected.of(draw) == Expected()
