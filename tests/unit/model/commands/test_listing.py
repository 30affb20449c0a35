"""The list of what can be trained and used."""

import pytest

from model import commands


def test_presets_and_bundles_are_listed_with_their_parameters() -> None:
    rows = {row["name"]: row for row in commands.networks()}
    assert rows["singlenet-base"]["parameters"] == pytest.approx(179_115, rel=0.05)
    assert rows["multinet-normalised"]["parameters"] == pytest.approx(397_371, rel=0.05)
    assert rows["phantom-1"]["kind"] == "bundle"
    assert rows["phantom-1"]["parameters"] == rows["multinet-normalised"]["parameters"]


def test_reduced_forms_are_listed_too() -> None:
    rows = {row["name"]: row for row in commands.networks(reduced=True)}
    assert rows["multinet-lower-resolution"]["spacing_mm"] == 2.8
    assert rows["multinet-lower-resolution"]["steps"] == 4000
