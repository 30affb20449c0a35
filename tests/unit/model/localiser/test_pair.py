"""Two runs as one localiser, and networks that know fewer points."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from model.labels import LABELS
from model.localiser.answer import answer
from model.localiser.method import TtaSpec
from model.localiser.pair import Pair, completed, without_decoys
from model.localiser.spec import DECOYS, POINTS, CoarseSpec, FineSpec
from tests.unit.model.localiser.conftest import Spine, knowing


def run(folder: Path, kind: str, steps: int = 5) -> Path:
    """Write what a run of ten steps leaves when so many are done."""
    folder.mkdir()
    spec = {"kind": kind, "network": {"widths": [8, 16]}, "steps": 5, "seed": 3, "data": "toys"}
    (folder / "train.json").write_text(json.dumps(spec))
    lines = [json.dumps({"step": step + 1, "loss": 1.0}) + "\n" for step in range(steps)]
    (folder / "history.jsonl").write_text("".join(lines))
    (folder / "network.weights.h5").write_bytes(kind.encode())
    return folder


def test_two_finished_runs_make_a_pair(tmp_path: Path) -> None:
    runs = run(tmp_path / "a", "CoarseSpec"), run(tmp_path / "b", "FineSpec")
    pair = Pair.of_runs(*runs)
    assert pair.coarse_spec == CoarseSpec(widths=(8, 16))
    assert pair.fine_spec == FineSpec(widths=(8, 16))
    digest = pair.digest()
    assert Pair.of_runs(*runs).digest() == digest
    assert Pair.of_runs(*runs, TtaSpec(flip=True)).digest() != digest
    pair.fine.write_bytes(b"other weights")
    assert pair.digest() != digest


def test_what_is_no_pair_is_refused(tmp_path: Path) -> None:
    coarse, fine = run(tmp_path / "a", "CoarseSpec"), run(tmp_path / "b", "FineSpec")
    with pytest.raises(ValueError, match="a run of FineSpec; expected CoarseSpec"):
        Pair.of_runs(fine, fine)
    with pytest.raises(ValueError, match="holds no run of"):
        Pair.of_runs(tmp_path, fine)
    with pytest.raises(ValueError, match="3 of 5 steps are done"):
        Pair.of_runs(coarse, run(tmp_path / "c", "FineSpec", steps=3))


def test_decoys_that_are_not_heard_are_never_chosen(scan: Spine) -> None:
    networks = knowing(scan)
    heard = answer(scan.pixels, scan.affine, networks).chain.chosen
    unheard = answer(scan.pixels, scan.affine, without_decoys(networks))
    assert ("T12", "left") in heard
    assert ("S1", "left") in heard
    assert set(unheard.found) <= set(LABELS)
    spec = networks.coarse_spec
    logits, presence = without_decoys(networks).coarse(np.zeros((1, 15, 112, 96), np.float32))
    assert logits.shape[-1] == len(POINTS) + 1
    for name in DECOYS:
        row = spec.points.index(name)
        assert np.ptp(logits[..., row]) == 0.0
        assert presence[0, row] < -10


def test_a_network_that_knows_all_points_stays_as_it_is(scan: Spine) -> None:
    networks = knowing(scan)
    assert completed(networks.coarse, networks.coarse_spec) is networks.coarse
    fewer = dataclasses.replace(networks.coarse_spec, points=POINTS[:3])

    def ask(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.ones((1, 2, 2, 2, 4), np.float32), np.ones((1, 3), np.float32)

    logits, presence = completed(ask, fewer)(np.zeros(1, np.float32))
    assert logits[0, 0, 0, 0].tolist() == [1, 1, 1, *[0] * (len(POINTS) - 3), 1]
    assert (presence[0] > 0).tolist() == [True] * 3 + [False] * (len(POINTS) - 3)
