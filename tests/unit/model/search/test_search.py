"""The search with a stand-in for training: what is drawn, what is kept, what a kill leaves."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.networks import NetworkSpec
from model.preprocess import PreprocessSpec
from model.search import (
    NAMES,
    SearchSpace,
    SearchSpec,
    Trial,
    TrialError,
    Watch,
    read_trials,
    search,
    train_spec,
)
from model.search.trial import OutOfTimeError
from model.train import TrainSpec

SINGLENET = NetworkSpec(family="singlenet", channels=("foramen",), compressions=2, max_channels=32)
BASE = TrainSpec(SINGLENET, PreprocessSpec(), steps=100)
SPEC = SearchSpec(BASE, trials=6, seed=4)


def stand_in(spec: TrainSpec, folder: Path, watch: Watch) -> float:
    """Give a Dice at once: greater patches are better."""
    folder.mkdir(parents=True, exist_ok=True)
    watch.tick(1)
    return spec.network.patch_size / 1000


def drawn(trials: list[Trial]) -> list[dict[str, float]]:
    return [trial.parameters for trial in trials]


def test_space_is_table_a1() -> None:
    space = SearchSpace()
    assert space.patch_size[:2] + space.patch_size[-1:] == (33, 65, 481)
    assert len(space.patch_size) == 15
    assert space.batch_size == (2, 3, 4, 5, 6)
    assert space.compressions == (2, 3, 4, 5)
    assert space.first_channels == tuple(range(2, 17))
    assert space.learning_rate == (0.01, 0.004, 0.001, 0.0004)
    assert space.keep_probability == (
        0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0,
    )  # fmt: skip
    assert (SearchSpec(BASE).trials, SearchSpec(BASE).measured_px) == (51, 481)


def test_a_trial_is_a_specification_for_training() -> None:
    parameters = {"patch_size": 97, "batch_size": 3, "compressions": 5, "first_channels": 6,
                  "learning_rate": 0.004, "keep_probability": 0.55}  # fmt: skip
    spec = train_spec(BASE, parameters)
    assert (spec.network.patch_size, spec.network.compressions) == (97, 5)
    assert (spec.network.first_channels, spec.network.keep_probability) == (6, 0.55)
    assert spec.network.max_channels == 6 * 2**5  # a SingleNet has no cap
    assert (spec.batch_size, spec.learning_rate, spec.final_learning_rate) == (3, 0.004, 0.004)
    assert spec.augmentation.deformation_knots == 2  # 6 knots on 481 pixels are 1.2 on 97
    assert spec.steps == BASE.steps


def test_a_multinet_keeps_its_cap_and_a_falling_rate_falls_as_far() -> None:
    base = TrainSpec(NetworkSpec(max_channels=16), PreprocessSpec(), final_learning_rate=0.0001)
    parameters = {"patch_size": 97, "batch_size": 3, "compressions": 4, "first_channels": 6,
                  "learning_rate": 0.01, "keep_probability": 1.0}  # fmt: skip
    spec = train_spec(base, parameters)
    assert spec.network.max_channels == 16
    assert spec.final_learning_rate == pytest.approx(0.001)


def test_every_trial_is_drawn_kept_and_reported(tmp_path: Path) -> None:
    reported: list[list[Trial]] = []
    trials = search(SPEC, stand_in, tmp_path, reported.append)
    assert [len(some) for some in reported] == [1, 2, 3, 4, 5, 6]
    assert reported[-1] == trials == read_trials(tmp_path)
    assert [trial.number for trial in trials] == list(range(6))
    assert {trial.state for trial in trials} == {"done"}
    for trial in trials:
        assert set(trial.parameters) == set(NAMES)
        assert all(value in getattr(SPEC.space, name) for name, value in trial.parameters.items())
        assert trial.dice == trial.parameters["patch_size"] / 1000
        assert (tmp_path / "trials" / f"{trial.number:03d}").is_dir()
    assert len({json.dumps(one) for one in drawn(trials)}) == 6
    assert json.loads((tmp_path / "search.json").read_text()) == SPEC.to_json()


def test_a_seed_gives_the_same_trials_and_another_seed_others(tmp_path: Path) -> None:
    first = search(SPEC, stand_in, tmp_path / "a")
    again = search(SPEC, stand_in, tmp_path / "b")
    other = search(dataclasses.replace(SPEC, seed=5), stand_in, tmp_path / "c")
    assert drawn(first) == drawn(again) != drawn(other)


def test_a_search_can_be_extended_and_does_nothing_twice(tmp_path: Path) -> None:
    whole = search(SPEC, stand_in, tmp_path / "whole")
    runs: list[Path] = []

    def counted(spec: TrainSpec, folder: Path, watch: Watch) -> float:
        runs.append(folder)
        return stand_in(spec, folder, watch)

    search(dataclasses.replace(SPEC, trials=2), counted, tmp_path / "grown")
    grown = search(SPEC, counted, tmp_path / "grown")
    assert drawn(grown) == drawn(whole)
    assert [run.name for run in runs] == ["000", "001", "002", "003", "004", "005"]


def test_a_failed_trial_is_kept_with_its_reason_and_not_tried_again(tmp_path: Path) -> None:
    tried: list[str] = []

    def sometimes(spec: TrainSpec, folder: Path, watch: Watch) -> float:
        tried.append(folder.name)
        if folder.name == "001":
            raise TrialError("the network does not fit")
        return float("nan") if folder.name == "002" else 0.5

    search(dataclasses.replace(SPEC, trials=3), sometimes, tmp_path)
    trials = search(dataclasses.replace(SPEC, trials=3), sometimes, tmp_path)
    assert tried == ["000", "001", "002"]
    assert [(one.state, one.reason, one.dice) for one in trials] == [
        ("done", "", 0.5),
        ("failed", "the network does not fit", None),
        ("failed", "the Dice is nan: the training diverged", None),
    ]


def test_time_is_counted_over_all_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("model.search.trial.time", SimpleNamespace(monotonic=lambda: clock[0]))
    spec = dataclasses.replace(SPEC, trials=1, seconds=100.0)

    def until(step: int) -> Callable[[TrainSpec, Path, Watch], float]:
        def objective(_: TrainSpec, folder: Path, watch: Watch) -> float:
            for number in range(1, step + 1):
                clock[0] += 10.0
                watch.tick(number)
            raise KeyboardInterrupt

        return objective

    with pytest.raises(KeyboardInterrupt):
        search(spec, until(6), tmp_path)
    (half,) = read_trials(tmp_path)
    assert (half.state, half.steps, half.seconds) == ("running", 6, 50.0)  # from the first step on
    with pytest.raises(OutOfTimeError):  # after 50 more seconds
        search(spec, until(6), tmp_path)
    assert read_trials(tmp_path)[0].seconds == 100.0


def test_a_trial_that_kills_its_process_again_and_again_is_given_up(tmp_path: Path) -> None:
    def dies(_: TrainSpec, folder: Path, watch: Watch) -> float:
        raise KeyboardInterrupt

    spec = dataclasses.replace(SPEC, trials=2)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            search(spec, dies, tmp_path)
    first, second = search(spec, stand_in, tmp_path)
    assert first.state == "failed"
    assert "started 3 times and did not get past step 0" in first.reason
    assert second.state == "done"


def test_a_folder_with_another_search_is_refused(tmp_path: Path) -> None:
    search(dataclasses.replace(SPEC, trials=1), stand_in, tmp_path)
    other = dataclasses.replace(SPEC, seed=9, seconds=5.0)
    with pytest.raises(ValueError, match=r"other settings \(seconds, seed\); continue it"):
        search(other, stand_in, tmp_path)


def test_two_searches_in_one_folder_are_refused(tmp_path: Path) -> None:
    def nested(spec: TrainSpec, folder: Path, watch: Watch) -> float:
        search(SPEC, stand_in, tmp_path)
        return 0.0

    with pytest.raises(ValueError, match="another process searches in"):
        search(SPEC, nested, tmp_path)


def test_unusable_searches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trials 0, seconds None"):
        SearchSpec(BASE, trials=0)
    with pytest.raises(ValueError, match="patch_size 50 does not fit 2 compressions"):
        SearchSpec(BASE, SearchSpace(patch_size=(33, 50)))
    with pytest.raises(ValueError, match="batch_size: no value to draw"):
        SearchSpace(batch_size=())
    with pytest.raises(ValueError, match="holds no search"):
        read_trials(tmp_path)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from test_search import SPEC, stand_in
from model.search import search

def dies_in_the_third(spec, folder, watch):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "progress").write_text("17")
    watch.tick(17)
    if folder.name == "002":
        os.kill(os.getpid(), signal.SIGKILL)
    return stand_in(spec, folder, watch)

search(SPEC, dies_in_the_third, Path({folder!r}))
"""


def test_a_search_killed_in_a_trial_goes_on_with_that_trial(tmp_path: Path) -> None:
    here = Path(__file__)
    script = KILLED.format(
        root=str(here.parents[4]), tests=str(here.parent), folder=str(tmp_path / "killed")
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    states = [trial.state for trial in read_trials(tmp_path / "killed")]
    assert states == ["done", "done", "running"]

    resumed: list[str] = []

    def resume(spec: TrainSpec, folder: Path, watch: Watch) -> float:
        if (folder / "progress").exists():
            resumed.append(folder.name)
        return stand_in(spec, folder, watch)

    trials = search(SPEC, resume, tmp_path / "killed")
    assert resumed == ["002"]
    assert drawn(trials) == drawn(search(SPEC, stand_in, tmp_path / "whole"))
    assert {trial.state for trial in trials} == {"done"}
