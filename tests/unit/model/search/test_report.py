"""What a search writes for people and for programs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from model.search import NAMES, SearchSpace, Trial, markdown, write_results


def trials(count: int) -> list[Trial]:
    rng = np.random.default_rng(0)
    space = SearchSpace()
    made = []
    for number in range(count):
        parameters = {name: float(rng.choice(getattr(space, name))) for name in NAMES}
        dice = float(np.clip(0.2 + parameters["patch_size"] / 900 + rng.normal(0, 0.03), 0, 1))
        made.append(Trial(number, "done", parameters, dice, 500, 3600.0))
    return made


FAILED = Trial(99, "failed", {}, None, 3, 9.0, "the network does not fit")


def test_top_twenty_and_regression() -> None:
    text = markdown([*trials(51), FAILED])
    assert "51 networks trained, 1 failed, 0 under way." in text
    head, rows = text.split("## The best 20\n")[1].split("## What mattered")
    assert head.count("\n") == 20 + 4
    first, second = (float(line.split("|")[7]) for line in head.splitlines()[3:5])
    assert first >= second
    assert "| PatchSize | +" in rows.split("| name | weight | p-value |")[1].split("\n")[2]
    assert "- trial 99: the network does not fit" in text


def test_a_young_search_says_why_it_has_no_regression() -> None:
    text = markdown([*trials(2), FAILED])
    assert "## The best 2" in text
    assert "2 finished networks; a regression on" in text
    assert "0 networks and 0 Dice values" in markdown([FAILED])


def test_writes_json_csv_markdown_and_picture(tmp_path: Path) -> None:
    write_results([*trials(12), FAILED], tmp_path)
    data = json.loads((tmp_path / "results.json").read_text())
    assert len(data["trials"]) == 13
    assert data["regression"]["trials"] == 12
    assert {weight["name"] for weight in data["regression"]["weights"]} == set(NAMES)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13
    assert float(rows[0]["dice"]) == pytest.approx(data["trials"][0]["dice"], abs=1e-5)
    assert rows[-1]["reason"] == "the network does not fit"
    assert "(search.png)" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_done_yet_has_no_picture(tmp_path: Path) -> None:
    write_results([FAILED], tmp_path)
    assert "search.png" not in (tmp_path / "results.md").read_text()
    assert not (tmp_path / "search.png").exists()
