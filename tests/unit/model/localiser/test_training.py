"""Training: both networks learn from a handful of scans, and a stopped run goes on as it was."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model.localiser import record
from model.localiser.examples import CoarseExample, FineExample, coarse_example, fine_examples
from model.localiser.source import ScanSource
from model.localiser.spec import CoarseSpec, FineSpec
from model.localiser.start import find
from model.localiser.training import (
    RunSpec,
    build,
    coarse_losses,
    collate,
    finished,
    read_spec,
    train,
)
from tests.unit.model.localiser.conftest import Spine, spine

pytestmark = pytest.mark.xdist_group("tensorflow")
pytest.importorskip("tensorflow")

COARSE = CoarseSpec(pixel_mm=5.6, widths=(8, 16, 16), sigma_mm=8.0)
FINE = FineSpec(pixel_mm=2.0, shape=(5, 24, 24), widths=(8, 16))


@pytest.fixture(scope="module")
def scans() -> list[Spine]:
    return [spine(1), spine(2)]


def coarse_batch(scans: list[Spine], number: int) -> list[CoarseExample]:
    return [coarse_example(scans[number % 2], COARSE)]


def losses(folder: Path) -> list[float]:
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["points"] for line in lines]


def test_the_coarse_network_learns(scans: list[Spine], tmp_path: Path) -> None:
    spec = RunSpec(COARSE, steps=40, learning_rate=0.01, warmup_steps=5)
    train(spec, lambda number: coarse_batch(scans, number), tmp_path, processes=0)
    curve = losses(tmp_path)
    assert np.mean(curve[-4:]) < 0.7 * np.mean(curve[:2])


def test_the_fine_network_learns(scans: list[Spine], tmp_path: Path) -> None:
    def batch(number: int) -> Sequence[FineExample]:
        return fine_examples(scans[number % 2], FINE, np.random.default_rng([7, number]), 6)

    spec = RunSpec(FINE, steps=40, learning_rate=0.01, warmup_steps=5)
    train(spec, batch, tmp_path, processes=0)
    curve = losses(tmp_path)
    assert np.mean(curve[-4:]) < 0.7 * np.mean(curve[:2])


def test_padding_costs_nothing(scans: list[Spine]) -> None:
    """A target that leaked into padded slices, which are never answered, would cost thousands."""
    network = build(COARSE)
    arrays = collate([coarse_example(scans[0], COARSE)], COARSE)
    more = [(0, 0), (0, 6), (0, 0), (0, 0)]
    padded = {**arrays, "pixels": np.pad(arrays["pixels"], more)}
    for name, loss in coarse_losses(network, COARSE, padded).items():
        alone = coarse_losses(network, COARSE, arrays)[name]
        np.testing.assert_allclose(loss, alone, rtol=1e-3, err_msg=name)


def test_what_is_not_labelled_teaches_nothing(scans: list[Spine]) -> None:
    """A map without foramina must not teach that there are none."""
    network = build(COARSE)
    named, unnamed = (coarse_example(one, COARSE) for one in scans)
    silent = np.zeros_like(unnamed.known)
    unnamed = dataclasses.replace(unnamed, known=silent, labelled=silent)
    alone = coarse_losses(network, COARSE, collate([named], COARSE))
    both = coarse_losses(network, COARSE, collate([named, unnamed], COARSE))
    for name in ("points", "any", "presence"):
        np.testing.assert_allclose(both[name], alone[name], rtol=2e-3, err_msg=name)


class Stopped(Exception):
    """What a kill looks like from inside."""


def test_a_stopped_run_goes_on_as_it_was(scans: list[Spine], tmp_path: Path) -> None:
    spec = RunSpec(COARSE, steps=10, warmup_steps=2)

    def batch(number: int) -> list[CoarseExample]:
        return coarse_batch(scans, number)

    def dying(number: int) -> list[CoarseExample]:
        if number == 6:
            raise Stopped
        return batch(number)

    train(spec, batch, tmp_path / "whole", processes=0)
    with pytest.raises(Stopped):
        train(spec, dying, tmp_path / "parts", processes=0, checkpoint_every_s=0)
    train(spec, batch, tmp_path / "parts", processes=0)
    sessions = json.loads((tmp_path / "parts" / "run.json").read_text())
    assert [session["from_step"] for session in sessions] == [0, 6]
    assert (tmp_path / "parts" / "curves.png").is_file()
    assert read_spec(tmp_path / "parts") == spec
    weights, _ = finished(tmp_path / "parts", CoarseSpec)
    assert weights == tmp_path / "parts" / "network.weights.h5"
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), rtol=2e-3)


def test_a_folder_of_another_run_is_refused(scans: list[Spine], tmp_path: Path) -> None:
    train(
        RunSpec(COARSE, steps=1, warmup_steps=0),
        lambda number: coarse_batch(scans, number),
        tmp_path,
        processes=0,
    )
    with pytest.raises(ValueError, match="another folder"):
        train(RunSpec(COARSE, steps=2), lambda _: [], tmp_path, processes=0)


def test_a_run_begins_with_the_weights_of_another(scans: list[Spine], tmp_path: Path) -> None:
    def batch(number: int) -> Sequence[CoarseExample]:
        return coarse_batch(scans, number)

    spec = RunSpec(COARSE, steps=30, learning_rate=0.01, warmup_steps=5)
    first = train(spec, batch, tmp_path / "first", processes=0)
    record.claim(tmp_path / "first", ScanSource(COARSE, (Path("a.npz"),), 1, 1))
    start = find(tmp_path / "first", COARSE)
    assert (start.weights, start.subjects) == (first, ("a.npz",))
    again = dataclasses.replace(spec, steps=2, learning_rate=1e-6, start=start.digest)
    train(again, batch, tmp_path / "again", start_weights=start.weights, processes=0)
    fresh = dataclasses.replace(again, start="")
    train(fresh, batch, tmp_path / "fresh", processes=0)
    assert losses(tmp_path / "again")[0] < 0.8 * losses(tmp_path / "fresh")[0]
    with pytest.raises(ValueError, match="holds another network"):
        find(tmp_path / "first", dataclasses.replace(COARSE, sigma_mm=9.0))
    with pytest.raises(ValueError, match="expected FineSpec"):
        find(tmp_path / "first", FINE)
    record.claim(tmp_path / "again", ScanSource(COARSE, (Path("b.npz"),), 1, 1), start.subjects)
    assert record.subjects(tmp_path / "again") == ["a.npz", "b.npz"]
