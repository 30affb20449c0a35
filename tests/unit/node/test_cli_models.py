"""The commands on models, as typed: what is printed and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from model import commands
from model.networks import PRESETS
from node import cli
from node.errors import ForaminaError


def invoke(*words: object) -> Result:
    result = CliRunner().invoke(cli.app, ["model", *(str(word) for word in words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Collect what `train`, `search`, `bundle` and `evaluate` are asked for, do nothing."""
    words: dict[str, Any] = {}

    def answer(given: Any) -> Any:
        def command(*arguments: Any, **options: Any) -> Any:
            words.update(options, arguments=arguments)
            return given

        return command

    line = {name: 0 for name in ("missed", "wrong_level", "foramina")}
    monkeypatch.setattr("model.evaluate.markdown", lambda report: f"table {report['bundle']}")
    measured = commands.Evaluated({"one": {"bundle": "one", **line}}, ("measured on it",))
    monkeypatch.setattr(commands, "train", answer(Path("run/network.weights.h5")))
    monkeypatch.setattr(commands, "search", answer([]))
    monkeypatch.setattr(commands, "bundle", answer({}))
    monkeypatch.setattr(commands, "evaluate", answer(measured))
    return words


def test_networks_are_listed_with_their_parameters() -> None:
    rows = json.loads(invoke("list", "--json").stdout)
    assert [row["name"] for row in rows] == [*PRESETS, "phantom-1"]
    assert "398326" in invoke("list", "--reduced").stdout


def test_train_takes_the_sizes(asked: dict[str, Any], tmp_path: Path) -> None:
    done = invoke(
        "train", "run", "--preset", "multinet-elu", "--cases", tmp_path, "--reduced", "--steps", 9,
        "--batch-size", 2, "--spacing-mm", 1.4, "--patch-size", 225, "--training-cases", 5,
        "--precision", "float32",
    )  # fmt: skip
    assert done.stdout == "trained: run/network.weights.h5; curves: run/curves.png\n"
    asked.pop("report")
    assert asked == {
        "arguments": (Path("run"),), "preset": "multinet-elu", "cases": tmp_path, "phantoms": 96,
        "reduced": True, "steps": 9, "batch_size": 2, "norm_spacing_mm": 1.4, "patch_size": 225,
        "training_cases": 5, "schedule": None, "seed": 1, "precision": "float32",
        "checkpoint_every_s": 60.0,
    }  # fmt: skip


def test_search_prints_its_tables(asked: dict[str, Any]) -> None:
    done = invoke("search", "out", "--trials", 3, "--seconds", 60, "--greatest-patch", 129)
    assert done.stdout.startswith("0 networks trained")
    assert (asked["trials"], asked["seconds"], asked["greatest_patch"]) == (3, 60.0, 129)


def test_evaluate_takes_models_in_both_ways(asked: dict[str, Any]) -> None:
    done = invoke("evaluate", "runs/a", "runs/b", "--bundle", "c", "--phantoms", 2)
    assert asked["arguments"] == (["runs/a", "runs/b", "c"], None, None)
    assert "## one\n\ntable one" in done.stdout
    assert done.stderr == "measured on it\n"
    assert json.loads(invoke("evaluate", "--json").stdout)["bundle"] == "one"
    assert asked["arguments"] == (["phantom-1"], None, None)


def test_bundle_prints_the_line_for_the_configuration(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    done = invoke("bundle", "run", "spine-1")
    assert asked["arguments"] == (Path("run"), Path("spine-1"), "spine-1", "1.0.0")
    assert done.stdout.endswith(f"model: {{bundle: {tmp_path}/spine-1}}\n")


def test_what_is_no_data_set_or_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ForaminaError, match=r"holds no case; expected CASE/truth\.json"):
        invoke("train", tmp_path / "run", "--cases", tmp_path)
    with pytest.raises(ForaminaError, match="no preset is called 'unet'"):
        invoke("train", tmp_path / "run", "--preset", "unet")
    with pytest.raises(ForaminaError, match="no model bundle 'nothing'"):
        invoke("evaluate", "nothing")
    with pytest.raises(ForaminaError, match="expected what `foramina model evaluate` writes"):
        invoke("compare", tmp_path, tmp_path)
    with pytest.raises(ForaminaError, match="its training is not finished"):
        invoke("bundle", tmp_path, tmp_path / "new")
    with pytest.raises(ForaminaError, match="no run has a Dice yet"):
        invoke("curves", tmp_path)
    assert invoke("train", "run", "--cases", tmp_path / "none").exit_code == 2


def test_the_published_p_value_is_reproduced() -> None:
    lines = invoke("published").stdout.splitlines()
    (line,) = [one for one in lines if "| Lower res. | Lower res. 60k |" in one]
    assert "9 : 11" in line
    assert "0.8238" in line


def test_evaluations_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = SimpleNamespace(to_json=lambda: {"pairs": []})
    monkeypatch.setattr("model.compare.compare_folders", lambda paths, out: compared)
    monkeypatch.setattr("model.compare.markdown", lambda comparison: "the table")
    assert invoke("compare", tmp_path, tmp_path).stdout == "the table\n"
    assert json.loads(invoke("compare", tmp_path, "--json").stdout) == {"pairs": []}
