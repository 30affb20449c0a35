"""Pictures: they are made, and refuse what cannot be drawn. What they show is looked at by eye."""

from pathlib import Path

import pytest

from model import plots


def test_dice_curves_of_several_runs_of_differing_length(tmp_path: Path) -> None:
    curves = {"one": [(100, 0.2), (200, 0.5)], "two": [(100, 0.3)], "not yet": []}
    plots.dice_curves(curves, tmp_path / "dice.png")
    assert (tmp_path / "dice.png").read_bytes().startswith(b"\x89PNG")


def test_curves_without_a_value_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run has a Dice yet"):
        plots.dice_curves({"one": []}, tmp_path / "dice.png")


def test_a_scatter_without_a_found_point_is_drawn(tmp_path: Path) -> None:
    report = {
        "bundle": {"name": "b", "version": "1"},
        "within_mm": 5.0,
        "groups": {"all": {"within_5_mm": 0, "foramina": 1, "missed": 1}},
        "foramina": [{"label": "L1-left", "x_mm": None, "yz_mm": None}],
    }
    plots.scatter(report, tmp_path / "scatter.png")
    assert (tmp_path / "scatter.png").is_file()
