"""From a run folder to a bundle."""

import json
from pathlib import Path

import numpy as np
import pytest

from model import bundle, metrics
from model.export import write_bundle, write_results
from model.intervals import redraw
from model.labels import LABELS
from model.metrics import Distance
from model.networks import preset
from model.patch import PatchMethod
from model.train import TrainSpec


def report() -> dict[str, object]:
    """Make a report of two scans with nineteen of twenty foramina found."""
    measured = [
        Distance(scan, scan, label, 1.0, 2.0 + index % 2, label[:2])
        for scan in ("secret-a", "secret-b") for index, label in enumerate(LABELS)
    ]  # fmt: skip
    measured[0] = Distance("secret-a", "secret-a", "L1-left")
    groups = metrics.by_group(measured, redraw(["secret-a", "secret-b"], np.random.default_rng(0)))
    return {
        "scans": 2,
        "abstained_scans": 0,
        "intervals": {"resamples": 2000},
        "groups": {name: metrics.plain(group) for name, group in groups.items()},
        "confusion": metrics.confusion(measured),
        "whole_scans": metrics.plain(metrics.whole_scans(measured)),
    }


def run_of(name: str, folder: Path) -> Path:
    chosen = preset(name)
    spec = TrainSpec(chosen.network, chosen.preprocess, cases="3 drawings", steps=7)
    folder.mkdir()
    (folder / "train.json").write_text(json.dumps(spec.to_json()))
    (folder / "network.weights.h5").write_bytes(b"weights")
    session = {"from_step": 0, "started": "2020-01-01", "commit": "c0ffee", "device": "CPU",
               "python": "3.11", "versions": {"keras": "3.0"}}  # fmt: skip
    (folder / "run.json").write_text(json.dumps([session]))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return run_of("multinet-lower-resolution", tmp_path / "run")


def test_a_bundle_holds_what_the_run_was_trained_with(run: Path, tmp_path: Path) -> None:
    written = write_bundle(run, tmp_path / "out", "mine", "2.0.0")
    assert (written.name, written.version) == ("mine", "2.0.0")
    assert isinstance(written.method, PatchMethod)
    assert written.method.network == preset("multinet-lower-resolution").network
    assert written.method.preprocess == preset("multinet-lower-resolution").preprocess
    assert (written.folder / written.method.weights).read_bytes() == b"weights"
    assert "3 drawings" in written.model_card
    assert "Not evaluated yet" in written.model_card
    saved = json.loads((tmp_path / "out" / "bundle.json").read_text())
    assert saved["training"]["sessions"][0]["commit"] == "c0ffee"
    assert not (tmp_path / "out.partial").exists()


def test_the_card_tells_which_network_it_is(run: Path, tmp_path: Path) -> None:
    card = write_bundle(run, tmp_path / "out", "mine", "1").model_card
    assert "- MultiNet at 1.4 mm (Lamerigts" in card
    assert "one channel per level" in card
    assert "- 5 compressions, 8 to 16 channels, 398,326 parameters" in card
    assert "- CPU; keras 3.0; commit c0ffee" in card
    assert "counted off" not in card


def test_the_card_of_a_singlenet_tells_its_own_limit(tmp_path: Path) -> None:
    run = run_of("singlenet-elu", tmp_path / "single")
    card = write_bundle(run, tmp_path / "out", "mine", "1").model_card
    assert "- SingleNet at 0.7 mm (Lamerigts" in card
    assert "one channel for all levels" in card
    assert "activation elu" in card
    assert "one missed or surplus foramen shifts" in card


def test_a_run_of_an_older_version_has_no_sessions(run: Path, tmp_path: Path) -> None:
    (run / "run.json").unlink()
    assert "commit" not in write_bundle(run, tmp_path / "out", "mine", "1").model_card


def test_results_enter_the_card_with_their_intervals(run: Path, tmp_path: Path) -> None:
    before = write_bundle(run, tmp_path / "out", "mine", "2.0.0")
    after = write_results(tmp_path / "out", report(), "2 drawings")
    assert "On 2 drawings, as `foramina model evaluate` prints it" in after.model_card
    assert "| all | 20 | 1 | 0 | 2.53 [2.50, 2.56] | 1.00 | 95.0% [76.4%, 99.1%] " in (
        after.model_card
    )
    assert "Not a medical device" in after.model_card
    assert after.digest == bundle.digest(tmp_path / "out") != before.digest


def test_no_scan_is_named_in_the_bundle(run: Path, tmp_path: Path) -> None:
    write_bundle(run, tmp_path / "out", "mine", "1")
    write_results(tmp_path / "out", report(), "2 drawings")
    for path in (tmp_path / "out").iterdir():
        assert b"secret" not in path.read_bytes()


def test_an_older_bundle_is_replaced_and_other_files_are_not(run: Path, tmp_path: Path) -> None:
    write_bundle(run, tmp_path / "out", "mine", "1")
    assert write_bundle(run, tmp_path / "out", "mine", "2").version == "2"
    with pytest.raises(ValueError, match="run holds other files; give a new folder"):
        write_bundle(run, run, "mine", "1")
    assert (run / "train.json").is_file()


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "network.weights.h5").unlink()
    with pytest.raises(ValueError, match="its training is not finished; continue it"):
        write_bundle(run, tmp_path / "out", "mine", "1")
    assert not (tmp_path / "out").exists()


def test_every_preset_has_a_card(tmp_path: Path) -> None:
    from model.networks import PRESETS

    for name in PRESETS:
        written = write_bundle(run_of(name, tmp_path / name), tmp_path / f"{name}-b", "b", "1")
        assert isinstance(written.method, PatchMethod)
        assert written.method.network == preset(name).network
