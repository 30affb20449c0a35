"""Calibration from the command line: evidence is kept, and belongs to its networks and scans."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from model.commands import localiser_calibration as calibration
from model.commands.localiser_calibration import Demands, Scans
from model.labels import LABELS
from model.localiser import evidence
from model.localiser.calibration import Judged, as_control, from_line, to_line
from model.localiser.held_out import Control
from model.localiser.method import TtaSpec

LOOSE = Demands(0.1, 0.2, 0.5, 0.5)


def judged(number: int) -> Judged:
    """Make a scan whose margin tells whether its levels are right, nearly always."""
    rng = np.random.default_rng(number)
    levels = rng.random(len(evidence.SCAN))
    levels[0] = rng.uniform(0, 10)
    rows = {name: rng.random(len(evidence.FORAMEN)) for name in LABELS}
    near = {name: 1.0 if row[0] > 0.1 else 8.0 for name, row in rows.items()}
    return Judged(levels, bool(levels[0] + rng.normal() > 3), rows, near, bool(number % 3))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let forty scans be judged without networks; list those that were."""
    seen: list[int] = []

    def judge(pair: Any, one: int | Control) -> Judged:
        number = one if isinstance(one, int) else 1000 + one.seed
        seen.append(number)
        return judged(number) if isinstance(one, int) else as_control(judged(number))

    def of_runs(coarse: Path, fine: Path, tta: TtaSpec | None = None) -> Any:
        return SimpleNamespace(digest=lambda: coarse.name, tta=tta or TtaSpec())

    monkeypatch.setattr(calibration, "_judge", judge)
    monkeypatch.setattr("model.localiser.pair.Pair.of_runs", of_runs)
    monkeypatch.setattr(calibration, "read_scans", lambda *_: (list(range(40)), "forty toys"))
    return seen


def calibrate(out: Path, run: str = "one") -> calibration.Calibrated:
    return calibration.calibrate(
        Path(run), Path("fine"), Scans(), out, demands=LOOSE, tta=TtaSpec(flip=True), processes=1
    )


def test_certainty_table_and_picture_are_written(asked: list[int], tmp_path: Path) -> None:
    out = tmp_path / "new" / "certainty.json"
    found = calibrate(out)
    assert calibration.read_calibrated(out) == found
    assert (found.networks, found.scans, found.tta) == ("one", 40, TtaSpec(flip=True))
    assert found.certainty.calibrated_on == "calibrated on forty toys"
    assert "Certainty calibrated on forty toys" in out.with_suffix(".md").read_text()
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert asked[:5] == [0, 1, 2, 1002, 3]  # a control after every third scan
    assert len(asked) == 53
    assert "A quarter of the scans are controls" in out.with_suffix(".md").read_text()


def test_scans_whose_levels_nobody_can_tell_are_left_out_and_counted(
    asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(pair: Any, one: int | Control) -> Judged:
        if not isinstance(one, int):
            return as_control(judged(1000 + one.seed))
        return dataclasses.replace(judged(one), unclear=one < 4)

    monkeypatch.setattr(calibration, "_judge", judge)
    found = calibrate(tmp_path / "certainty.json")
    assert found.measured["levels"]["cases"] == 40 + 13 - 4
    assert found.measured["unclear"]["of"] == 4
    table = (tmp_path / "certainty.md").read_text()
    assert "Left out are 4 with a transitional S1" in table


def test_a_killed_calibration_goes_on(asked: list[int], tmp_path: Path) -> None:
    out = tmp_path / "certainty.json"
    whole = calibrate(out)
    kept = tmp_path / "certainty.evidence.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:11]) + lines[11][:20])  # a header, ten scans, and a torn line
    asked.clear()
    assert calibrate(out) == whole
    assert asked[:4] == [8, 1008, 9, 10]
    assert len(asked) == 53 - 10


def test_evidence_of_other_networks_is_refused(asked: list[int], tmp_path: Path) -> None:
    out = tmp_path / "certainty.json"
    calibrate(out)
    with pytest.raises(ValueError, match="evidence of other networks or scans"):
        calibrate(out, "another")
    assert len(asked) == 53


def test_a_judged_scan_survives_its_line() -> None:
    one = judged(4)
    other = from_line(json.loads(json.dumps(to_line(one))))
    for field in dataclasses.fields(Judged):
        if field.name != "points":
            np.testing.assert_array_equal(getattr(other, field.name), getattr(one, field.name))
    for name, row in one.points.items():
        np.testing.assert_array_equal(other.points[name], row)


def test_anatomies_that_were_learned_from_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.synthetic.cache.build", lambda *_: pytest.fail("drawn too early"))
    run = tmp_path / "run"
    run.mkdir()
    (run / "data.json").write_text(json.dumps({"subjects": ["subject-01003.npz"]}))
    with pytest.raises(ValueError, match="learned from 1 of these anatomies"):
        calibration.read_scans(
            Scans(anatomies=tmp_path, count=5, first_seed=1000), [run], 1, calibration.silent
        )
    with pytest.raises(ValueError, match="either cases or anatomies"):
        calibration.read_scans(Scans(), [run], 1, calibration.silent)


def test_what_is_no_certainty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "certainty.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"certainty\.json: networks: Field required"):
        calibration.read_calibrated(path)
