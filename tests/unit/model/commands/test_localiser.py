"""Training of the localiser from the command line: what is learned from, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.commands import localiser
from model.commands.localiser import Stream
from model.localiser import record
from model.localiser.source import ScanSource
from model.localiser.spec import DECOYS, POINTS
from model.localiser.training import RunSpec
from model.synthetic import cache
from tests.toy_scan import kept_subject


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunSpec, ScanSource]]:
    """Collect what would be trained; draw toys instead of anatomies."""
    runs: list[tuple[RunSpec, ScanSource]] = []

    def train(
        spec: RunSpec, source: ScanSource, folder: Path, report: Callable[..., None], **_: Any
    ) -> Path:
        runs.append((spec, source))
        for step in (1, 2):
            report(step, {"loss": 4.0 / step})
        return folder / "network.weights.h5"

    monkeypatch.setattr("model.localiser.training.train", train)
    monkeypatch.setattr("model.synthetic.anatomy.draw", kept_subject)
    return runs


def test_the_recipe_is_the_default(
    planned: list[tuple[RunSpec, ScanSource]], tmp_path: Path
) -> None:
    stream = Stream(tmp_path / "anatomies", 3, 7)
    for stage in ("coarse", "fine"):
        localiser.train(tmp_path / stage, stage, stream, processes=0)  # type: ignore[arg-type]
    (coarse, coarse_source), (fine, fine_source) = planned
    assert coarse.steps * coarse_source.batch_size == 15_000
    assert fine.steps * fine_source.batch_size == 40_000
    assert coarse_source.spec.points == POINTS  # type: ignore[union-attr]
    assert [path.name for path in fine_source.files] == [
        f"subject-0000{seed}.npz" for seed in (7, 8, 9)
    ]
    assert coarse.data == (
        "3 drawn anatomies (seeds 7 to 9), imaged anew with T1, T2 and free contrasts"
    )
    assert dict(coarse_source.options) == {}
    assert record.subjects(tmp_path / "fine") == [path.name for path in fine_source.files]


def test_ablations_change_one_thing_each(
    planned: list[tuple[RunSpec, ScanSource]], tmp_path: Path
) -> None:
    folder = tmp_path / "anatomies"
    for name, stream, decoys in (
        ("t1", Stream(folder, 1, t1_only=True), True),
        ("bare", Stream(folder, 1, background=False), True),
        ("blind", Stream(folder, 1), False),
    ):
        localiser.train(tmp_path / name, "coarse", stream, processes=0, decoys=decoys, steps=10)
    (t1, t1_source), (_, bare), (_, blind) = planned
    assert t1_source.options["priors"].t2 == 0.0
    assert t1_source.options["priors"].t1 == 1.0
    assert "T1 contrasts alone" in t1.data
    assert t1.warmup_steps == 2
    assert not bare.background
    assert set(POINTS) - set(blind.spec.points) == set(DECOYS)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="decoys concern the coarse one alone"):
        localiser.train(tmp_path / "x", "fine", Stream(folder, 1), processes=0, decoys=False)


def test_label_maps_come_as_often_as_their_share_says(
    planned: list[tuple[RunSpec, ScanSource]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "map.npz"
    cache.save(kept_subject(), kept)
    asked: list[bool] = []

    def keep(folder: Path, kept_in: Path, needs_foramina: bool) -> list[Path]:
        asked.append(needs_foramina)
        return [kept]

    monkeypatch.setattr("model.localiser.label_maps.keep", keep)
    stream = Stream(tmp_path / "anatomies", 6, 0, tmp_path, 0.25)
    for stage in ("coarse", "fine"):
        localiser.train(tmp_path / stage, stage, stream, processes=0)  # type: ignore[arg-type]
    (spec, source), _ = planned
    assert source.files.count(kept) == 2
    assert len(source.files) == 8
    assert asked == [False, True]
    assert spec.data.endswith("and label maps (25% of the scans)")


def test_a_folder_with_other_data_is_refused(
    planned: list[tuple[RunSpec, ScanSource]], tmp_path: Path
) -> None:
    run, folder = tmp_path / "run", tmp_path / "anatomies"
    localiser.train(run, "coarse", Stream(folder, 2), processes=0)
    localiser.train(run, "coarse", Stream(folder, 2), processes=0)
    with pytest.raises(ValueError, match=r"holds a run on other data \(subjects\)"):
        localiser.train(run, "coarse", Stream(folder, 3), processes=0)
    with pytest.raises(ValueError, match=r"other data \(options\)"):
        localiser.train(run, "coarse", Stream(folder, 2, t1_only=True), processes=0)
    assert len(planned) == 2
    assert json.loads((run / "data.json").read_text())["seed"] == planned[0][1].seed


def test_losses_are_told_as_running_means(
    planned: list[tuple[RunSpec, ScanSource]], tmp_path: Path
) -> None:
    told: list[tuple[str, int, int, str]] = []
    localiser.train(
        tmp_path / "run", "coarse", Stream(tmp_path / "anatomies", 1), processes=0, steps=2,
        report=lambda what, done, total, detail="": told.append((what, done, total, detail)),
    )  # fmt: skip
    assert len(planned) == 1
    assert told[0] == ("drawing anatomies", 1, 1, "")
    assert told[1:] == [
        ("training coarse", 1, 2, "loss 4.000"),
        ("training coarse", 2, 2, "loss 3.960"),
    ]


@pytest.mark.parametrize("wrong", [{"count": 0}, {"first_seed": -1}, {"label_map_share": 1.0}])
def test_a_stream_of_nothing_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        Stream(tmp_path, **wrong)
