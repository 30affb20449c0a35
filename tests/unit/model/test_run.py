"""The run folder: its specification, its sessions, its provenance."""

import json
import re
from pathlib import Path

import pytest

from model import run


def test_a_folder_belongs_to_one_specification(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "run"
    run.claim(folder, {"seed": 1, "steps": 5})
    run.claim(folder, {"seed": 1, "steps": 5})
    with pytest.raises(ValueError, match=r"other settings \(loss, steps\)"):
        run.claim(folder, {"seed": 1, "steps": 6, "loss": "dice"})
    assert [path.name for path in folder.iterdir()] == ["train.json"]


def test_each_session_is_kept_with_its_code_and_versions(tmp_path: Path) -> None:
    run.enter(tmp_path, 0, "CPU")
    run.enter(tmp_path, 40, "some GPU")
    first, second = json.loads((tmp_path / "run.json").read_text())
    assert (first["from_step"], second["from_step"]) == (0, 40)
    assert (first["device"], second["device"]) == ("CPU", "some GPU")
    assert {"keras", "numpy", "scipy"} <= set(first["versions"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", first["started"])


def test_the_commit_is_a_hash_or_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = run.commit()
    assert found is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", found)
    monkeypatch.setattr(run, "_ROOT", tmp_path)
    assert run.commit() is None
