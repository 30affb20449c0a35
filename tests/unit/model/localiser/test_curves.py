"""The curves of a run."""

import csv
import json
from pathlib import Path

from model.localiser import curves


def test_every_step_is_in_the_table_and_the_picture_is_drawn(tmp_path: Path) -> None:
    lines = [{"step": step, "loss": 9.0 / step, "points": 1.0} for step in range(1, 900)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "history.jsonl").write_text(text)
    curves.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "curves.csv").read_text().splitlines()))
    assert len(rows) == 899
    assert rows[2] == {"step": "3", "loss": "3.0", "points": "1.0"}
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_without_steps_has_an_empty_table(tmp_path: Path) -> None:
    curves.write(tmp_path)
    assert (tmp_path / "curves.csv").read_text() == "step\n"
    assert not (tmp_path / "curves.png").exists()
