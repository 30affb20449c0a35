"""Synthetic scans from the command line."""

from pathlib import Path
from typing import Any

import pytest

from model import commands


def test_synthesize_hands_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    seen: list[tuple[str, int, int]] = []

    def write_cases(out: Path, count: int, seed: int, progress: Any, **options: Any) -> list[Path]:
        asked.update(options, count=count, seed=seed)
        progress(out / "one")
        return [out / "one"]

    def report(what: str, done: int, total: int, detail: str = "") -> None:
        seen.append((what, done, total))

    monkeypatch.setattr("model.synthetic.write_cases", write_cases)
    folders = commands.synthesize(
        tmp_path, 1, 7, contrast="T2", anatomies=tmp_path, processes=1, report=report
    )
    assert folders == [tmp_path / "one"]
    assert asked == {
        "count": 1, "seed": 7, "contrast": "T2", "label_maps": None, "anatomies": tmp_path,
        "processes": 1,
    }  # fmt: skip
    assert seen == [("writing scans", 1, 1)]
