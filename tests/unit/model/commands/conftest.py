"""A small data set and a finished run of a small network, each made once."""

import json
from pathlib import Path

import pytest

from model import commands, index
from model.phantom import write_case


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four phantom cases of four patients."""
    folder = tmp_path_factory.mktemp("commands") / "scans"
    for seed in range(4):
        write_case(folder / f"scan-{seed}", seed=seed)
    return folder


@pytest.fixture(scope="session")
def scans_index(scans: Path) -> Path:
    """Divide the four: two train, one validates, one tests."""
    path = scans.parent / "index.json"
    index.write(index.build(scans, shares=index.Shares(0.25, 0.25)).index, path)
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, scans_index: Path) -> Path:
    """Train a network for two steps; needs TensorFlow."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    commands.train(
        folder, preset="singlenet-base", cases=scans_index, steps=2, batch_size=1, patch_size=33
    )
    return folder


@pytest.fixture
def named(scans_index: Path) -> dict[str, list[str]]:
    """Give the names of the cases in each part of the index."""
    found: dict[str, list[str]] = {}
    for entry in json.loads(scans_index.read_text())["entries"]:
        found.setdefault(entry["part"], []).append(entry["name"])
    return found
