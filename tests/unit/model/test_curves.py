"""The curves: torn lines, repeated steps, CSV, picture, TensorBoard's scalars."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from model import curves

pytestmark = pytest.mark.xdist_group("tensorflow")

CHANNELS = ("L1", "L2")


def line(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "loss": 1.0 / step, "dice": [0.25, 0.75], **more}


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    """Read every scalar that TensorBoard would show."""
    import tensorflow as tf

    shown = {}
    for path in sorted((folder / "tensorboard").iterdir()):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                shown[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return shown


def test_a_history_that_goes_on_forgets_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    with curves.History(tmp_path, CHANNELS, 0) as history:
        for step in (1, 2, 3):
            history.append(line(step))
    with (tmp_path / "history.jsonl").open("a") as torn:
        torn.write('{"step": 4, "lo')
    assert [one["step"] for one in curves.read(tmp_path)] == [1, 2, 3]
    with curves.History(tmp_path, CHANNELS, 2) as history:
        history.append(line(3, loss=0.125))
    assert [one["loss"] for one in curves.read(tmp_path)] == [1.0, 0.5, 0.125]
    shown = scalars(tmp_path)
    assert [shown["loss", step] for step in (1, 2, 3)] == [1.0, 0.5, 0.125]
    assert shown["training/dice_L2", 3] == 0.75
    assert len([key for key in shown if key[0] == "loss"]) == 3


def test_csv_and_picture_show_every_step(tmp_path: Path) -> None:
    lines = [line(1), line(2, validation_dice=[0.5, 1.0])]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    curves.write(tmp_path, CHANNELS)
    with (tmp_path / "curves.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["training_dice"] == second["training_dice"] == "0.5"
    assert (first["validation_dice"], second["validation_dice"]) == ("", "0.75")
    assert second["validation_dice_L2"] == "1.0"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_channel_has_one_dice() -> None:
    assert curves.columns({"step": 1, "loss": 0.5, "dice": [0.5]}, ["foramen"]) == {
        "step": 1, "loss": 0.5, "training_dice": 0.5,
    }  # fmt: skip


def test_smoothing_is_the_mean_of_the_last_fifty() -> None:
    values = [float(n) for n in range(120)]
    smooth = curves._smoothed(values)
    assert smooth[0] == 0.0
    assert smooth[1] == 0.5
    assert smooth[-1] == pytest.approx(sum(range(70, 120)) / 50)
