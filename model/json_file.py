"""JSON files of a checked form: every mistake is told with the file and the place in it."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

_MAX_SHOWN = 3

Form = TypeVar("Form", bound=BaseModel)


def read_json(path: Path) -> Any:
    """Read any JSON.

    Raises:
        ValueError: the file is no JSON; the message names it and the line.
        OSError: it cannot be read from the disk.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {error.lineno}: {error.msg}; expected JSON: the file may have been "
            "cut off, take it from its source again"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: expected JSON in UTF-8 ({type(error).__name__})") from error


def parse(path: Path, form: type[Form], data: Any) -> Form:
    """Give data their form.

    Args:
        path: where the data stand, for the message.
        form: what they should be.
        data: what `read_json` gave.

    Raises:
        ValueError: they have another form; the message names the file and the first places.
    """
    try:
        return form.model_validate_json(json.dumps(data))
    except ValidationError as error:
        faults = [_fault(dict(one)) for one in error.errors(include_url=False)]
        more = len(faults) - _MAX_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        raise ValueError(f"{path}: {'; '.join(faults[:_MAX_SHOWN])}{rest}") from error


def _fault(one: dict[str, Any]) -> str:
    """Write `marks.L4-left.0.point_mm: Field required`."""
    steps = [str(step) for step in one["loc"] if step != "[key]"]
    received = one["input"]
    shown = f", got {received!r}" if isinstance(received, str | int | float) else ""
    where = ".".join(steps)
    return f"{where}: {one['msg']}{shown}" if where else f"{one['msg']}{shown}"


def write_json(path: Path, data: Any) -> None:
    """Write indented JSON whole or not at all: to a file beside it, which then takes its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    text = json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)
    beside.write_text(text + "\n", encoding="utf-8")
    beside.replace(path)
