"""`foramina model localiser`, as typed: what reaches the commands, and what is printed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from model.commands import (
    localiser,
    localiser_ablation,
    localiser_bundle,
    localiser_calibration,
)
from model.localiser.method import TtaSpec
from node import cli
from node.errors import ForaminaError


def invoke(*words: object) -> Result:
    given = ["model", "localiser", *(str(word) for word in words)]
    result = CliRunner().invoke(cli.app, given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Collect what the commands are asked for, do nothing."""
    words: dict[str, Any] = {}

    def answer(given: Any) -> Any:
        def command(*arguments: Any, **options: Any) -> Any:
            options.pop("report")
            words.update(options, arguments=arguments)
            return given

        return command

    certain = SimpleNamespace(measured={}, certainty=SimpleNamespace(calibrated_on="on toys"))
    monkeypatch.setattr("model.localiser.reliability.markdown", lambda _, words: f"table {words}")
    monkeypatch.setattr(localiser, "train", answer(Path("run/network.weights.h5")))
    monkeypatch.setattr(localiser_calibration, "calibrate", answer(certain))
    monkeypatch.setattr(localiser_bundle, "bundle", answer("0.01 mm apart"))
    monkeypatch.setattr(localiser_ablation, "ablate", answer([{"scans": 3}]))
    monkeypatch.setattr(localiser_ablation, "markdown", lambda rows, words: f"table {words}")
    return words


@pytest.fixture
def runs(tmp_path: Path) -> tuple[object, ...]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return "--coarse", tmp_path / "a", "--fine", tmp_path / "b"


def test_train_takes_the_stream_and_the_ablations(asked: dict[str, Any], tmp_path: Path) -> None:
    done = invoke(
        "train", "run", "--stage", "coarse", "--anatomies", "kept", "--count", 9,
        "--first-seed", 3, "--label-maps", tmp_path, "--label-map-share", 0.2, "--steps", 5,
        "--t1-only", "--no-background", "--no-decoys", "--processes", 0, "--start", "spine-1",
    )  # fmt: skip
    assert done.stdout == "trained: run/network.weights.h5; curves: run/curves.png\n"
    stream = localiser.Stream(Path("kept"), 9, 3, tmp_path, 0.2, t1_only=True, background=False)
    assert asked.pop("arguments") == (Path("run"), "coarse", stream)
    assert asked == {
        "steps": 5, "batch_size": None, "seed": 1, "start": "spine-1", "processes": 0,
        "decoys": False, "checkpoint_every_s": 300.0,
    }  # fmt: skip
    assert invoke("train", "run", "--stage", "middle", "--anatomies", "kept").exit_code == 2


def test_calibrate_takes_scans_and_demands(
    asked: dict[str, Any], runs: tuple[object, ...], tmp_path: Path
) -> None:
    done = invoke(
        "calibrate", *runs, "--out", "c.json", "--anatomies", "kept", "--count", 50,
        "--most-shifted", 0.01, "--tta",
    )  # fmt: skip
    assert done.stdout == "table on toys\nwritten: c.json\n"
    _, _, scans, out = asked["arguments"]
    assert scans == localiser_calibration.Scans(None, Path("kept"), 50, 5000, "validation")
    assert out == Path("c.json")
    assert asked["demands"] == localiser_calibration.Demands(most_shifted=0.01)
    assert asked["tta"] == TtaSpec(flip=True)


def test_bundle_is_named_after_its_folder(
    asked: dict[str, Any], runs: tuple[object, ...], tmp_path: Path
) -> None:
    certainty = tmp_path / "c.json"
    certainty.write_text("{}")
    done = invoke("bundle", *runs, "--certainty", certainty, tmp_path / "foramina-1")
    assert done.stdout.startswith("bundle foramina-1 1.0.0; 0.01 mm apart; in config.yaml:")
    assert (asked["name"], asked["cases"], asked["part"]) == ("foramina-1", None, "test")


def test_ablate_takes_other_networks(
    asked: dict[str, Any], runs: tuple[object, ...], tmp_path: Path
) -> None:
    done = invoke("ablate", *runs, "--out", "t", "--cases", tmp_path, "--other", "t1=x/y")
    assert done.stdout == "table 3 scans\nwritten: t\n"
    assert asked["others"] == {"t1": Path("x/y")}
    with pytest.raises(ForaminaError, match="expected NAME=RUN"):
        invoke("ablate", *runs, "--out", "t", "--cases", tmp_path, "--other", "t1")
