"""The run folder: what a training leaves behind, and what lets it go on after a kill.

train.json           the specification: everything that decides the result
run.json             one entry per session: when, which code, versions, device
history.jsonl        one line per step
checkpoint/          the last two checkpoints
curves.csv, .png     the history for people
tensorboard/         the history for TensorBoard
network.weights.h5   at the end
"""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

SPEC: Final = "train.json"
SESSIONS: Final = "run.json"
HISTORY: Final = "history.jsonl"
CHECKPOINT: Final = "checkpoint"
BOARD: Final = "tensorboard"
WEIGHTS: Final = "network.weights.h5"

_PACKAGES: Final = ("foramina", "tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy")
_ROOT: Final = Path(__file__).parent.parent


def claim(folder: Path, spec: Mapping[str, Any]) -> None:
    """Write the specification into a new folder, or check it against an old one's.

    Raises:
        ValueError: the folder holds a run with another specification.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SPEC
    if not path.exists():
        write_json(path, dict(spec))
        return
    old = json.loads(path.read_text(encoding="utf-8"))
    changed = sorted(name for name in {*old, *spec} if old.get(name) != spec.get(name))
    if changed:
        raise ValueError(
            f"{folder} holds a run with other settings ({', '.join(changed)}); "
            "continue it with its own settings or give another folder"
        )


def enter(folder: Path, step: int, device: str) -> None:
    """Add this session to run.json: code, versions and device from a step on."""
    path = folder / SESSIONS
    sessions = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    sessions.append({
        "from_step": step,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "device": device,
        "python": platform.python_version(),
        "versions": versions(),
    })  # fmt: skip
    write_json(path, sessions)


def write_json(path: Path, content: Any) -> None:
    """Write a file that is either the old one or the new one, never a part."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)


def versions() -> dict[str, str]:
    """Give the versions of the packages that decide numbers, those that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Give the commit of this code, with `-dirty` when files differ; None outside a checkout."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return None
    asked = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None
