"""Writing a bundle's folder: whole or not at all."""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model.bundle import CARD, CONTENT, FORMAT, Method


@contextmanager
def new(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `folder` when all went well.

    An older bundle in `folder` is replaced.

    Raises:
        ValueError: the folder holds something else than a bundle.
    """
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / CONTENT).is_file():
        raise ValueError(f"{folder} holds other files; give a new folder for the bundle")
    partial, old = (folder.with_name(f"{folder.name}.{end}") for end in ("partial", "old"))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def write_content(
    folder: Path,
    method: Method,
    *,
    name: str,
    version: str,
    handles: Mapping[str, Any],
    training: Mapping[str, Any],
) -> dict[str, Any]:
    """Write bundle.json; give what it holds."""
    content = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "method": dataclasses.asdict(method),
        "handles": dict(handles),
        "training": dict(training),
    }
    text = json.dumps(content, indent=2, allow_nan=False)
    (folder / CONTENT).write_text(text + "\n", encoding="utf-8")
    return content


def write_card(folder: Path, text: str) -> None:
    """Write the model card."""
    (folder / CARD).write_text(text, encoding="utf-8")
