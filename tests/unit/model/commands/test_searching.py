"""The search from the command line: what is drawn from, and what is left behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import commands
from model.search import Watch
from model.train import TrainSpec

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[TrainSpec]:
    """Collect what is drawn instead of training it."""
    specs: list[TrainSpec] = []

    def trainer(*_: Any) -> Callable[[TrainSpec, Path, Watch], float]:
        def objective(spec: TrainSpec, folder: Path, watch: Watch) -> float:
            specs.append(spec)
            watch.tick(1)
            return 0.1 * len(specs)

        return objective

    monkeypatch.setattr("model.search.trainer", trainer)
    return specs


def test_a_search_stays_in_its_limits_and_goes_on(
    drawn: list[TrainSpec], scans_index: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "cases": scans_index, "greatest_patch": 97, "most_compressions": 3, "steps": 5,
    }  # fmt: skip
    commands.search(tmp_path, trials=2, **options)
    found = commands.search(tmp_path, trials=4, **options)
    assert [one.number for one in found] == [0, 1, 2, 3]
    assert len(drawn) == 4
    assert all(spec.network.patch_size <= 97 for spec in drawn)
    assert all(spec.network.compressions <= 3 for spec in drawn)
    assert {spec.steps for spec in drawn} == {5}
    assert {"results.md", "results.csv", "results.json", "search.png", "data.json"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_the_clock_decides_where_only_seconds_are_given(
    drawn: list[TrainSpec], scans_index: Path, tmp_path: Path
) -> None:
    commands.search(tmp_path, trials=1, seconds=60, cases=scans_index)
    assert drawn[0].steps > 100_000


def test_a_space_without_a_patch_is_refused(scans_index: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="patch_size: no value to draw"):
        commands.search(tmp_path, cases=scans_index, greatest_patch=20)
