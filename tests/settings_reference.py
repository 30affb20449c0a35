"""Writes the tables of docs/reference/settings.md: `python -m tests.settings_reference`.

They come from the classes of the configuration: name, default and bounds from a field, its meaning
from the docstring below it. What stands above the line that begins the tables is written by hand.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from node.config import Config

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
BEGIN: Final = "<!-- from here on written by `python -m tests.settings_reference` -->"
_WORDS: Final = {
    bool: "`true`, `false`", int: "whole number", float: "number", str: "text", Path: "path",
    SecretStr: "text, masked", Any: "any",
}  # fmt: skip
_SIGNS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def sections(model: type[BaseModel] = Config, place: str = "") -> Iterator[tuple[str, type[Any]]]:
    """Give every class of settings with the place where it stands, such as `destinations[].tls`."""
    yield place, model
    for name, field in model.model_fields.items():
        for inner, brackets in _classes(field.annotation):
            yield from sections(inner, _joined(place, name) + brackets)


def settings() -> Iterator[tuple[str, str]]:
    """Give every setting by its place, with its meaning."""
    for place, model in sections():
        said = meanings(model)
        for name in model.model_fields:
            yield _joined(place, name), said.get(name, "")


def meanings(model: type[Any]) -> dict[str, str]:
    """Read the docstrings below the fields of a class; a section says its meaning itself."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if each.__module__.startswith("node."):
            found |= _docstrings(each)
    for name, field in model.model_fields.items():
        for inner, _ in _classes(field.annotation):
            found.setdefault(name, (inner.__doc__ or "").strip().splitlines()[0])
    return {name: _for_people(text) for name, text in found.items()}


def written() -> str:
    """Write the tables."""
    return "\n".join(line for place, model in sections() for line in _section(place, model))


def page() -> str:
    """Give the whole page as it should be."""
    head = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    return f"{head}{BEGIN}\n{written()}\n"


def _for_people(text: str) -> str:
    """Write null as YAML does, and a page of the documentation as a link."""
    return re.sub(r"docs/((?:[\w-]+/)*([\w-]+)\.md)", r"[\2](../\1)", text.replace("None", "null"))


def _docstrings(model: type[Any]) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(said))
            ):
                found[name] = " ".join(said.split())
    return found


def _section(place: str, model: type[Any]) -> Iterator[str]:
    said = meanings(model)
    yield f"\n### `{place}`\n" if place else "\n### Top level\n"
    yield from ("| setting | default | value | meaning |", "|---|---|---|---|")
    for name, field in model.model_fields.items():
        values = _values(field.annotation, field.metadata)
        for _, brackets in _classes(field.annotation):
            inner = _joined(place, name) + brackets
            values = f"[`{inner}`](#{_anchor(inner)})"
        cells = (f"`{name}`", _default(field), values, said.get(name, ""))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _anchor(heading: str) -> str:
    """Give the anchor that Python-Markdown makes of a heading."""
    return re.sub(r"[^\w\s-]", "", heading).strip().lower()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return ""
    if isinstance(default, SecretStr) or default in ("", (), {}):
        return "empty"
    return f"`{_plain(default)}`"


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_plain(each) for each in value) + "]"
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else str(value)


def _values(annotation: Any, metadata: Any = ()) -> str:
    """Say in words what a field takes."""
    if hasattr(annotation, "__metadata__"):
        return _values(annotation.__origin__, (*annotation.__metadata__, *metadata))
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{each.value}`" for each in annotation)
    parts = get_args(annotation)
    if get_origin(annotation) is tuple:
        inner = [_values(each) for each in parts if each is not Ellipsis]
        return f"list of {inner[0]}" if Ellipsis in parts else f"list of {len(inner)}: {inner[0]}"
    if NoneType in parts:
        (inner_one,) = (each for each in parts if each is not NoneType)
        return f"{_values(inner_one, metadata)}, or null"
    return ", ".join(
        filter(None, (_WORDS.get(annotation, "address or network"), _bounds(metadata)))
    )


def _bounds(metadata: Any) -> str:
    found = []
    for each in metadata:
        for inner in getattr(each, "metadata", [each]):
            for kind in (Ge, Gt, Le, Lt):
                if isinstance(inner, kind):
                    name = kind.__name__.lower()
                    found.append(f"{_SIGNS[name]} {_plain(getattr(inner, name))}")
    return ", ".join(found)


def _classes(annotation: Any, brackets: str = "") -> list[tuple[type[Any], str]]:
    """Find the sections within an annotation, and `[]` or `{}` where there may be many."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, brackets)]
    more = {tuple: "[]", dict: ".NAME"}.get(get_origin(annotation), "")
    return [found for part in get_args(annotation) for found in _classes(part, brackets + more)]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
