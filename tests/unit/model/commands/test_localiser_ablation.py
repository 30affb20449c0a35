"""Ablations from the command line: rows, comparison with the first, and going on after a kill."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model.commands import localiser_ablation as ablation
from model.commands.localiser_calibration import Scans
from model.labels import LABELS, split
from model.localiser.ablation import DECODINGS, FULL
from model.metrics import Distance

SCANS = 4


def lines(scan: int, far: int) -> list[dict[str, Any]]:
    """Give the lines of a scan of which so many points lie far off."""
    return [
        {"case": f"scan-{scan}", "patient": f"scan-{scan}", "label": name, "x_mm": 1.0,
         "yz_mm": 30.0 if number < far else 1.0,
         "nearest": "S1" if number < far else split(name)[0],
         "truth_mm": [0.0, 1.0, 2.0], "point_mm": [0.0, 1.0, 2.0], "confidence": 1.0,
         "reason": None}
        for number, name in enumerate(LABELS)
    ]  # fmt: skip


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let scans be decoded without networks; list those that were."""
    seen: list[tuple[str, int]] = []

    def decode(pair: Any, number: int) -> dict[str, list[dict[str, Any]]]:
        seen.append((pair.digest(), number))
        far = 5 if pair.digest() == "worse" else 0
        return {name: lines(number, far or 3 * (name == "argmax")) for name in DECODINGS}

    monkeypatch.setattr(ablation, "_decode", decode)
    monkeypatch.setattr(
        "model.localiser.pair.Pair.of_runs",
        lambda coarse, fine: SimpleNamespace(digest=lambda: coarse.name),
    )
    monkeypatch.setattr(
        "model.commands.localiser_calibration.read_scans",
        lambda *_: (list(range(SCANS)), "four toys"),
    )
    return seen


def ablate(out: Path, **others: Path) -> list[dict[str, Any]]:
    return ablation.ablate(Path("base"), Path("fine"), Scans(), out, others=others, processes=1)


def test_every_row_is_compared_with_the_first(
    decoded: list[tuple[str, int]], tmp_path: Path
) -> None:
    rows = {row["name"]: row for row in ablate(tmp_path, t1=Path("worse"))}
    assert list(rows) == [*DECODINGS, "t1"]
    assert rows[FULL]["recall_within_5_mm"]["share"] == 1.0
    assert rows["argmax"]["only_full"] == 3 * SCANS
    assert rows["argmax"]["shifted"]["count"] == SCANS
    assert rows["argmax"]["p_value"] == pytest.approx(2 * 0.5 ** (3 * SCANS))
    assert rows["t1"]["recall_within_5_mm"]["count"] == 5 * SCANS
    assert rows["coarse only"]["p_value"] == 1.0
    saved = json.loads((tmp_path / "ablations.json").read_text())
    assert [row["name"] for row in saved["rows"]] == list(rows)
    assert "| **argmax**: " in (tmp_path / "ablations.md").read_text()
    assert decoded == [(name, number) for name in ("base", "worse") for number in range(SCANS)]


def test_what_was_decoded_is_kept(decoded: list[tuple[str, int]], tmp_path: Path) -> None:
    whole = ablate(tmp_path)
    next((tmp_path / "scans").glob("*/00002.json")).unlink()
    decoded.clear()
    assert ablate(tmp_path) == whole
    assert decoded == [("base", 2)]


def test_names_of_decodings_are_taken(decoded: list[tuple[str, int]], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'argmax' names a decoding"):
        ablate(tmp_path, argmax=Path("worse"))
    assert decoded == []


def test_lines_become_distances_again(decoded: list[tuple[str, int]], tmp_path: Path) -> None:
    ablate(tmp_path)
    path = next((tmp_path / "scans").glob("*/00000.json"))
    (first, *_) = json.loads(path.read_text())[FULL]
    assert len(decoded) == SCANS
    assert Distance(**{**first, "truth_mm": None, "point_mm": None}).hit
