"""Nodes to test from outside."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.black_box import BlackBox


@pytest.fixture(scope="module")
def black_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., BlackBox]]:
    """Start nodes with changed sections of the shipped configuration; all are ended."""
    started: list[BlackBox] = []

    def start(**sections: Any) -> BlackBox:
        folder = tmp_path_factory.mktemp("node")
        box = BlackBox(folder, **sections)
        started.append(box)
        box.start()
        return box

    yield start
    for box in started:
        box.stop()
