"""`data.json` of a run folder: which subjects a network learned from, and how they were imaged."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from model.json_file import read_json, write_json
from model.localiser.source import ScanSource

_RECORD: Final = "data.json"


def claim(folder: Path, source: ScanSource, before: Sequence[str] = ()) -> None:
    """Write down in a run folder what it learns from, or check it against what is there.

    Args:
        folder: of the run.
        source: of its examples.
        before: subjects from which its first weights had learned.

    Raises:
        ValueError: the folder's run learned from other data.
    """
    path = folder / _RECORD
    options = {
        name: asdict(value) if hasattr(value, "__dataclass_fields__") else value
        for name, value in source.options.items()
    }
    record: dict[str, Any] = {
        "source": "synthetic stream",
        "seed": source.seed,
        "batch_size": source.batch_size,
        "background": source.background,
        "options": options,
        "subjects": [path.name for path in source.files],
    }
    if before:
        record["before"] = list(before)
    if not path.exists():
        write_json(path, record)
        return
    old = read_json(path)
    changed = sorted(name for name in record if old.get(name) != record[name])
    if changed:
        raise ValueError(
            f"{folder} holds a run on other data ({', '.join(changed)}); continue it with its own "
            "data or give another folder"
        )


def subjects(run: Path) -> list[str]:
    """List the file names of all subjects that a run learned from, also before it began."""
    path = run / _RECORD
    if not path.is_file():
        return []
    kept = read_json(path)
    return sorted({*kept["subjects"], *kept.get("before", ())})
