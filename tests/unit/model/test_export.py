"""From a run folder to a bundle."""

from pathlib import Path

import pytest

from model import bundle
from model.export import write_bundle, write_results
from model.networks import preset
from model.train import TrainSpec

REPORT = {
    "scans": 2,
    "groups": {
        "all": {
            "foramina": 20, "missed": 1, "mean_yz_mm": 2.5, "mean_x_mm": 1.25, "recall": 0.9,
            "recall_interval": [0.699, 0.972], "right_level_share": 0.95,
            "right_level_interval": [0.764, 0.991],
        }
    },
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    import json

    chosen = preset("multinet-lower-resolution")
    spec = TrainSpec(chosen.network, chosen.preprocess, cases="3 drawings", steps=7)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.json").write_text(json.dumps(spec.to_json()))
    (tmp_path / "run" / "network.weights.h5").write_bytes(b"weights")
    return tmp_path / "run"


def test_a_bundle_holds_what_the_run_was_trained_with(run: Path, tmp_path: Path) -> None:
    written = write_bundle(run, tmp_path / "out", "mine", "2.0.0")
    assert (written.name, written.version) == ("mine", "2.0.0")
    assert written.network == preset("multinet-lower-resolution").network
    assert written.preprocess == preset("multinet-lower-resolution").preprocess
    assert written.weights.read_bytes() == b"weights"
    assert "3 drawings" in written.model_card
    assert "Not evaluated yet" in written.model_card


def test_results_enter_the_card_with_their_intervals(run: Path, tmp_path: Path) -> None:
    before = write_bundle(run, tmp_path / "out", "mine", "2.0.0")
    after = write_results(tmp_path / "out", REPORT, "2 drawings")
    assert "On 2 drawings, as `foramina model evaluate` prints it" in after.model_card
    assert "| all | 20 | 1 | 2.50 | 1.25 | 90.0% [69.9%, 97.2%] |" in after.model_card
    assert "Not a medical device" in after.model_card
    assert after.digest == bundle.digest(tmp_path / "out") != before.digest


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "network.weights.h5").unlink()
    with pytest.raises(ValueError, match="its training is not finished; continue it"):
        write_bundle(run, tmp_path / "out", "mine", "1")
