"""Two runs and their certainty made into a bundle that is served and measured."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from model import bundle as bundles
from model.commands import localiser_bundle
from model.commands.localiser_calibration import Calibrated
from model.localiser import openvino_export, reliability, start
from model.localiser.calibration import Outcomes
from model.localiser.method import TtaSpec, TwoStageMethod
from model.localiser.pair import Pair
from model.localiser.spec import POINTS
from model.localiser.training import read_spec
from tests.unit.model.localiser.two_stage import method, save_weights

pytestmark = pytest.mark.xdist_group("tensorflow")
pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write two finished runs of random networks."""
    folder = tmp_path_factory.mktemp("localiser")
    made = method()
    weights = save_weights(folder, made)
    found = []
    for path, spec in zip(weights, (made.coarse, made.fine), strict=True):
        run = folder / type(spec).__name__
        run.mkdir()
        network = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
        told = {"kind": run.name, "network": network, "steps": 1, "data": "toys"}
        (run / "train.json").write_text(json.dumps(told))
        (run / "history.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
        session = {"commit": "abc", "started": "2026-01-01", "host": "secret"}
        (run / "run.json").write_text(json.dumps([session]))
        shutil.copyfile(path, run / "network.weights.h5")
        found.append(run)
    return found[0], found[1]


def certain(runs: tuple[Path, Path], out: Path, tta: TtaSpec | None = None) -> Path:
    """Write a certainty of these networks."""
    pair = Pair.of_runs(*runs, tta)
    said, right = np.linspace(0, 1, 20), np.arange(20) > 3
    spec = method().certainty
    measured = reliability.report(Outcomes(said, right, right, said, right), spec)
    made = Calibrated(
        networks=pair.digest(), certainty=spec, tta=pair.tta, scans=20, measured=measured
    )
    out.write_text(made.model_dump_json())
    return out


def test_a_bundle_is_made_measured_and_described(
    runs: tuple[Path, Path], case_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_export, "possible", lambda: False)
    certainty = certain(runs, tmp_path / "certainty.json", TtaSpec(flip=True))
    out = tmp_path / "toy-1"
    words = localiser_bundle.bundle(
        *runs, certainty, out, name="toy-1", version="0.2.0", cases=case_folder, device="cpu"
    )
    assert "OpenVINO" in words
    read = bundles.load(out)
    assert isinstance(read.method, TwoStageMethod)
    assert (read.name, read.version, read.method.tta) == ("toy-1", "0.2.0", TtaSpec(flip=True))
    card = read.model_card
    for part in ("Not a medical device", "on toys", "the 1 case(s) of the folder one",
                 "## Failures", "Brier score", "CC BY-SA 4.0"):  # fmt: skip
        assert part in card, part
    content = (out / "bundle.json").read_text()
    assert "secret" not in content
    assert str(tmp_path) not in content
    assert str(runs[0].parent) not in content
    assert (runs[0] / "evaluation" / "evaluation.json").is_file()
    for stage, network, run in zip(
        ("coarse", "fine"), (read.method.coarse, read.method.fine), runs, strict=True
    ):
        begun = start.find(out, network)
        assert begun.weights.read_bytes() == (run / "network.weights.h5").read_bytes(), stage
        assert begun.data == read_spec(run).data


def test_a_certainty_of_other_networks_is_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    certainty = certain(runs, tmp_path / "certainty.json")
    content = json.loads(certainty.read_text())
    certainty.write_text(json.dumps({**content, "networks": "others"}))
    with pytest.raises(ValueError, match="fitted to other networks"):
        localiser_bundle.bundle(*runs, certainty, tmp_path / "out", name="out")
    assert not (tmp_path / "out").exists()


def test_an_ablation_is_no_bundle(runs: tuple[Path, Path], tmp_path: Path) -> None:
    coarse = tmp_path / "fewer"
    shutil.copytree(runs[0], coarse)
    spec = json.loads((coarse / "train.json").read_text())
    spec["network"]["points"] = POINTS[:-1]
    (coarse / "train.json").write_text(json.dumps(spec))
    certainty = certain((coarse, runs[1]), tmp_path / "certainty.json")
    with pytest.raises(ValueError, match="its network does not know T12-body"):
        localiser_bundle.bundle(coarse, runs[1], certainty, tmp_path / "out", name="out")
